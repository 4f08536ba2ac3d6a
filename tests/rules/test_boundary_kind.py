"""Kind `boundary`: order of first dose, pending and overdue in place, those who left taken out, doubt named.

The table used: stop at 2 of 3, 3 of 5; looks after each subject from 3 on. First doses are 1, 2, 3 … March.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rules.errors import DesignError
from rules.kinds.boundary import BoundaryRule
from rules.kinds.design import NAMES, Design
from rules.model import AlertStatus, Finding, Reason, Snapshot, Standing, State
from rules.statistics import METHODS
from rules.transition import transition
from tests.rules.tables import only, rule, snapshot

TABLE = {"method": "table", "null_rate": 0.2, "looks": [3, 4, 5, 6], "stop_at": [2, 2, 3, 3]}
JUNE, APRIL = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)


def boundary(**keys: Any) -> Any:
    return rule("boundary", **({"events": {"related": True}, "window": {"after_days": 28}, "design": TABLE} | keys))


def records(
    doses: dict[str, str], events: str = "", seen: str = "", left: str = "", cutoff: datetime = JUNE
) -> Snapshot:
    """Subjects by first dose; events `subject day cause [entered]`; visits and withdrawals `subject day`, by `;`."""
    dm = "USUBJID | SITEID | RFXSTDTC\n" + "\n".join(f"{who} | 701 | {day}" for who, day in doses.items())
    cells = [item.split() for item in events.split(";") if item.strip()]
    ae = "USUBJID | AEDECOD | AESTDTC | AEREL | known\n" + "\n".join(
        " | ".join([c[0], "Rash", c[1].strip("?"), c[2].strip("?"), c[3] if len(c) > 3 else c[1]]) for c in cells
    )
    sv = "USUBJID | SVSTDTC\n" + "\n".join(" | ".join(item.split()) for item in seen.split(";") if item.strip())
    ds = "USUBJID | DSDECOD | DSSTDTC\n" + "\n".join(
        "{} | WITHDRAWAL BY SUBJECT | {}".format(*item.split()) for item in left.split(";") if item.strip()
    )
    return snapshot(DM=dm, AE=ae, SV=sv, DS=ds, cutoff=cutoff)


DOSES = {f"P{i}": f"2026-03-0{i}" for i in range(1, 7)}
ALL_SEEN = "; ".join(f"P{i} 2026-05-01" for i in range(1, 7))


def first(n: int) -> dict[str, str]:
    return dict(list(DOSES.items())[:n])


def seen(n: int) -> str:
    return "; ".join(f"P{i} 2026-05-01" for i in range(1, n + 1))


def standing(finding: Finding) -> dict[str, Standing]:
    return {e.usubjid: e.standing for e in finding.evidence}


def test_crossed_at_the_first_look_whose_count_is_reached() -> None:
    finding = only(
        boundary(), records(first(4), "P1 2026-03-10 RELATED 2026-03-12; P3 2026-03-15 RELATED 2026-03-18", seen(4))
    )
    assert (finding.state, finding.events, finding.at_n, finding.stop_at) == (State.CROSSED, 2, 3, 2)
    assert finding.first_crossed_on == date(2026, 3, 15)
    assert finding.known_at == datetime(2026, 3, 18, tzinfo=UTC)
    assert finding.details["entry_delay_days"] == 3
    assert finding.details["crossed_study_day"] == 13
    assert finding.n_evaluable == 4
    assert [(e.usubjid, e.facts["position"]) for e in finding.counted()] == [("P1", 1), ("P3", 3)]


def test_order_is_first_dose_not_outcome() -> None:
    """Two early events in subjects dosed 5th and 6th: ordered by outcome they would be the first two of two."""
    finding = only(boundary(), records(DOSES, "P5 2026-03-06 RELATED; P6 2026-03-07 RELATED"))
    assert finding.state is State.NEAR
    assert finding.events == 2
    assert finding.at_n == 6


def test_a_crossing_at_an_earlier_look_counts_though_the_latest_does_not() -> None:
    finding = only(boundary(), records(DOSES, "P1 2026-03-10 RELATED; P2 2026-03-11 RELATED", ALL_SEEN))
    assert (finding.state, finding.at_n, finding.stop_at) == (State.CROSSED, 3, 2)
    assert finding.details["met_now"] is False


def test_the_date_of_a_crossing_is_the_later_of_last_event_and_last_first_dose() -> None:
    """Both events were known on 2 March; the third subject, whose look crosses, was dosed on the 3rd."""
    finding = only(boundary(), records(first(3), "P1 2026-03-01 RELATED; P2 2026-03-02 RELATED"))
    assert finding.first_crossed_on == date(2026, 3, 3)
    assert finding.known_at == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_late_entry_is_crossed_when_it_happened_and_known_when_entered() -> None:
    finding = only(boundary(), records(first(3), "P1 2026-03-10 RELATED; P2 2026-03-11 RELATED 2026-05-20", seen(3)))
    assert finding.first_crossed_on == date(2026, 3, 11)
    assert finding.known_at == datetime(2026, 5, 20, tzinfo=UTC)
    assert finding.details["entry_delay_days"] == 70


def test_a_later_event_in_an_early_subject_does_not_move_the_first_crossing() -> None:
    """3 of 5 was reached on 12 March; P2's event of 20 March makes 2 of 3 true as well, but later."""
    before = only(boundary(), records(DOSES, "P1 2026-03-10 RELATED; P4 2026-03-11 RELATED; P5 2026-03-12 RELATED"))
    after = only(
        boundary(),
        records(DOSES, "P1 2026-03-10 RELATED; P4 2026-03-11 RELATED; P5 2026-03-12 RELATED; P2 2026-03-20 RELATED"),
    )
    assert (before.at_n, before.first_crossed_on) == (4, date(2026, 3, 11))
    assert (after.at_n, after.first_crossed_on) == (3, date(2026, 3, 11))
    assert after.details["first_crossed_at_n"] == 4


def test_pending_overdue_and_closed_keep_their_places() -> None:
    part = records(first(4), "P4 2026-03-10 RELATED", "P1 2026-05-01; P2 2026-03-15")
    finding = only(boundary(), part)
    assert standing(finding) == {
        "P1": Standing.NO_EVENT, "P2": Standing.OVERDUE, "P3": Standing.OVERDUE, "P4": Standing.COUNTED,
    }  # fmt: skip
    assert (finding.n_evaluable, finding.n_overdue, finding.n_pending) == (1, 2, 0)
    early = only(boundary(), records(first(4), "P4 2026-03-10 RELATED", "P2 2026-03-15", cutoff=APRIL))
    assert (early.n_evaluable, early.n_overdue, early.n_pending) == (0, 0, 3)


def test_the_window_end_itself_is_not_yet_overdue() -> None:
    last_day = records({"P1": "2026-03-01"}, cutoff=datetime(2026, 3, 29, tzinfo=UTC))
    day_after = records({"P1": "2026-03-01"}, cutoff=datetime(2026, 3, 30, tzinfo=UTC))
    assert only(boundary(), last_day).n_pending == 1
    assert only(boundary(), day_after).n_overdue == 1


def test_an_event_before_the_window_closes_is_in_no_rate_yet() -> None:
    assert only(boundary(), records(first(1), "P1 2026-03-10 RELATED", "P1 2026-03-12")).n_evaluable == 0


def test_pending_subjects_around_the_crossing_are_told_apart() -> None:
    details = only(boundary(), records(DOSES, "P1 2026-03-10 RELATED; P3 2026-03-11 RELATED", cutoff=APRIL)).details
    assert (details["pending_in_look"], details["pending_later"]) == (1, 3)


def test_who_left_without_an_event_is_taken_out_and_both_readings_are_given() -> None:
    part = records(first(4), "P1 2026-03-10 RELATED; P4 2026-03-11 RELATED", "P1 2026-05-01; P4 2026-05-01",
                   left="P2 2026-03-08")  # fmt: skip
    finding = only(boundary(), part)
    assert (finding.state, finding.at_n) == (State.CROSSED, 3)
    assert finding.details["left"] == ["P2"]
    assert standing(finding)["P2"] is Standing.LEFT
    assert finding.details["if_left_counted"] == {
        "as_no_event": {"state": "CROSSED", "at_n": 4, "events": 2, "stop_at": 2},
        "as_event": {"state": "CROSSED", "at_n": 3, "events": 2, "stop_at": 2},
    }


def test_removal_decides_and_says_so() -> None:
    """2 of 3 after removal; 2 events among 5 stays below 3 with the two who left in their places as no event."""
    seen_by = "P1 2026-05-01; P5 2026-05-01; P4 2026-05-01"
    gone = "P2 2026-03-08; P3 2026-03-08"
    part = records(first(5), "P1 2026-03-10 RELATED; P5 2026-03-11 RELATED", seen_by, left=gone)
    finding = only(boundary(), part)
    assert (finding.state, finding.at_n) == (State.CROSSED, 3)
    assert finding.details["if_left_counted"]["as_no_event"]["state"] == "NEAR"


def test_leaving_with_an_event_or_after_the_window_removes_nobody() -> None:
    with_event = only(boundary(), records(first(3), "P2 2026-03-05 RELATED", left="P2 2026-03-08"))
    assert (with_event.details["left"], with_event.events) == ([], 1)
    late = only(boundary(), records(first(3), left="P2 2026-04-20"))
    assert late.details["left"] == []
    assert standing(late)["P2"] is Standing.NO_EVENT


def test_unknown_causality_makes_a_crossing_provisional_and_names_what_it_hangs_on() -> None:
    part = records(first(3), "P1 2026-03-10 RELATED; P2 2026-03-11 ?", seen(3))
    finding = only(boundary(), part)
    assert (finding.state, finding.events, finding.at_n) == (State.PROVISIONAL, 2, 3)
    assert finding.details["hangs_on"] == [
        {"usubjid": "P2", "event_key": "P2:2", "record_key": "P2:2", "domain": "AE", "missing": ["AEREL"]}
    ]
    assert finding.details["if_resolved"]["against"] == {"state": "NEAR", "at_n": 3, "events": 1, "stop_at": 2}
    assert finding.details["if_resolved"]["for"]["state"] == "CROSSED"
    assert finding.details["events_certain"] == 1


def test_certain_events_cross_whatever_else_is_unknown() -> None:
    part = records(first(4), "P1 2026-03-10 RELATED; P2 2026-03-11 ?; P3 2026-03-12 RELATED", seen(4))
    finding = only(boundary(), part)
    assert (finding.state, finding.events) == (State.CROSSED, 3)
    assert finding.first_crossed_on == date(2026, 3, 12)


@pytest.mark.parametrize(
    ("onset", "state", "missing"),
    [
        ("2026-03-29", State.CROSSED, ()),
        ("2026-03-30", State.WITHIN, None),
        ("2026-02-27", State.WITHIN, None),
        ("2026-03", State.PROVISIONAL, ("AESTDTC",)),
        ("2026-04", State.WITHIN, None),
        ("2026", State.PROVISIONAL, ("AESTDTC",)),
        ("?", State.PROVISIONAL, ("AESTDTC",)),
    ],
)
def test_window_by_possible_days(onset: str, state: State, missing: tuple[str, ...] | None) -> None:
    design = {"method": "table", "null_rate": 0.2, "looks": [1], "stop_at": [1]}
    part = records({"P1": "2026-03-01"}, f"P1 {onset} RELATED 2026-05-20", "P1 2026-05-01")
    finding = only(boundary(design=design), part)
    assert finding.state is state
    assert [e.missing for e in finding.counted()] == ([] if missing is None else [missing])
    if missing is None:
        assert Standing.OUTSIDE_WINDOW in [e.standing for e in finding.evidence]


def test_partial_onset_crosses_on_its_earliest_possible_day_and_says_so() -> None:
    design = {"method": "table", "null_rate": 0.2, "looks": [1], "stop_at": [1]}
    finding = only(boundary(design=design), records({"P1": "2026-03-05"}, "P1 2026-03 RELATED 2026-05-20"))
    assert finding.first_crossed_on == date(2026, 3, 5)
    assert finding.details["earliest_possible_date"] is True


def test_partial_first_dose_orders_by_its_earliest_day_and_is_flagged() -> None:
    finding = only(boundary(), records({"P1": "2026-03-10", "P2": "2026-03"}))
    assert [e.usubjid for e in finding.evidence] == ["P2", "P1"]
    assert finding.details["first_dose_partial"] == ["P2"]
    assert finding.evidence[0].missing == ("RFXSTDTC",)


def test_events_of_the_undosed_and_excepted_events_are_shown() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | AEREL\nP1 | Fall | 2026-03-02 | RELATED\nP9 | Rash | 2026-03-02 | RELATED"
    part = snapshot(DM="USUBJID | RFXSTDTC\nP1 | 2026-03-01\nP9 |", AE=ae)
    finding = only(boundary(except_={"terms": "trauma"}), part)
    assert [(e.usubjid, e.standing) for e in finding.evidence] == [
        ("P1", Standing.OVERDUE), ("P1", Standing.EXCEPTED), ("P9", Standing.NOT_DOSED),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("n", "events", "near", "state"),
    [
        (3, "P1 2026-03-10 RELATED", 1, State.NEAR),
        (3, "P1 2026-03-10 RELATED", 0, State.PENDING),
        (3, "", 1, State.PENDING),
        (3, "", 2, State.PENDING),
        (5, "P5 2026-03-10 RELATED", 2, State.NEAR),
        (5, "P5 2026-03-10 RELATED", 1, State.PENDING),
    ],
)
def test_near_is_the_next_events_crossing(n: int, events: str, near: int, state: State) -> None:
    assert only(boundary(near=near), records(first(n), events, cutoff=APRIL)).state is state


def test_closed_windows_are_not_awaited() -> None:
    """All windows closed, one event of three: the next event can only come from subject 4, and 2 of 4 stops."""
    assert only(boundary(), records(first(3), "P1 2026-03-10 RELATED", seen(3))).state is State.NEAR
    assert only(boundary(), records(first(5), "P1 2026-03-10 RELATED", seen(5))).state is State.WITHIN


def test_too_early_in_words() -> None:
    nobody = only(boundary(), snapshot(DM="USUBJID | RFXSTDTC\nP1 |", AE="USUBJID | AEDECOD | AESTDTC | AEREL"))
    assert (nobody.state, nobody.reason) == (State.PENDING, "no subject has been dosed yet")
    two = only(boundary(), records(first(3), "", "P1 2026-05-01; P2 2026-05-01"))
    assert (two.state, two.reason) == (State.PENDING, "too early to judge: 2 evaluable, needs 3")
    assert only(boundary(), records(first(3), "", seen(3))).state is State.WITHIN


def test_beyond_the_design() -> None:
    doses = DOSES | {"P7": "2026-03-07"}
    refused = only(boundary(), records(doses, "P7 2026-03-10 RELATED"))
    assert (refused.state, refused.at_n, refused.events) == (State.BEYOND_DESIGN, 6, 0)
    assert refused.reason == "7 subjects are dosed, the design ends at 6"
    assert refused.evidence[-1].standing is Standing.BEYOND_DESIGN
    within = only(boundary(), records(doses, "P1 2026-03-10 RELATED; P2 2026-03-10 RELATED; P7 2026-03-10 RELATED"))
    assert (within.state, within.events) == (State.CROSSED, 2)


def test_continue_last_goes_on_stopping_and_says_that_the_design_ended() -> None:
    doses = DOSES | {"P7": "2026-03-07"}
    part = records(doses, "P5 2026-03-10 RELATED; P6 2026-03-10 RELATED; P7 2026-03-10 RELATED", ALL_SEEN)
    finding = only(boundary(beyond_max_n="continue_last"), part)
    assert (finding.state, finding.at_n, finding.stop_at) == (State.CROSSED, 7, 3)
    assert finding.details["beyond_design"] == 1


def test_looks_that_are_not_after_each_subject() -> None:
    design = {"method": "table", "null_rate": 0.2, "looks": [2, 5], "stop_at": [2, 2]}
    finding = only(boundary(design=design), records(first(4), "P1 2026-03-10 RELATED; P3 2026-03-10 RELATED", seen(4)))
    assert (finding.at_n, finding.events, finding.details["events_total"]) == (2, 1, 2)
    assert finding.details["next"] == {"look": 5, "stop_at": 2, "events_needed": 0}
    assert finding.state is State.NEAR


def test_several_events_of_a_subject_count_once() -> None:
    finding = only(
        boundary(), records(first(3), "P1 2026-03-10 RELATED; P1 2026-03-12 RELATED; P1 2026-03-14 RELATED", seen(3))
    )
    assert finding.events == 1
    assert [e.usubjid for e in finding.evidence] == ["P1", "P2", "P3"]


def test_an_event_counts_by_its_state_inside_the_window_though_an_earlier_state_lies_outside() -> None:
    dm = "USUBJID | RFXSTDTC\nP1 | 2026-03-11"
    ae = "USUBJID | AEDECOD | AESPID | AESTDTC | AEREL\n"
    ae += "P1 | Rash | 2 | 2026-03-01 | RELATED\nP1 | Rash | 2 | 2026-03-17 |"
    design = {"method": "table", "null_rate": 0.2, "looks": [1], "stop_at": [1]}
    finding = only(boundary(design=design), snapshot(DM=dm, AE=ae))
    assert (finding.state, finding.first_crossed_on) == (State.CROSSED, date(2026, 3, 17))
    assert [e.record_key for e in finding.counted()] == ["P1:2"]


def test_shipped_design_and_its_explanation() -> None:
    design = {"method": "beta_binomial", "null_rate": 0.20, "alpha": 0.10, "prior_a": 0.6, "prior_b": 2.4, "max_n": 20}
    one = boundary(design=design)
    assert isinstance(one, BoundaryRule)
    details = only(one, records(first(2))).details
    runs = [[1, 2, None], [3, 4, 3], [5, 7, 4], [8, 10, 5], [11, 14, 6], [15, 18, 7], [19, 20, 8]]
    assert details["table"] == runs
    assert details["design"]["attained_alpha"] == pytest.approx(0.0964, abs=5e-5)
    assert details["design"]["parameters"] == {"prior_a": 0.6, "prior_b": 2.4}
    assert details["needs_evaluable"] == 3
    assert one.stored()["boundary"]["table"] == runs
    assert one.describe() == (
        "Subjects with a related adverse event, within 28 days of first dose; beta-binomial boundary with 20 looks "
        "up to 20 subjects; false alarm 9.6% where 20% of subjects have such an event, if outcomes are recorded once "
        "and correctly."
    )


def test_details_and_finding_are_json() -> None:
    finding = only(
        boundary(), records(first(4), "P1 2026-03-10 RELATED; P3 2026-03-15 ?", seen(3), left="P4 2026-03-08")
    )
    assert len(finding.digest()) == 64


def test_every_design_of_the_statistics_can_be_written_in_yaml() -> None:
    methods = Design.model_fields["method"].annotation.__args__  # type: ignore[union-attr]
    assert set(methods) >= set(METHODS)
    assert set(NAMES) == set(methods)
    for design in METHODS.values():
        assert set(design.parameters()) <= set(Design.model_fields)


@pytest.mark.parametrize(
    "design",
    [
        {"method": "pocock", "null_rate": 0.2, "alpha": 0.1},
        {"method": "pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 5, "looks": [1, 2]},
        {"method": "pococck", "null_rate": 0.2, "alpha": 0.1, "max_n": 5},
        {"method": "pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 5, "priora": 1},
    ],
)
def test_designs_that_cannot_be_written(design: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        boundary(design=design)


@pytest.mark.parametrize(
    ("design", "parameter"),
    [
        ({"method": "pocock", "null_rate": 1.2, "alpha": 0.1, "max_n": 5}, "null_rate"),
        ({"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 1, "max_n": 5}, "prior_b"),
        ({"method": "pocock", "null_rate": 0.2, "alpha": 0.1, "prior_a": 1, "max_n": 5}, "prior_a"),
    ],
)
def test_designs_that_cannot_exist_stop_the_build(design: dict[str, Any], parameter: str) -> None:
    with pytest.raises((DesignError, ValidationError), match=parameter):
        boundary(design=design)


def test_evidence_of_260_subjects_holds_each_that_counts_so_that_a_swap_is_a_new_event() -> None:
    """Cutting what counts made the 250th subject's event invisible to the transition."""
    doses = {f"P{i:03d}": str(date(2025, 1, 1) + timedelta(days=i)) for i in range(260)}
    long = boundary(design={"method": "table", "null_rate": 0.2, "looks": [260], "stop_at": [3]})

    def with_events(*who: int) -> Finding:
        said = "; ".join(f"P{i:03d} {date(2025, 1, 3) + timedelta(days=i)} RELATED" for i in who)
        return only(long, records(doses, said))

    before, now = with_events(0, 230, 240), with_events(0, 230, 250)
    assert [e.usubjid for e in now.counted()] == ["P000", "P230", "P250"]
    assert now.details["evidence_total"] == 260
    assert transition(AlertStatus(1, 1, before, True, 1), now, 1).reason is Reason.MET_AGAIN
