"""The replay that every boundary rule rests on: catches a skipped look, a moved subject, a late or a false crossing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import DesignError
from rules.statistics import Boundary, calibrate, first_crossings, replay
from tests.rules.statistics.strategies import tables

SHIPPED = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
GROUPS = calibrate("table", null_rate=0.2, looks=(5, 10, 15), stop_at=(3, 4, 6))


def flags(text: str) -> list[bool]:
    """'.x.' = no event, event, no event."""
    return [mark == "x" for mark in text]


def by_hand(boundary: Boundary, events: list[bool]) -> int | None:
    """The first crossing, counted anew at each look."""
    for look, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if look <= len(events) and stop is not None and events[:look].count(True) >= stop:
            return look
    return None


@pytest.mark.parametrize(
    ("events", "first_look"),
    [
        ("", None),
        ("xx", None),  # no count can stop before the third subject
        ("xxx", 3),
        ("x.xx", 4),
        ("x.x.x.x", 7),
        ("x.x.x.....x", None),
        ("xxx.................", 3),  # a crossing long ago is still the first crossing
        (".xx.x.x.......", 7),  # 4 of 7, though only 4 of 14 by now
        ("....xxxx", None),  # 4 of 8 needs 5
        ("....xxxxx", 9),
    ],
)
def test_shipped_rule(events: str, first_look: int | None) -> None:
    found = replay(SHIPPED, flags(events))
    assert found.first_look == first_look
    assert found.crossed is (first_look is not None)


def test_fields_after_a_crossing_describe_the_crossing_look() -> None:
    found = replay(SHIPPED, flags("x.x.x.x....x"))
    assert (found.first_look, found.look, found.events_at_look, found.stop_at) == (7, 7, 4, 4)
    assert (found.n, found.next_look, found.beyond) == (12, 13, False)
    assert found.s == (1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 5)


def test_fields_before_a_crossing_describe_the_last_look_reached() -> None:
    found = replay(GROUPS, flags("x...x..x"))
    assert (found.first_look, found.look, found.events_at_look, found.stop_at, found.next_look) == (None, 5, 2, 3, 10)
    found = replay(GROUPS, flags("xxx"))
    assert (found.first_look, found.look, found.events_at_look, found.stop_at, found.next_look) == (
        None,
        None,
        0,
        None,
        5,
    )


def test_a_group_design_crosses_at_its_looks_only() -> None:
    assert replay(GROUPS, flags("x..x.xxx")).first_look is None  # 5 of 8, but 8 is no look
    assert replay(GROUPS, flags("x..x.xxx..")).first_look == 10


def test_a_jump_over_several_looks_looks_at_each() -> None:
    """From 4 to 15 subjects in one poll: the crossing at 5 is found although the counts at 10 and 15 are within."""
    found = replay(GROUPS, flags("xxx............"))
    assert found.first_look == 5
    assert found.events_at_look == 3


def test_an_outcome_that_arrives_late_crosses_where_its_subject_stands() -> None:
    """Subject 2's event becomes known when 12 are dosed: the crossing is at look 3, not at look 12."""
    waiting, known = flags("x.x........."), flags("xxx.........")
    assert replay(SHIPPED, waiting).first_look is None
    assert replay(SHIPPED, known).first_look == 3


def test_beyond_the_last_look_nothing_crosses() -> None:
    found = replay(GROUPS, flags("." * 15 + "x" * 10))
    assert found.first_look is None
    assert found.beyond
    assert found.next_look is None
    assert not replay(GROUPS, flags("." * 15)).beyond


@given(tables(), st.lists(st.booleans(), max_size=50))
@settings(max_examples=300, deadline=None)
def test_equals_counting_by_hand(table: tuple[tuple[int, ...], tuple[int | None, ...]], events: list[bool]) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=table[0], stop_at=table[1])
    found = replay(boundary, events)
    assert found.first_look == by_hand(boundary, events)
    assert found.s == tuple(events[: k + 1].count(True) for k in range(len(events)))
    assert found.beyond == (len(events) > table[0][-1])


@given(tables(), st.lists(st.booleans(), min_size=1, max_size=50), st.data())
@settings(max_examples=200, deadline=None)
def test_one_more_known_event_never_undoes_or_delays_a_crossing(
    table: tuple[tuple[int, ...], tuple[int | None, ...]], events: list[bool], data: st.DataObject
) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=table[0], stop_at=table[1])
    more = list(events)
    more[data.draw(st.integers(0, len(events) - 1))] = True
    before, after = replay(boundary, events).first_look, replay(boundary, more).first_look
    assert before is None or (after is not None and after <= before)


@given(tables(), st.lists(st.booleans(), max_size=50), st.lists(st.booleans(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_subjects_dosed_later_never_change_an_earlier_crossing(
    table: tuple[tuple[int, ...], tuple[int | None, ...]], events: list[bool], later: list[bool]
) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=table[0], stop_at=table[1])
    first = replay(boundary, events).first_look
    if first is not None:
        assert replay(boundary, events + later).first_look == first


@given(tables(max_n=15), st.integers(0, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_many_trials_at_once_equal_one_by_one(
    table: tuple[tuple[int, ...], tuple[int | None, ...]], n: int, seed: int
) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=table[0], stop_at=table[1])
    trials = np.random.default_rng(seed).random((7, n)) < 0.4
    assert first_crossings(boundary, trials).tolist() == [replay(boundary, trial).first_look or 0 for trial in trials]


@pytest.mark.parametrize("events", [[1, 0], ["event"], [None, True], [0.0], [[True]], [float("nan")]])
def test_a_status_is_not_taken_for_a_flag(events: Any) -> None:
    """'pending' or a missing value would be truthy, and count silently as an event."""
    with pytest.raises(DesignError, match="events"):
        replay(SHIPPED, events)
