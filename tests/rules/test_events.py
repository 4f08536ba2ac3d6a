"""The event table: what each record says, and where it says nothing. 0 = no, 1 = unknown, 2 = yes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from rules.columns import NO, UNKNOWN, YES
from rules.derive import Facts
from rules.errors import SnapshotError
from tests.rules.tables import CODES, snapshot

DM = "USUBJID | RFXSTDTC | RFXENDTC\nP1 | 2026-02-10 | 2026-03-10\nP2 | 2026-02-10 |\nP3 | |"
DS = "USUBJID | DSDECOD | DSSTDTC\nP4 | SCREEN FAILURE | 2026-02-01"


def events(ae: str, **domains: Any) -> pd.DataFrame:
    return Facts(snapshot(AE=ae, **({"DM": DM, "DS": DS} | domains))).events


def one(name: str, **values: str) -> Any:
    """A fact of a single event of subject P1."""
    row = {"USUBJID": "P1", "AEDECOD": "Rash", "AESTDTC": "2026-02-12"} | values
    return events(" | ".join(row) + "\n" + " | ".join(row.values()))[name].iloc[0]


@pytest.mark.parametrize(
    ("subject", "onset", "expected"),
    [
        ("P1", "2026-02-09", NO),
        ("P1", "2026-02-10", YES),
        ("P1", "2026-02-10T08:00", YES),
        ("P1", "2026-04-07", YES),
        ("P1", "2026-04-08", NO),
        ("P1", "2026-02", UNKNOWN),
        ("P1", "2026-01", NO),
        ("P1", "2026-03", YES),
        ("P1", "2026-04", UNKNOWN),
        ("P1", "2026", UNKNOWN),
        ("P1", "2025", NO),
        ("P1", "", UNKNOWN),
        ("P1", "2026-02-30", UNKNOWN),
        ("P2", "2026-05-30", YES),
        ("P3", "2026-02-12", UNKNOWN),
        ("P4", "2026-02-12", NO),
    ],
    ids=[
        *("day before", "same day", "with a time", "last day of follow-up", "day after follow-up"),
        *("month of first dose", "month before", "month inside", "month over the end", "year", "year before"),
        *("missing", "impossible", "treatment goes on", "dose not recorded", "screen failure"),
    ],
)
def test_treatment_emergent_by_onset(subject: str, onset: str, expected: int) -> None:
    table = events(f"USUBJID | AEDECOD | AESTDTC\n{subject} | Rash | {onset}")
    assert table["treatment_emergent"].iloc[0] == expected


@pytest.mark.parametrize(
    ("end", "ds", "expected"),
    [
        ("", "", YES),
        ("2026-03-01", "", YES),
        ("2026-03-01", "P2 | RANDOMIZED | | PROTOCOL MILESTONE | | 2026-02-09", YES),
        ("2026-03-01", "P2 | COMPLETED | | DISPOSITION EVENT | SCREENING | 2026-02-09", YES),
        ("2026-03-01", "P2 | COMPLETED | | DISPOSITION EVENT | TREATMENT | 2026-03-02", UNKNOWN),
        ("2026-03-01", "P2 | PREGNANCY | STUDY TREATMENT | | | ", UNKNOWN),
        ("2026-03-01", "P2 | ADVERSE EVENT | | DISPOSITION EVENT | | 2026-03-02", UNKNOWN),
        ("2026-03-01", "P2 | LOST TO FOLLOW-UP | | DISPOSITION EVENT | | 2026-04-01", UNKNOWN),
        ("2026-03-01", "P2 | WITHDRAWAL BY SUBJECT | | DISPOSITION EVENT | | 2026-03-20", NO),
    ],
)
def test_while_nothing_says_that_treatment_ended_every_onset_since_first_dose_is_certain(
    end: str, ds: str, expected: int
) -> None:
    """Exposure is entered late: a dosing record behind the event must not make it less certain than no record."""
    ex = f"USUBJID | EXSTDTC | EXENDTC\nP2 | 2026-02-10 | {end}"
    ds = "USUBJID | DSDECOD | DSSCAT | DSCAT | EPOCH | DSSTDTC\n" + ds
    table = events("USUBJID | AEDECOD | AESTDTC\nP2 | Rash | 2026-05-01", EX=ex, DS=ds)
    assert table["treatment_emergent"].iloc[0] == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1 | 2026-01-01 | 2026-01-05 | 1\n1 | 2026-01-01 | 2026-02-20 | 2", [NO, YES]),
        ("1 | 2026-01-01 | 2026-01-05 | 2\n1 | 2026-01-01 | 2026-02-20 | 2", [NO, NO]),
        ("1 | 2026-01-01 | 2026-01-05 | 3\n1 | 2026-02-20 | 2026-02-20 | 1", [NO, NO]),
        ("1 | 2026-01-01 | 2026-01-05 | 1\n1 | 2026-02-20 | 2026-02-20 | 2", [NO, YES]),
        ("1 | 2026-01-01 | 2026-01-05 | 1\n1 | 2026-01-01 | 2026-02-20 |", [NO, UNKNOWN]),
        ("1 | 2026-01-01 | 2026-01-05 |\n1 | 2026-01-01 | 2026-02-20 | 2", [NO, UNKNOWN]),
        ("1 | 2026-01-01 | 2026-02-12 | 1\n1 | 2026-01-01 | 2026-02-20 | 2", [NO, YES]),
        ("1 | 2026-01-01 | 2026-01-05 | 1\n1 | 2026-01-01 | 2026-05-20 | 3", [NO, NO]),
        ("1 | 2026-01-01 | 2026-01-05 | 1\n2 | 2026-02-20 | 2026-02-20 | 1", [NO, YES]),
    ],
    ids=[
        *("worse after first dose", "as before", "new row, less grave", "new row, worse", "grade after missing"),
        *("grade before missing", "first seen after dosing", "worse long after the last dose", "another event"),
    ],
)
def test_treatment_emergent_by_worsening(rows: str, expected: list[int]) -> None:
    lines = "\n".join(f"P1 | Rash | {line}" for line in rows.splitlines())
    table = events(f"USUBJID | AEDECOD | AESPID | AESTDTC | AEDTC | AETOXGR\n{lines}")
    assert table["treatment_emergent"].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"AESER": "Y"}, YES),
        ({"AESER": "N"}, NO),
        ({"AESER": "N", "AESHOSP": "Y"}, YES),
        ({"AESER": "N", "AEOUT": "fatal"}, YES),
        ({"AESER": "", "AESLIFE": "Y"}, YES),
        ({"AESER": "", "AESLIFE": "N"}, NO),
        ({"AESER": ""}, UNKNOWN),
        ({"AESER": "N", "AESEV": "SEVERE"}, NO),
    ],
)
def test_serious_by_any_criterion_never_by_grade(values: dict[str, str], expected: int) -> None:
    assert one("serious", **values) == expected


def test_contradiction_counts_as_serious_and_is_listed() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | AESER | AESHOSP\nP1 | Rash | 2026-02-12 | N | Y\nP1 | Rash | 2026-02-12 | Y | Y"
    facts = Facts(snapshot(DM=DM, AE=ae))
    assert facts.events["serious"].tolist() == [YES, YES]
    assert facts.contradictions() == ("P1:1",)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("RELATED", YES), ("possible ", YES), ("NOT RELATED", NO), ("", UNKNOWN), ("MAYBE", UNKNOWN)],
)
def test_causality_missing_or_unmapped_is_unknown(code: str, expected: int) -> None:
    assert one("related", AEREL=code) == expected


@pytest.mark.parametrize(
    ("toxicity", "severity", "grade"),
    [
        ("3", "MILD", 3),
        ("GRADE 2", "", 2),
        ("2.0", "", 2),
        ("", "Severe", 3),
        ("", "", 0),
        ("X", "", 0),
        ("SEVERE", "", 3),
    ],
)
def test_grade_by_number_else_by_the_studys_own_map(toxicity: str, severity: str, grade: int) -> None:
    assert one("grade", AETOXGR=toxicity, AESEV=severity) == grade


def test_severity_is_no_grade_without_a_map() -> None:
    table = Facts(
        snapshot(replace(CODES, grades={}), AE="USUBJID | AEDECOD | AESTDTC | AESEV\nP1 | Rash | 2026-02-12 | SEVERE")
    ).events
    assert table["grade"].tolist() == [0]


@pytest.mark.parametrize(
    ("role", "treated", "control"),
    [("TREATED", YES, NO), ("CONTROL", NO, YES), ("SYSTEMIC", NO, NO), ("", UNKNOWN, NO), ("LEFT ARM", UNKNOWN, NO)],
)
def test_unknown_lesion_counts_as_treated_never_as_control(role: str, treated: int, control: int) -> None:
    assert one("treated_lesion", LESROLE=role) == treated
    assert one("control_lesion", LESROLE=role) == control


def test_expectedness_blank_is_unknown_only_where_the_study_records_it() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | EXPECTED\nP1 | Rash | 2026-02-12 | Y\nP1 | Rash | 2026-02-12 |"
    assert events(ae)["unexpected"].tolist() == [NO, UNKNOWN]
    assert one("unexpected") == YES
    assert one("unexpected", EXPECTED="") == YES


def test_onset_after_the_cutoff_counts_on_its_entry_date_if_entered_before() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | known\nP2 | Rash | 2026-12-01 | 2026-05-20\nP2 | Rash | 2026-12-01 | 2026-05-30"
    table = events(ae, cutoff=datetime(2026, 5, 25, 12, tzinfo=UTC))
    assert table["record_key"].tolist() == ["P2:1"]
    assert str(table["onset_lo"].iloc[0].date()) == "2026-05-20"
    assert table["onset_assumed"].tolist() == [True]
    assert table["treatment_emergent"].tolist() == [UNKNOWN]


def test_entry_date_at_the_source_goes_before_the_day_we_read_it() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | ENTRYDTC | known\nP2 | Rash | 2026-12-01 | 2026-03-03 | 2026-07-01"
    assert str(events(ae)["onset_lo"].iloc[0].date()) == "2026-03-03"


def test_partial_onset_never_reaches_past_the_cutoff() -> None:
    table = events("USUBJID | AEDECOD | AESTDTC\nP2 | Rash | 2026-06")
    assert str(table["onset_hi"].iloc[0].date()) == "2026-06-01"


def test_death_recorded_only_in_ds_or_dm_is_an_event() -> None:
    dm = "USUBJID | RFXSTDTC | DTHFL | DTHDTC\nP1 | 2026-02-10 | Y | 2026-03-01\nP2 | 2026-02-10 | |"
    dm += "\nP3 | 2026-02-10 | Y |"
    ds = "USUBJID | DSDECOD | DSSTDTC\nP2 | DEATH | 2026-04-01"
    ae = "USUBJID | AEDECOD | AESTDTC | AEOUT\nP3 | Sepsis | 2026-03-02 | FATAL"
    table = events(ae, DM=dm, DS=ds)
    assert table["event_key"].tolist() == ["P3:1", "P1:death", "P2:death"]
    assert table["domain"].tolist() == ["AE", "DM", "DS"]
    assert table["death"].tolist() == [YES, YES, YES]
    assert table["related"].tolist()[1:] == [UNKNOWN, UNKNOWN]
    assert [str(d.date()) for d in table["onset_lo"]] == ["2026-03-02", "2026-03-01", "2026-04-01"]


def test_deaths_count_once_however_often_they_are_recorded() -> None:
    dm = "USUBJID | RFXSTDTC | DTHFL | DTHDTC\nP1 | 2026-02-10 | Y | 2026-03-01"
    ds = "USUBJID | DSDECOD | DSSTDTC\nP1 | DEATH | 2026-03-01"
    ae = "USUBJID | AEDECOD | AESTDTC | AESDTH\nP1 | Sepsis | 2026-02-20 | Y"
    assert Facts(snapshot(DM=dm, DS=ds, AE=ae)).counts()["death"] == (1, 1)
    assert Facts(snapshot(DM=dm, DS=ds)).counts()["death"] == (1, 1)


def test_an_event_key_of_two_subjects_is_refused() -> None:
    frame = snapshot(AE="USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-02-12\nP2 | Rash | 2026-02-12").frames["AE"]
    frame["event_key"] = "E01"
    with pytest.raises(SnapshotError, match="event_key"):
        Facts(snapshot(AE=frame)).events  # noqa: B018


def test_counts_take_unknown_as_unsafe_and_states_as_one_event() -> None:
    ae = """
    USUBJID | AEDECOD | AESPID | AESTDTC    | AEREL       | AESER | AETOXGR
    P1      | Rash    | 1      | 2026-02-12 | NOT RELATED | N     | 1
    P1      | Rash    | 1      | 2026-02-14 | NOT RELATED | N     | 3
    P2      | Rash    | 1      | 2026-02-14 |             | N     |
    P2      | Rash    | 2      | 2026-01-14 | NOT RELATED | Y     | 2
    P3      | Rash    | 1      | 2026-02-14 | RELATED     | N     | 2
    """
    counts = Facts(snapshot(DM=DM, AE=ae)).counts("treated")
    assert counts == {
        "any": (2, 3),
        "death": (0, 0),
        "related": (1, 1),
        "serious": (1, 1),
        "severe": (2, 2),
        "treatment_emergent": (2, 2),
    }
