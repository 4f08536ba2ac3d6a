"""Listings: one line an event whatever its states, one course a subject; nothing verbatim."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from rules.columns import NO, UNKNOWN, YES
from rules.derive import Facts
from rules.listing import listed_events, subject_course
from tests.rules.tables import frame, snapshot

DM = "USUBJID | SITEID | RFXSTDTC\nP1 | 701 | 2026-02-10\nP2 | 702 | 2026-02\nP3 | 701 |"
AE = """
USUBJID | AESPID | AETERM             | AEDECOD | AESTDTC    | AEENDTC    | AETOXGR | AEREL       | AESER
P1      | 1      | ITCHY SPOT ON KNEE | Rash    | 2026-02-12 | 2026-02-20 | 2       | NOT RELATED | N
P1      | 1      | ITCHY SPOT ON KNEE | Rash    | 2026-02-14 | 2026-03-01 | 3       |             | N
P1      | 2      | SLIPPED            | Fall    | 2026-02-09 |            | 1       | NOT RELATED | Y
P2      | 1      | TIRED              |         | 2026-03-01 | 2026-03-02 |         | RELATED     | N
"""
EX = "USUBJID | EXTRT | EXSTDTC | EXENDTC\nP1 | STS CREAM | 2026-02-10 | 2026-03-09"
DA = "USUBJID | DATESTCD | DAORRES | DADTC\nP1 | DISPAMT | 61.4 | 2026-02-10\nP1 | RETAMT | 12 | 2026-03-09"
DS = "USUBJID | DSDECOD | DSSTDTC\nP1 | RANDOMIZED | 2026-02-10"
SV = "USUBJID | VISIT | SVSTDTC\nP1 | DAY 28 | 2026-03-09"


def facts() -> Facts:
    return Facts(snapshot(DM=DM, AE=AE, EX=EX, DA=DA, DS=DS, SV=SV))


def test_the_states_of_one_event_are_one_line_at_its_worst() -> None:
    """Would catch a listing that counts a worsening as a second event, or shows its mildest state."""
    (fall, rash, uncoded) = listed_events(facts())
    assert (rash.term, rash.grade, rash.related, rash.serious) == ("Rash", 3, UNKNOWN, NO)
    assert (rash.day, rash.end, rash.site) == (3, 20, "701")
    assert (fall.term, fall.day, fall.end, fall.serious, fall.related) == ("Fall", -1, None, YES, NO)
    assert (uncoded.term, uncoded.grade, uncoded.day, uncoded.related) == ("", 0, None, YES)


def test_lines_agree_with_the_counts_of_rules_and_summaries() -> None:
    """Would catch a listing whose number of events is not the one an alert or a table shows."""
    found = facts()
    events = listed_events(found)
    assert found.counts("all")["any"] == (len({e.usubjid for e in events}), len(events))
    assert found.counts("all")["related"][1] == sum(e.related != NO for e in events)


def test_row_order_changes_nothing() -> None:
    """Would catch a line that takes its term or day from whichever row came first."""
    shuffled = frame("AE", AE).sample(frac=1, random_state=np.random.default_rng(3)).reset_index(drop=True)
    stirred = Facts(snapshot(DM=DM, AE=shuffled, EX=EX))
    straight = Facts(snapshot(DM=DM, AE=AE, EX=EX))
    days = [[(e.usubjid, e.term, e.day, e.grade) for e in listed_events(f)] for f in (straight, stirred)]
    assert days[0] == days[1]


def test_a_subject_s_course_holds_days_and_coded_words_alone() -> None:
    """Would catch verbatim text, an amount, a treatment or a date in a timeline that blinded people read."""
    course = subject_course(facts(), "P1")
    assert course is not None
    marks = [(m.kind, m.label, m.day, m.end) for m in course.marks]
    assert marks == [
        ("event", "Fall", -1, None),
        ("dispensed", "dispensed", 1, None),
        ("disposition", "randomized", 1, None),
        ("dosing", "dosing", 1, 28),
        ("event", "Rash", 3, 20),
        ("returned", "returned", 28, None),
        ("visit", "visit", 28, None),
    ]
    assert (course.position, course.through, course.today) == (2, 28, 112)  # P2 may have been first
    said = str(asdict(course)).upper()
    assert not [word for word in ("ITCHY", "SLIPPED", "STS", "61.4", "2026-02") if word in said]


def test_without_an_exact_first_dose_no_study_day_is_made_up() -> None:
    """Would catch a day counted from an imputed first dose."""
    course = subject_course(facts(), "P2")
    assert course is not None
    assert (course.first_dose_partial, course.today, [m.day for m in course.marks]) == (True, None, [None])
    assert subject_course(facts(), "P9") is None
    never = subject_course(facts(), "P3")
    assert never is not None
    assert (never.position, never.marks) == (0, ())
