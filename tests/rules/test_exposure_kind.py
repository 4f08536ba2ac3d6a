"""Kind `exposure`: events at the exposure of their day, first events only, doubt and partial dates named.

Catches: exposure counted beyond an event, a withdrawal or the window; later events of a subject counted; a crossing
dated by its entry; a missing fact or a partial date that makes a crossing certain.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rules.model import Standing, State
from rules.statistics.exposure import NOT_GUARANTEED
from tests.rules.tables import judge, only, rule, snapshot

DESIGN = {"method": "exposure_pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 24}
"""Event 1 stops up to 26.8 days at risk of all together, event 2 up to 94.9, event 3 up to 192.5."""
DM = """
USUBJID | RFXSTDTC
P1      | 2026-02-01
P2      | 2026-02-01
P3      | 2026-02-11
"""
SV = """
USUBJID | SVSTDTC
P1      | 2026-03-31
P2      | 2026-03-31
P3      | 2026-03-31
"""
AE = "USUBJID | AEDECOD | AESPID | AESTDTC | AEREL | known\n"


def exposure(**keys: Any) -> Any:
    keys = {"events": {"related": True}, "window": {"after_days": 84}, "design": DESIGN} | keys
    return rule("exposure", **keys)


def test_an_event_is_judged_at_the_exposure_of_its_day() -> None:
    """On 20 February P1 and P2 have 19 days each and P3 has 9: 47 days, too late for one event to stop.

    Now the three have 19 + 58 + 48 = 125 days: a second event would come too late, a third would stop up to 192.
    """
    one = snapshot(DM=DM, SV=SV, AE=AE + "P1 | Rash | 1 | 2026-02-20 | RELATED | 2026-02-25")
    finding = only(exposure(), one)
    assert (finding.state, finding.events, finding.stop_at) == (State.WITHIN, 1, 3)
    two = AE + "P1 | Rash | 1 | 2026-02-20 | RELATED | 2026-02-25\nP2 | Rash | 1 | 2026-02-28 | RELATED | 2026-03-09"
    finding = only(exposure(), snapshot(DM=DM, SV=SV, AE=two))
    assert (finding.state, finding.events, finding.stop_at) == (State.CROSSED, 2, 2)
    # P1 until its event 19, P2 until its own 27, P3 until that day 17
    assert finding.details["exposure_at_crossing"] == 63
    assert finding.first_crossed_on == date(2026, 2, 28)
    assert finding.known_at == datetime(2026, 3, 9, tzinfo=UTC)
    assert finding.details["crossed_study_day"] == 28
    assert [(e.usubjid, e.standing, e.facts.get("position")) for e in finding.evidence] == [
        ("P1", Standing.COUNTED, 1), ("P2", Standing.COUNTED, 2), ("P3", Standing.OVERDUE, None),
    ]  # fmt: skip


def test_days_at_risk_end_at_event_withdrawal_last_assessment_and_window() -> None:
    dm = "USUBJID | RFXSTDTC\n" + "\n".join(f"P{i} | 2026-02-01" for i in range(1, 5))
    sv = "USUBJID | SVSTDTC\nP1 | 2026-05-30\nP2 | 2026-05-30\nP3 | 2026-02-11\nP4 | 2026-03-31"
    ds = "USUBJID | DSDECOD | DSSTDTC\nP4 | WITHDRAWAL BY SUBJECT | 2026-02-21"
    ae = AE + "P1 | Rash | 1 | 2026-03-03 | RELATED | 2026-03-04"
    finding = only(exposure(), snapshot(DM=dm, SV=sv, DS=ds, AE=ae))
    assert finding.details["exposure_days"] == 30 + 84 + 10 + 20
    followed = finding.details["if_followed"]
    assert followed["exposure_days"] == 30 + 84 + 84 + 20  # P3 alone is taken as followed: P4 is known to have left


def test_only_the_first_event_of_a_subject_counts_unless_recurrent() -> None:
    ae = AE + "P1 | Rash | 1 | 2026-03-20 | RELATED | 2026-03-21\nP1 | Rash | 2 | 2026-03-25 | RELATED | 2026-03-26"
    first = only(exposure(), snapshot(DM=DM, SV=SV, AE=ae))
    assert (first.events, first.details["exposure_days"]) == (1, 47 + 58 + 48)
    again = exposure(recurrent=True)
    every = only(again, snapshot(DM=DM, SV=SV, AE=ae))
    assert (every.events, every.details["exposure_days"]) == (2, 58 + 58 + 48)
    assert every.details["mark"] == NOT_GUARANTEED
    assert NOT_GUARANTEED in again.describe()
    assert "mark" not in first.details


def test_a_crossing_that_hangs_on_a_missing_fact_is_provisional() -> None:
    """Catches: an event of unknown causality that makes a crossing certain, or is not named."""
    ae = AE + "P1 | Rash | 1 | 2026-02-20 | RELATED | 2026-02-25\nP2 | Rash | 1 | 2026-02-28 |  | 2026-03-09"
    finding = only(exposure(), snapshot(DM=DM, SV=SV, AE=ae))
    assert finding.state is State.PROVISIONAL
    assert [(h["usubjid"], h["missing"]) for h in finding.details["hangs_on"]] == [("P2", ["AEREL"])]


def test_a_partial_onset_that_may_be_late_is_provisional_and_named() -> None:
    ae = AE + "P1 | Rash | 1 | 2026-02 | RELATED | 2026-02-25"
    finding = only(exposure(), snapshot(DM=DM, SV=SV, AE=ae))
    assert finding.state is State.PROVISIONAL
    assert finding.counted()[0].missing == ("AESTDTC",)


def test_an_exception_does_not_count_and_says_so() -> None:
    ae = AE + "P1 | Fall | 1 | 2026-02-03 | RELATED | 2026-02-25"
    finding = only(exposure(except_={"terms": "trauma"}), snapshot(DM=DM, SV=SV, AE=ae))
    assert (finding.state, finding.events) == (State.WITHIN, 0)
    assert Standing.EXCEPTED in {e.standing for e in finding.evidence}


def test_states_before_and_beyond_the_design() -> None:
    nobody = only(exposure(), snapshot(DM="USUBJID | RFXSTDTC\nP1 |", AE=AE))
    assert (nobody.state, nobody.reason) == (State.PENDING, "no subject has been dosed yet")
    small = exposure(window={"after_days": 20}, design=DESIGN | {"max_n": 2})
    beyond = only(small, snapshot(DM=DM, SV=SV, AE=AE))
    assert beyond.state is State.BEYOND_DESIGN
    assert beyond.reason == "60 days at risk and 0 events; the design ends at 2 subjects and 40 days at risk"


def test_by_arm_each_arm_has_its_own_exposure_and_the_blinded_side_none() -> None:
    ae = AE + "P1 | Rash | 1 | 2026-02-20 | RELATED | 2026-02-25"
    by_arm = exposure(per="arm", audience="closed")
    arms = {"P1": "A", "P2": "B", "P3": "B"}
    a, b = judge(by_arm, snapshot(DM=DM, SV=SV, AE=ae, arms=arms))
    assert (a.scope, a.state, a.details["exposure_at_crossing"]) == ("arm:A", State.CROSSED, 19)
    assert (b.scope, b.events, b.details["exposure_days"]) == ("arm:B", 0, 58 + 48)
    assert only(by_arm, snapshot(DM=DM, SV=SV, AE=ae)).state is State.NOT_EVALUABLE
    with pytest.raises(ValidationError, match="per: arm needs audience: closed"):
        exposure(per="arm")


def test_a_design_that_can_never_stop_stops_the_start() -> None:
    with pytest.raises(ValidationError, match="min_events = 30 is not possible"):
        exposure(design=DESIGN | {"method": "exposure_max_sprt", "min_events": 30})


def test_row_order_changes_nothing() -> None:
    rows = ["P1 | Rash | 1 | 2026-02-20 | RELATED | 2026-02-25", "P2 | Rash | 2 | 2026-02-20 |  | 2026-03-09"]
    one, other = (
        only(exposure(), snapshot(DM=DM, SV=SV, AE=(AE + "\n".join(r)).replace("AESPID", "key"))).digest()
        for r in (rows, rows[::-1])
    )
    assert one == other
