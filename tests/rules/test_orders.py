"""Partial first doses: the boundary over every possible order, day by day, against the two orders that decide."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.kinds.judgement import Judge
from rules.kinds.orders import among_first, hinges, least, most, orders_of
from rules.kinds.sequence import Sequence
from rules.model import Finding, Standing, State
from rules.statistics import calibrate
from tests.rules.tables import only, rule, snapshot

START = np.datetime64("2026-03-01", "D")
CERTAIN, DOUBTFUL, NONE, LEFT = "certain", "doubtful", "none", "left"

Subject = tuple[int, int, str]
"""Earliest and latest possible day of first dose, and what is known of the outcome."""

subjects = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([CERTAIN, DOUBTFUL, NONE, NONE])).map(
        lambda s: (s[0], s[0] + s[1], s[2])
    ),
    min_size=1,
    max_size=6,
)


def as_sequence(people: list[Subject]) -> Sequence:
    """The subjects in order of earliest possible first dose, then their number."""
    lo, hi = (np.array([p[i] for p in people], dtype=np.int64) for i in (0, 1))
    event = np.array([p[2] in (CERTAIN, DOUBTFUL) for p in people])
    left = np.array([p[2] == LEFT for p in people])
    no, number = np.zeros(len(people), dtype=bool), np.arange(len(people))
    seq = Sequence(
        subject=number, event=event, certain=np.array([p[2] == CERTAIN for p in people]),
        unit=np.where(event, number, -1), closed=no, left=left, pending=~event & ~left, overdue=no,
        dosed=START + lo, latest=START + hi, left_for_sure=left, absent=no, followed=number * 0,
        day=np.where(event, START + 20, np.datetime64("NaT", "D")), known=np.zeros(len(people), dtype=np.int64),
    )  # fmt: skip
    return seq.at(np.argsort(lo, kind="stable"))


def every_order(people: list[Subject]) -> set[tuple[int, ...]]:
    """All orders that some choice of days gives; equal days by number."""
    days = product(*(range(lo, hi + 1) for lo, hi, _ in people))
    return {tuple(sorted(range(len(people)), key=lambda i: (chosen[i], i))) for chosen in days}


def crossed(order: tuple[int, ...], events: list[bool], stops: dict[int, int]) -> list[int]:
    return [k for k, stop in stops.items() if k <= len(order) and sum(events[i] for i in order[:k]) >= stop]


def judge_of(stops: dict[int, int]) -> Judge:
    table = calibrate("table", null_rate=0.2, looks=list(stops), stop_at=list(stops.values()))
    return Judge(table, continue_last=False, near=0)


TABLES = ({1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 3}, {2: 2, 4: 2}, {3: 2, 4: 3, 5: 3}, {1: 1})


@settings(max_examples=120, deadline=None)
@given(people=subjects, stops=st.sampled_from(TABLES))
def test_crossed_for_certain_in_every_order_and_possibly_in_some(people: list[Subject], stops: dict[int, int]) -> None:
    """Would catch: an order that is not the extreme one, ties by another rule than the number, a look too many."""
    judge, orders = judge_of(stops), orders_of(as_sequence(people))
    known = [p[2] == CERTAIN for p in people]
    perhaps = [p[2] in (CERTAIN, DOUBTFUL) for p in people]
    possible = every_order(people)
    assert orders.sure(judge) == all(crossed(order, known, stops) for order in possible)
    assert judge.replay(orders.most.event).crossed == any(crossed(order, perhaps, stops) for order in possible)
    for k in range(1, len(people) + 1):
        counts = [sum(perhaps[i] for i in order[:k]) for order in possible]
        assert int(orders.most.event[:k].sum()) == max(counts)
        assert int(least(as_sequence(people), as_sequence(people).event).event[:k].sum()) == min(counts)


@settings(max_examples=120, deadline=None)
@given(people=subjects, stops=st.sampled_from(TABLES))
def test_who_decides_is_named_and_only_then(people: list[Subject], stops: dict[int, int]) -> None:
    """Somebody is named just where orders disagree, only with a partial date, and the extremes are possible orders."""
    seq, judge = as_sequence(people), judge_of(stops)
    disagree = False
    for kinds in ((CERTAIN,), (CERTAIN, DOUBTFUL)):
        verdicts = {bool(crossed(o, [p[2] in kinds for p in people], stops)) for o in every_order(people)}
        disagree |= len(verdicts) == 2
    named = hinges(judge, seq)
    assert bool(named) == disagree
    assert all(people[i][0] < people[i][1] for i in named)
    for extreme in (most(seq, seq.event), least(seq, seq.certain)):
        assert tuple(extreme.subject.tolist()) in every_order(people)


@settings(max_examples=150, deadline=None)
@given(people=subjects, n=st.integers(1, 6), weights=st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_the_heaviest_first_n_is_the_heaviest_of_every_order(people: list[Subject], n: int, weights: list[int]) -> None:
    lo, hi = (START + np.array([p[i] for p in people], dtype=np.int64) for i in (0, 1))
    each = np.array(weights[: len(people)], dtype=np.int64)
    sets = {frozenset(order[:n]) for order in every_order(people)}
    totals = [sum(weights[i] for i in members) for members in sets]
    for sign, extreme in ((1, max(totals)), (-1, min(totals))):
        chosen = among_first(lo, hi, sign * each, n)
        assert frozenset(np.flatnonzero(chosen).tolist()) in sets
        assert int(each[chosen].sum()) == extreme


# ---- the same through records ------------------------------------------------------------------------------------

TABLE = {"method": "table", "null_rate": 0.2, "looks": [2, 4], "stop_at": [2, 3]}


def records(doses: dict[str, str], events: list[str], cause: str = "RELATED") -> Any:
    dm = "USUBJID | SITEID | RFXSTDTC\n" + "\n".join(f"{who} | 701 | {day}" for who, day in doses.items())
    rows = "\n".join(f"{who} | Rash | 2026-04-0{i} | {cause}" for i, who in enumerate(events, 2))
    return snapshot(DM=dm, AE="USUBJID | AEDECOD | AESTDTC | AEREL\n" + rows)


def boundary(**keys: Any) -> Any:
    return rule("boundary", **({"events": {"related": True}, "window": {"after_days": 60}, "design": TABLE} | keys))


def named(finding: Finding) -> list[str]:
    return [item["usubjid"] for item in finding.details["hangs_on"]]


DOSES = {"P1": "2026-03-05", "P2": "2026-03-10", "P3": "2026-03", "P4": "2026-03-20"}


@pytest.mark.parametrize(
    ("events", "state", "hangs"),
    [
        # P3 may be first or last: 2 of the first 2 if dosed before the 10th (or the 5th)
        (["P1", "P3"], State.PROVISIONAL, ["P3"]),
        # without an event, P3 dosed early would part P1 and P2
        (["P1", "P2"], State.PROVISIONAL, ["P3"]),
        # 3 of the first 4 in every order
        (["P1", "P2", "P3"], State.CROSSED, []),
        # P4 cannot be among the first two
        (["P3", "P4"], State.NEAR, []),
    ],
)
def test_a_crossing_that_hangs_on_the_order_is_provisional_and_says_on_whom(
    events: list[str], state: State, hangs: list[str]
) -> None:
    finding = only(boundary(), records(DOSES, events))
    assert (finding.state, named(finding)) == (state, hangs)
    deciding = [e for e in finding.evidence if e.facts.get("order_decides")]
    assert [e.usubjid for e in deciding] == hangs
    assert all("RFXSTDTC" in e.missing for e in deciding)
    if state is State.PROVISIONAL:
        assert (finding.at_n, finding.events, finding.stop_at) == (2, 2, 2)
        assert finding.first_crossed_on is not None
        readings = finding.details["if_resolved"]
        assert (readings["for"]["state"], readings["against"]["state"]) == ("CROSSED", "NEAR")


def test_places_shown_are_those_of_the_order_told_of() -> None:
    """P3 is shown in the order that crosses: dosed before P2, whose place moves back."""
    doses = {"P1": "2026-03-05", "P2": "2026-03-10", "P3": "2026-03", "P4": "2026-03-20"}
    finding = only(boundary(), records(doses, ["P1", "P2"]))
    places = {e.usubjid: e.facts["position"] for e in finding.evidence if "position" in e.facts}
    assert places == {"P1": 1, "P2": 2, "P4": 3, "P3": 4}
    assert [e.usubjid for e in finding.evidence] == ["P1", "P2", "P4", "P3"]


def test_both_doubts_are_named_the_missing_cause_and_the_order() -> None:
    finding = only(boundary(), records(DOSES, ["P1", "P3"], cause=""))
    assert finding.state is State.PROVISIONAL
    hangs = {(item["usubjid"], *item["missing"]) for item in finding.details["hangs_on"]}
    assert hangs == {("P1", "AEREL"), ("P3", "AEREL"), ("P3", "RFXSTDTC")}


def test_completing_the_date_confirms_or_withdraws() -> None:
    for day, state in (("2026-03-06", State.CROSSED), ("2026-03-25", State.NEAR)):
        finding = only(boundary(), records(DOSES | {"P3": day}, ["P1", "P3"]))
        assert (finding.state, named(finding)) == (state, [])


def test_the_first_so_many_of_a_count_hang_on_the_order_too() -> None:
    """Among the first two: P1 and, if dosed before the 10th, P3. Not both P2 and P3."""
    two = rule("count", events={"related": True}, at_least=2, first=2)
    provisional = only(two, records(DOSES, ["P1", "P3"]))
    assert (provisional.state, provisional.events, provisional.details["certain"]) == (State.PROVISIONAL, 2, 1)
    assert named(provisional) == ["P3"]
    assert [(e.usubjid, e.missing) for e in provisional.counted()] == [("P1", ()), ("P3", ("RFXSTDTC",))]
    displaced = only(two, records(DOSES, ["P1", "P2"]))
    assert (displaced.state, named(displaced)) == (State.PROVISIONAL, ["P3"])
    never_both = only(two, records(DOSES, ["P2", "P3"]))
    assert (never_both.state, never_both.events) == (State.NEAR, 1)
    never = only(two, records(DOSES, ["P3", "P4"]))
    assert (never.state, never.events) == (State.NEAR, 1)
    either = rule("count", events={"related": True}, at_least=1, first=1)
    whoever = only(either, records({"P1": "2026-03", "P2": "2026-03"}, ["P1", "P2"]))
    assert (whoever.state, whoever.events, whoever.details["certain"]) == (State.CROSSED, 1, 1)
    assert "hangs_on" not in whoever.details


def test_events_of_one_subject_are_in_or_out_together() -> None:
    two = rule("count", events={"related": True}, count="events", at_least=2, first=1)
    doses = {"P1": "2026-03-05", "P2": "2026-03"}
    finding = only(two, records(doses, ["P2", "P2", "P1"]))
    assert (finding.state, finding.events, finding.details["certain"]) == (State.PROVISIONAL, 2, 1)
    assert {e.standing for e in finding.evidence if e.usubjid == "P1"} == {Standing.NOT_MATCHED}


def test_a_wide_interval_in_a_large_study_is_fast_enough() -> None:
    """2,000 subjects of whom a tenth have a partial date: the two orders, not all of them."""
    people = [(i // 4, i // 4 + (30 if i % 10 == 0 else 0), CERTAIN if i % 6 == 0 else NONE) for i in range(2000)]
    judge = judge_of(dict.fromkeys(range(500, 2001, 100), 400))
    assert hinges(judge, as_sequence(people)) == frozenset()
