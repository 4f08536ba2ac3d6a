"""Enrolment and dosing after a hold, on tables that can be checked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from rules.holds import Breach, after_hold
from rules.model import Derivation, Snapshot, StudyPlan

DAY, AT = date(2026, 5, 14), datetime(2026, 5, 14, 15, tzinfo=UTC)
BEFORE, LATER = "2026-05-01", "2026-05-20"
PLAN = StudyPlan("S", timezone="UTC", planned_n=9, treatment_days=84, followup_days=28)


def snapshot(*, known: str = LATER, **domains: list[dict[str, str]]) -> Snapshot:
    frames: dict[str, pd.DataFrame] = {}
    for domain, rows in domains.items():
        frame = pd.DataFrame(rows, dtype="str")
        frames[domain] = frame.assign(known_at=pd.Timestamp(known, tz="UTC"))
    return Snapshot(PLAN, Derivation(), frames, 1, AT, AT)


def found(holds: str, *, subject: str = "", **domains: Any) -> list[Breach]:
    return after_hold(snapshot(**domains), holds.split(), DAY, AT, subject)


def dm(usubjid: str, start: str, first: str = "", last: str = "") -> dict[str, str]:
    return {"USUBJID": usubjid, "RFSTDTC": start, "RFXSTDTC": first, "RFXENDTC": last}


def ex(usubjid: str, start: str, end: str = "") -> dict[str, str]:
    return {"USUBJID": usubjid, "EXSTDTC": start, "EXENDTC": end}


@pytest.mark.parametrize(
    ("start", "first", "expected"),
    [
        ("2026-05-15", "", [Breach("P1", "enrolment")]),
        ("2026-05-15", "2026-05-17", [Breach("P1", "enrolment", None)]),
        ("2026-05-14", "2026-05-20", []),  # enrolled on the day of the decision: that may have been before it
        ("2026-05-01", "2026-05-20", []),  # enrolled before: a first dose is no enrolment
        ("", "2026-05-20", [Breach("P1", "enrolment", 1)]),
        ("", "", []),
    ],
)
def test_an_enrolment_after_a_pause_is_found_by_its_first_date(start: str, first: str, expected: list[Breach]) -> None:
    """Would catch a subject of before who is taken for a new one, and a decision's own day held against people."""
    assert found("pause_enrolment", DM=[dm("P1", start, first)]) == expected


def test_a_dose_after_a_hold_is_found_by_its_start_or_its_end() -> None:
    """Would catch treatment that goes on over a hold, told only when a new record begins."""
    rows = [ex("P1", "2026-05-01", "2026-05-10"), ex("P2", "2026-05-10", "2026-05-16"), ex("P3", "2026-05-15")]
    subjects = [dm("P1", "", "2026-05-01"), dm("P2", "", "2026-05-10"), dm("P3", "", "2026-05-15")]
    assert found("hold_dosing", EX=rows, DM=subjects) == [Breach("P2", "dosing", 7), Breach("P3", "dosing", 1)]


def test_a_halt_bars_both_and_a_hold_for_one_subject_bars_nobody_else() -> None:
    both = {"DM": [dm("P1", "2026-05-15")], "EX": [ex("P2", "2026-05-16")]}
    assert [(b.usubjid, b.what) for b in found("halt_study", **both)] == [("P1", "enrolment"), ("P2", "dosing")]
    assert found("hold_dosing", subject="P9", **both) == []
    assert found("resume", **both) == []


def test_a_partial_date_counts_marked_where_the_record_is_new() -> None:
    """Would catch a month that hides a dose, and an old record in part that alarms for ever."""
    row = {"EX": [ex("P1", "2026-05")]}
    assert found("hold_dosing", **row) == [Breach("P1", "dosing", None, True)]
    assert found("hold_dosing", known=BEFORE, **row) == []
    [later] = found("hold_dosing", known=BEFORE, EX=[ex("P1", "2026-06")])
    assert (later.usubjid, later.partial) == ("P1", False)
