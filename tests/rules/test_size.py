"""100,000 adverse events and 20 rules: a step that builds objects per row, or compares all with all, shows here.

The limit is processor time and generous, because test machines are shared; the work takes about half a second.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from rules.derive import Facts
from rules.evaluate import evaluate
from rules.listing import listed_events
from rules.model import Derivation, Snapshot, StudyPlan
from tests.rules.clock_tables import clock
from tests.rules.tables import REGISTRY

SUBJECTS, EVENTS = 5_000, 100_000
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CODES = Derivation(
    related=frozenset({"RELATED"}),
    unrelated=frozenset({"NOT RELATED"}),
    terms={"some": frozenset(f"Term {k}" for k in range(3)), "other": frozenset({"Term 7"})},
)
PLAN = StudyPlan("BIG", "UTC", planned_n=SUBJECTS, treatment_days=84, followup_days=28)


def text(values: Any) -> pd.Series:
    return pd.Series(values, dtype="str")


def served(frame: pd.DataFrame) -> pd.DataFrame:
    frame["record_key"] = frame["USUBJID"] + ":" + text(np.arange(len(frame)).astype(str))
    frame["event_key"] = frame["record_key"]
    frame["source_id"] = "edc"
    frame["batch_no"] = 1
    frame["known_at"] = pd.Series(pd.Timestamp("2026-01-01", tz="UTC"), index=frame.index, dtype="datetime64[us, UTC]")
    return frame


def study(seed: int) -> Snapshot:
    random = np.random.default_rng(seed)

    def drawn(words: list[str], shares: list[float]) -> pd.Series:
        return text(random.choice(words, EVENTS, p=shares))

    names = np.array([f"S{i // 50:03d}-{i:05d}" for i in range(SUBJECTS)])
    dose = np.datetime64("2024-01-01") + np.sort(random.integers(0, 600, SUBJECTS))
    who = random.integers(0, SUBJECTS, EVENTS)
    onset = dose[who] + random.integers(0, 120, EVENTS)
    visits = np.repeat(np.arange(SUBJECTS), 8)
    seen = dose[visits] + np.tile(np.arange(8) * 14, SUBJECTS)
    terms = [f"Term {k}" for k in range(200)]
    dm = {"USUBJID": text(names), "RFXSTDTC": text(dose.astype(str)), "RFXENDTC": text((dose + 84).astype(str))}
    ae = {
        "USUBJID": text(names[who]),
        "AEDECOD": drawn([*terms, ""], [0.99 / 200] * 200 + [0.01]),
        "AETOXGR": drawn(["1", "2", "3", "4", ""], [0.6, 0.25, 0.1, 0.04, 0.01]),
        "AESER": drawn(["N", "Y"], [0.98, 0.02]),
        "AEREL": drawn(["RELATED", "NOT RELATED", ""], [0.3, 0.69, 0.01]),
        "AESTDTC": text(onset.astype(str)),
        "AEDTC": text((onset + 7).astype(str)),
        "LESROLE": drawn(["TREATED", "CONTROL", "SYSTEMIC", ""], [0.4, 0.3, 0.29, 0.01]),
    }
    sv = {"USUBJID": text(names[visits]), "SVSTDTC": text(seen.astype(str))}
    frames = {"DM": served(pd.DataFrame(dm)), "AE": served(pd.DataFrame(ae)), "SV": served(pd.DataFrame(sv))}
    return Snapshot(PLAN, CODES, frames, batch_no=1, known_at=NOW, data_cutoff=NOW)


def rules() -> list[Any]:
    severe = {"related": True, "grade": ">=3", "treatment_emergent": True}
    local = {"related": True, "grade": ">=2", "terms": "some", "lesion_role": "treated", "treatment_emergent": True}
    grave = {"serious": True, "related": True, "grade": ">=4", "terms": "some"}
    design = {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4}
    made: list[dict[str, Any]] = []
    for i in range(5):
        made += [
            {"id": f"e{i}", "kind": "event", "events": grave},
            {"id": f"t{i}", "kind": "count", "at_least": 60 + i, "per": "term", "events": severe},
            {"id": f"c{i}", "kind": "count", "at_least": 2000 + i, "events": severe, "except": {"terms": "other"}},
            {"id": f"b{i}", "kind": "boundary", "events": local, "window": {"after_days": 28},
             "design": design | {"max_n": 20 + i}},
        ]  # fmt: skip
    return [REGISTRY.build({"action": "notify"} | definition, CODES, PLAN) for definition in made]


def test_a_hundred_thousand_events_and_twenty_rules() -> None:
    snapshot, twenty = study(seed=1), rules()
    began = time.process_time()
    findings = evaluate(twenty, snapshot)
    took = time.process_time() - began
    assert took < 4.0, f"{took:.2f} s of processor time"
    assert {f.rule[0] for f in findings} >= {"e", "c", "b"}
    assert max(len(f.evidence) - len(f.counted()) for f in findings) <= 200


def test_a_clock_for_each_of_two_thousand_events_and_a_listing_of_all() -> None:
    """Would catch a frame or a group that is made for each event: the listing once took 27 s, and now takes one."""
    snapshot = study(seed=1)
    ae = snapshot.frames["AE"]
    ae["AWAREDTC"], ae["SUBMDTC"] = ae["AEDTC"] + "T09:00", text([""] * EVENTS)
    began = time.process_time()
    findings, listed = evaluate([clock()], snapshot), listed_events(Facts(snapshot))
    took = time.process_time() - began
    assert took < 6.0, f"{took:.2f} s of processor time"
    assert len(findings) == sum(event.serious > 0 for event in listed) > 1_900
    assert len(listed) == EVENTS


def test_the_facts_agree_with_a_plain_count() -> None:
    snapshot = study(seed=2)
    ae = snapshot.frames["AE"]
    counts = Facts(snapshot).counts("treated")
    serious = ae[ae["AESER"] == "Y"]
    related = ae[ae["AEREL"] != "NOT RELATED"]
    assert counts["any"] == (ae["USUBJID"].nunique(), EVENTS)
    assert counts["serious"] == (serious["USUBJID"].nunique(), len(serious))
    assert counts["related"] == (related["USUBJID"].nunique(), len(related))
