"""The simulated trial: seeded, dated by when things became known, and each scenario is what it says it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from rules.sdtm import is_arm_revealing
from storage.database import Database
from storage.revisions import ingest
from storage.source_state import load_state
from storage.sources.base import RecordSource, SourceState
from storage.sources.simulated import SimulatedSettings, SimulatedSource, write_sdtm
from storage.sources.simulated_trial import SCENARIOS, SimulatedTrial
from tests.storage.sources.made import NOW, STUDY, poll, source

END = datetime(2030, 1, 1, tzinfo=UTC)
STOP_AT = {3: 3, 4: 3, **dict.fromkeys((5, 6, 7), 4), **dict.fromkeys((8, 9, 10), 5)}
STOP_AT |= {**dict.fromkeys(range(11, 15), 6), **dict.fromkeys(range(15, 19), 7), 19: 8, 20: 8}
"""Of the shipped rule: beta-binomial, prior 0.6 and 2.4, null rate .20, alpha .10, at most 20 subjects."""


def reactors(rows: dict[str, list[dict[str, str]]]) -> list[bool]:
    """Subjects in order of first dose: has a related reaction, grade ≥ 2, within 28 days, as recorded."""
    first = {row["USUBJID"]: row["RFXSTDTC"] for row in rows["DM"]}
    found = set()
    for row in rows["AE"]:
        recorded = row["AEREL"] in ("RELATED", "POSSIBLE", "PROBABLE", "DEFINITE") and row["AETOXGR"] >= "2"
        if not recorded or not row["AEDECOD"].startswith("Application site") or len(row["AESTDTC"]) < 10:
            continue
        onset, dose = (datetime.fromisoformat(text) for text in (row["AESTDTC"], first[row["USUBJID"]]))
        if onset - dose <= timedelta(days=28):
            found.add(row["USUBJID"])
    return [subject in found for subject in sorted(first, key=lambda s: (first[s], s))]


def crossed(flags: list[bool]) -> bool:
    return any(n >= 3 and sum(flags[:n]) >= STOP_AT[n] for n in range(1, len(flags) + 1))


def days(trial: SimulatedTrial) -> list[datetime]:
    start = datetime.combine(trial.start, datetime.min.time(), UTC)
    return [start + timedelta(days=n, hours=23) for n in range((trial.last_day - trial.start).days + 1)]


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_toxic_crosses_and_a_later_correction_lowers_the_count(seed: int) -> None:
    trial = SimulatedTrial(seed, "toxic")
    flags = [reactors(trial.rows_known_by(day)) for day in days(trial)]
    at = next(n for n, known in enumerate(flags) if crossed(known))
    assert sum(flags[at]) == 4
    assert min(sum(known) for known in flags[at:]) == 3
    serious = [row for row in trial.rows_known_by(END)["AE"] if row["AESER"] == "Y"]
    assert [(row["USUBJID"], row["AEREL"]) for row in serious] == [("P-006", "PROBABLE")]


@pytest.mark.parametrize("seed", [1, 7, 42, 1234])
def test_calm_never_crosses_and_has_nothing_serious(seed: int) -> None:
    trial = SimulatedTrial(seed, "calm")
    assert not any(crossed(reactors(trial.rows_known_by(day))) for day in days(trial))
    assert all(row["AESER"] == "N" for row in trial.rows_known_by(END)["AE"])


def test_messy_has_all_that_real_records_have() -> None:
    trial = SimulatedTrial(7, "messy")
    states: dict[str, list[dict[str, str]]] = {}
    for version in trial.versions:
        if version.domain == "AE":
            states.setdefault(version.key, []).append(dict(version.row))
    grades = [[row.get("AETOXGR", "gone") for row in rows] for rows in states.values() if len(rows) > 1]
    assert ["1", "2"] in grades  # corrected up
    assert ["2", "1"] in grades  # and down
    assert ["2", "gone"] in grades  # deleted
    first = [rows[0] for rows in states.values()]
    assert any(row["AEREL"] == "" for row in first)
    assert any(row["AETOXGR"] == "" for row in first)
    assert any(row["AEDECOD"] == "" and row["AETERM"] for row in first)
    assert any(len(row["AESTDTC"]) == 7 for row in first)
    assert any(
        (datetime.fromisoformat(row["ENTRYDTC"]).date() - datetime.fromisoformat(row["AESTDTC"]).date()).days > 14
        for row in first if len(row["AESTDTC"]) == 10
    )  # fmt: skip
    left = {row["DSDECOD"] for row in trial.rows_known_by(END)["DS"]}
    assert {"LOST TO FOLLOW-UP", "WITHDRAWAL BY SUBJECT"} <= left


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_trial_is_pure_simulated_and_has_arms_to_keep_apart(scenario: str) -> None:
    one, two = SimulatedTrial(3, scenario), SimulatedTrial(3, scenario)
    assert one.versions == two.versions
    assert one.versions != SimulatedTrial(4, scenario).versions
    rows = one.rows_known_by(END)
    assert {row["STUDYID"] for records in rows.values() for row in records} == {"STS-CALC-SIM"}
    assert len(rows["DM"]) == 20
    assert sum(row["ARMCD"] == "PBO" for row in rows["DM"]) == 10
    revealing = {name for records in rows.values() for row in records for name in row if is_arm_revealing(name)}
    assert {"ARMCD", "ACTARM", "EXTRT", "EXLOT", "DAREFID"} <= revealing
    assert all(records for records in rows.values())


def test_nothing_is_known_before_it_happened_and_what_is_known_only_grows() -> None:
    trial = SimulatedTrial(7, "messy")
    for version in trial.versions:
        for name, value in version.row.items():
            if name.endswith("STDTC") and len(value) >= 10:
                assert version.known_at.date() >= datetime.fromisoformat(value).date()
    assert all(v.known_at.tzinfo for v in trial.versions)
    sizes = [len(trial.rows_known_by(day)["SV"]) for day in days(trial)]
    assert sizes == sorted(sizes)


def test_an_unknown_scenario_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="choose calm, toxic, messy"):
        SimulatedTrial(1, "wild")


def test_the_source_gives_a_batch_only_when_something_became_known(database: Database) -> None:
    made = SimulatedSource.from_settings(SimulatedSettings(id="sim", scenario="messy"), Path())
    assert isinstance(made, RecordSource)
    numbers = []
    for day in days(made.trial)[:40]:
        with database.reading() as conn:
            state = load_state(conn, STUDY, "sim")
        result = ingest(database, STUDY, made.poll(state, day), now=day)
        numbers.append(result.batch_no)
        assert made.poll(_after(database), day + timedelta(minutes=5)).unchanged
    closed = [n for n in numbers if n is not None]
    assert closed == list(range(1, len(closed) + 1))
    assert None in numbers


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xpt"])
def test_a_folder_of_it_reads_like_the_source_itself(database: Database, tmp_path: Path, suffix: str) -> None:
    trial = SimulatedTrial(7, "messy")
    write_sdtm(trial, tmp_path, END, suffix=suffix)  # type: ignore[arg-type]
    result = poll(database, source(tmp_path), NOW)
    rows = trial.rows_known_by(END)
    assert {domain: counts["new"] for domain, counts in result.domains.items()} == {d: len(r) for d, r in rows.items()}
    assert {f.kind for f in result.faults} == {"uncoded_term"}
    assert result.counts["arm_revealing_dropped"] > 0


def test_frames_of_the_source_say_where_each_row_stands() -> None:
    batch = SimulatedSource(SimulatedSettings(id="sim")).poll(SourceState(), END)
    frame = batch.records["AE"].frame
    assert frame["row_no"].tolist() == list(range(1, len(frame) + 1))
    assert isinstance(frame, pd.DataFrame)
    assert not frame.isna().any().any()


def _after(database: Database) -> SourceState:
    with database.reading() as conn:
        return load_state(conn, STUDY, "sim")
