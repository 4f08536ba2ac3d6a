"""Filters: what matches for certain, what only because a fact is missing, and what it then hangs on."""

from __future__ import annotations

from typing import Any

import pytest

from rules.model import State
from tests.rules.tables import judge, rule, snapshot

DM = "USUBJID | RFXSTDTC | RFXENDTC\nP1 | 2026-02-10 | 2026-03-10"
BASE = {
    "USUBJID": "P1",
    "AEDECOD": "Rash",
    "AETERM": "red spots",
    "AEBODSYS": "SKIN",
    "AESTDTC": "2026-02-12",
    "AEREL": "RELATED",
    "AESER": "N",
    "AETOXGR": "2",
    "LESROLE": "TREATED",
    "EXPECTED": "N",
}


def row(**values: str) -> str:
    """One AE row as a table."""
    cells = BASE | values
    return " | ".join(cells) + "\n" + " | ".join(cells.values())


def found(events: dict[str, Any], ae: str, **keys: Any) -> tuple[State, tuple[str, ...]] | None:
    """State and missing variables of the only finding of an event rule; None where nothing matches."""
    findings = judge(rule("event", events=events, **keys), snapshot(DM=DM, AE=ae))
    if not findings:
        return None
    (finding,) = findings
    return finding.state, finding.evidence[0].missing if finding.evidence else (finding.reason,)


CERTAIN = (State.CROSSED, ())


def hangs(*missing: str) -> tuple[State, tuple[str, ...]]:
    return State.PROVISIONAL, missing


@pytest.mark.parametrize(
    ("events", "values", "expected"),
    [
        ({}, {}, CERTAIN),
        ({"related": True}, {}, CERTAIN),
        ({"related": True}, {"AEREL": "NOT RELATED"}, None),
        ({"related": True}, {"AEREL": ""}, hangs("AEREL")),
        ({"related": False}, {"AEREL": "NOT RELATED"}, CERTAIN),
        ({"related": False}, {"AEREL": ""}, hangs("AEREL")),
        ({"related": False}, {}, None),
        ({"serious": True}, {}, None),
        ({"serious": True}, {"AESER": ""}, hangs("AESER")),
        ({"serious": False}, {}, CERTAIN),
        ({"grade": ">=2"}, {}, CERTAIN),
        ({"grade": ">2"}, {}, None),
        ({"grade": ">=4"}, {"AETOXGR": ""}, hangs("AETOXGR")),
        ({"grade": "<=2"}, {}, CERTAIN),
        ({"grade": "<2"}, {}, None),
        ({"grade": "<2"}, {"AETOXGR": ""}, hangs("AETOXGR")),
        ({"grade": "= 2"}, {}, CERTAIN),
        ({"grade": "==3"}, {}, None),
        ({"terms": "skin"}, {}, CERTAIN),
        ({"terms": "skin"}, {"AEDECOD": "rash"}, CERTAIN),
        ({"terms": "skin"}, {"AEDECOD": "Fall"}, None),
        ({"terms": "skin"}, {"AEDECOD": "", "AETERM": "Itchy spots"}, CERTAIN),
        ({"terms": "skin"}, {"AEDECOD": "", "AETERM": "Pruritus"}, CERTAIN),
        ({"terms": "skin"}, {"AEDECOD": ""}, hangs("AEDECOD")),
        ({"terms": ["trauma", "skin"]}, {"AEDECOD": "Fall"}, CERTAIN),
        ({"terms": "skin"}, {"AEDECOD": "Fall", "AETERM": "itchy spots"}, None),
        ({"soc": "skin"}, {}, CERTAIN),
        ({"soc": ["Gut", "Heart"]}, {}, None),
        ({"soc": "Gut"}, {"AEBODSYS": ""}, hangs("AEBODSYS")),
        ({"treatment_emergent": True}, {}, CERTAIN),
        ({"treatment_emergent": True}, {"AESTDTC": "2026-02"}, hangs("AESTDTC")),
        ({"treatment_emergent": True}, {"AESTDTC": ""}, hangs("AESTDTC")),
        ({"treatment_emergent": True}, {"AESTDTC": "2026-01-01"}, None),
        ({"treatment_emergent": True}, {"USUBJID": "P7"}, hangs("RFXSTDTC")),
        ({"treatment_emergent": False}, {"AESTDTC": "2026-01-01"}, CERTAIN),
        ({"lesion_role": "treated"}, {}, CERTAIN),
        ({"lesion_role": "treated"}, {"LESROLE": ""}, hangs("LESROLE")),
        ({"lesion_role": "control"}, {"LESROLE": ""}, None),
        ({"lesion_role": "control"}, {"LESROLE": "CONTROL"}, CERTAIN),
        ({"lesion_role": "any"}, {"LESROLE": "SYSTEMIC"}, CERTAIN),
        ({"unexpected": True}, {}, CERTAIN),
        ({"unexpected": True}, {"EXPECTED": "Y"}, None),
        ({"where": {"AESER": "N"}}, {}, CERTAIN),
        ({"where": {"AESER": ["Y", "U"]}}, {}, None),
        ({"where": {"AESER": "Y"}}, {"AESER": ""}, None),
        ({"related": True, "grade": ">=3"}, {"AEREL": "", "AETOXGR": ""}, hangs("AEREL", "AETOXGR")),
        ({"related": True, "grade": ">=3"}, {"AEREL": "", "AETOXGR": "2"}, None),
        ({"death": True}, {"AESER": "Y"}, None),
    ],
)
def test_each_key(events: dict[str, Any], values: dict[str, str], expected: object) -> None:
    assert found(events, row(**values)) == expected


def test_expectedness_unknown_beside_rows_that_record_it() -> None:
    ae = row(EXPECTED="") + "\n" + row(EXPECTED="Y").splitlines()[1]
    assert found({"unexpected": True}, ae) == hangs("EXPECTED")


@pytest.mark.parametrize(
    ("events", "column", "said"),
    [
        ({"related": True}, "AEREL", "AE.AEREL"),
        ({"grade": ">=2"}, "AETOXGR", "AE.AETOXGR or AESEV"),
        ({"terms": "skin"}, "AEDECOD", "AE.AEDECOD"),
        ({"soc": "skin"}, "AEBODSYS", "AE.AEBODSYS or AESOC"),
        ({"lesion_role": "treated"}, "LESROLE", "AE.LESROLE"),
        ({"where": {"AEACN": "X"}}, "AESER", "AE.AEACN"),
    ],
)
def test_a_missing_column_is_no_answer(events: dict[str, Any], column: str, said: str) -> None:
    cells = {name: value for name, value in BASE.items() if name != column}
    ae = " | ".join(cells) + "\n" + " | ".join(cells.values())
    result = found(events, ae)
    assert result is not None
    assert result[0] is State.NOT_EVALUABLE
    assert said in result[1][0]


def test_unknown_term_list_is_no_answer_and_names_those_that_exist() -> None:
    assert found({"terms": "sknn"}, row()) == (
        State.NOT_EVALUABLE, ("no term list is called 'sknn'; known lists: skin, trauma",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("except_", "values", "expected"),
    [
        ({"terms": "trauma"}, {"AEDECOD": "Fall"}, None),
        ({"terms": "trauma"}, {}, CERTAIN),
        ({"terms": "trauma"}, {"AEDECOD": ""}, hangs("AEDECOD")),
        ({"terms": "skin", "grade": "<=3"}, {"AETOXGR": "3"}, None),
        ({"terms": "skin", "grade": "<=3"}, {"AETOXGR": "4"}, CERTAIN),
        ({"terms": "skin", "grade": "<=3"}, {"AETOXGR": ""}, hangs("AETOXGR")),
    ],
)
def test_only_recorded_facts_except_an_event(except_: dict[str, Any], values: dict[str, str], expected: object) -> None:
    assert found({"related": True}, row(**values), except_=except_) == expected


STATES = "USUBJID | AEDECOD | AESPID | AESTDTC | AEREL | AETOXGR | AESER\n"


@pytest.mark.parametrize(
    ("rows", "events", "expected"),
    [
        (["RELATED | 1 | N", "NOT RELATED | 3 | N"], {"related": True, "grade": ">=3"}, CERTAIN),
        (["RELATED | 1 | N", "NOT RELATED | 2 | N"], {"related": True, "grade": ">=3"}, None),
        (["RELATED | 1 | N", "RELATED |  | N"], {"grade": ">=3"}, hangs("AETOXGR")),
        (["RELATED |  | N", "RELATED | 3 | N"], {"grade": ">=3"}, CERTAIN),
        (["RELATED | 1 | N", "RELATED | 4 | N"], {"grade": "<=3"}, None),
        (["NOT RELATED | 1 | Y", "RELATED | 1 | N"], {"related": True, "serious": True}, CERTAIN),
        ([" | 1 | N", "NOT RELATED | 1 | N"], {"related": True}, hangs("AEREL")),
        ([" | 1 | N", "RELATED | 1 | N"], {"related": True}, CERTAIN),
    ],
    ids=[
        *("worse causality of one state, worse grade of another", "no state bad enough", "a state without grade"),
        *(
            "one certain state is enough",
            "worst grade excludes",
            "serious once",
            "causality unknown in one",
            "known in one",
        ),
    ],
)
def test_states_of_one_event_count_once_at_the_worst(rows: list[str], events: dict[str, Any], expected: object) -> None:
    ae = STATES + "\n".join(f"P1 | Rash | 7 | 2026-02-12 | {r}" for r in rows)
    assert found(events, ae) == expected


def test_the_worst_grade_is_told_whichever_state_stands_for_the_event() -> None:
    ae = STATES + "P1 | Rash | 7 | 2026-02-12 | RELATED | 2 | N\nP1 | Rash | 7 | 2026-02-15 | RELATED | 4 | N"
    (finding,) = judge(rule("event", events={"grade": ">=2"}), snapshot(DM=DM, AE=ae))
    assert finding.scope == "P1:7"
    assert finding.evidence[0].facts["grade"] == 4
    assert finding.evidence[0].facts["study_day"] == 3


ONE_EVENT = "USUBJID | AESPID | AEDECOD | AESER | AEREL | AETOXGR | AESTDTC | AEDTC\n"


def one_event(*rows: str) -> str:
    """States of one event, `AEDECOD | AESER | AEREL | AETOXGR | AESTDTC` each."""
    return ONE_EVENT + "\n".join(f"P1 | 1 | {row} | {row.rsplit('|', 1)[1]}" for row in rows)


TRAUMA = {"except_": {"terms": "trauma"}}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("Fall | Y | RELATED | 3 | 2026-02-12", "Fall | Y | RELATED | 3 | 2026-02-13"), None),
        (("Fall | N | RELATED | 3 | 2026-02-12", "Sepsis | Y | RELATED | 3 | 2026-02-13"), CERTAIN),
        (("Sepsis | Y | RELATED | 3 | 2026-02-12", "Fall | Y | RELATED | 3 | 2026-02-13"), hangs("AEDECOD")),
        (("Sepsis | N | RELATED | 3 | 2026-02-12", "Fall | Y | RELATED | 3 | 2026-02-13"), hangs("AEDECOD")),
        (("Fall | Y | RELATED | 3 | 2026-02-12", " | Y | RELATED | 3 | 2026-02-13"), hangs("AEDECOD")),
    ],
)
def test_an_event_is_excepted_only_where_every_matching_state_is(
    rows: tuple[str, ...], expected: tuple[State, tuple[str, ...]] | None
) -> None:
    """A serious event first called a fall and then a sepsis must not vanish; one that becomes a fall is in doubt."""
    assert found({"serious": True}, one_event(*rows), **TRAUMA) == expected


def test_a_worsening_after_first_dose_is_not_excepted_by_the_state_before_it() -> None:
    ae = one_event("Rash | N | RELATED | 1 | 2026-02-01", "Rash | Y | RELATED | 3 | 2026-02-20")
    assert found({"serious": True}, ae, except_={"treatment_emergent": False}) == CERTAIN


def test_one_related_state_keeps_an_exception_of_unrelated_events_away() -> None:
    ae = one_event("Rash | Y | RELATED | 3 | 2026-02-12", "Rash | Y | NOT RELATED | 3 | 2026-02-13")
    assert found({"serious": True}, ae, except_={"related": False}) == CERTAIN
    assert found({"serious": True}, ae, except_={"related": True}) == hangs("AEREL")


def test_an_exception_by_a_recorded_value_names_that_variable_where_only_one_state_has_it() -> None:
    ae = one_event("Rash | Y | RELATED | 3 | 2026-02-12", "Rash | Y | NOT RELATED | 3 | 2026-02-13")
    assert found({"serious": True}, ae, except_={"where": {"AESTDTC": "2026-02-13"}}) == hangs("AESTDTC")


def test_only_states_in_the_window_decide_on_an_exception() -> None:
    ae = one_event("Fall | Y | RELATED | 3 | 2026-02-12", "Sepsis | Y | RELATED | 3 | 2026-04-20")
    assert found({"serious": True}, ae, window={"after_days": 28}, **TRAUMA) is None


@pytest.mark.parametrize(
    ("events", "missing"),
    [
        ({"related": True, "grade": ">=3"}, ("AEREL",)),
        ({"related": True}, ("AEREL",)),
        ({"grade": ">=3"}, ()),
        ({"serious": True}, ()),
        ({"death": True}, ()),
        ({"grade": "<=2"}, None),
        ({"serious": False}, None),
        ({}, None),
        ({"treatment_emergent": True}, None),
    ],
)
def test_a_death_that_only_disposition_records_is_of_grade_5_and_perhaps_related(
    events: dict[str, Any], missing: tuple[str, ...] | None
) -> None:
    """A subject who died must not be missed by a rule on related severe events because no event row was entered."""
    ds = "USUBJID | DSDECOD | DSSTDTC\nP1 | DEATH | 2026-02-20"
    records = snapshot(DM=DM, DS=ds, AE="USUBJID | AEDECOD | AESTDTC | AEREL | AESER | AETOXGR")
    findings = judge(rule("event", events=events), records)
    assert [f.evidence[0].missing for f in findings] == ([] if missing is None else [missing])
