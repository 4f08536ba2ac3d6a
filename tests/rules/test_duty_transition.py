"""What people hear of a duty that runs against time: each warning once, lateness aloud, its end, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from rules.evaluate import transition
from rules.model import AlertStatus, Evidence, Finding, Reason, Standing, State

EVENT = Evidence("P-1", Standing.COUNTED, "1", "E1", "AE")


def duty(state: str, warned: int = 0, basis: str = "due Friday", events: int = 1, **details: Any) -> Finding:
    told = {"warned": warned, "basis": [basis], **details}
    return Finding("c", "E1", State(state), events=events, evidence=(EVENT,), details=told)


RUNNING, ONCE, TWICE = duty("PENDING"), duty("NEAR", 1), duty("NEAR", 2)
OVERDUE, DOUBTFUL = duty("CROSSED"), duty("PROVISIONAL")
DONE, FURTHER = duty("WITHIN", basis="submitted", done=True), duty("NEAR", 1, "a second one", events=2)


@pytest.mark.parametrize(
    ("now", "reason", "opens"),
    [(RUNNING, Reason.NONE, False), (ONCE, Reason.REMINDER_DUE, True), (OVERDUE, Reason.FIRST_CROSSING, True)],
)
def test_the_first_warning_opens_the_alert(now: Finding, reason: Reason, opens: bool) -> None:
    found = transition(None, now, 1)
    assert (found.reason, found.opens) == (reason, opens)


@pytest.mark.parametrize(
    ("before", "crossed", "now", "reason", "broadcast"),
    [
        (ONCE, False, ONCE, Reason.NONE, False),
        (ONCE, False, TWICE, Reason.REMINDER_DUE, True),
        (TWICE, False, OVERDUE, Reason.WORSENED, True),
        (TWICE, False, DOUBTFUL, Reason.WORSENED, True),
        (DOUBTFUL, False, OVERDUE, Reason.CONFIRMED, True),
        (OVERDUE, True, OVERDUE, Reason.NONE, False),
        (ONCE, False, duty("NEAR", 1, "due Thursday"), Reason.BASIS_CHANGED, False),
        (OVERDUE, True, duty("CROSSED", basis="deleted"), Reason.BASIS_CHANGED, False),
        (OVERDUE, True, DONE, Reason.NO_LONGER_MET, False),
        (ONCE, False, DONE, Reason.NO_LONGER_MET, False),
        (DONE, True, RUNNING, Reason.NONE, False),
        (DONE, True, FURTHER, Reason.REMINDER_DUE, True),
        (DONE, True, OVERDUE, Reason.MET_AGAIN, True),
    ],
)
def test_inside_an_episode(before: Finding, crossed: bool, now: Finding, reason: Reason, broadcast: bool) -> None:
    found = transition(AlertStatus(1, 2, before, crossed, 1), now, 1)
    assert (found.reason, found.broadcast, found.opens) == (reason, broadcast, False)


@pytest.mark.parametrize(
    ("before", "now", "opens"),
    [
        (ONCE, TWICE, False),  # people have said that it is done; the clock alone brings nothing back
        (ONCE, OVERDUE, False),
        (OVERDUE, OVERDUE, False),
        (ONCE, FURTHER, True),  # a further clock is a new event
        (OVERDUE, duty("CROSSED", events=2), True),
    ],
)
def test_resolved_by_a_person_it_stays_so_until_a_further_clock_speaks(
    before: Finding, now: Finding, opens: bool
) -> None:
    found = transition(AlertStatus(1, 2, before, before.state is State.CROSSED, 1, resolved=True), now, 1)
    assert (found.opens, found.episode) == (opens, 2 if opens else 1)
