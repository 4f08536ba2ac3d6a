"""The table of `transition`, line by line: why people are spoken to, and when they are left in peace."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from rules.evaluate import recorded, transition
from rules.model import AlertStatus, Evidence, Finding, Reason, Standing, State, finding_from_body

ON, KNOWN = date(2026, 5, 12), datetime(2026, 5, 14, tzinfo=UTC)


def counted(
    name: str, *, grade: int = 2, serious: bool = False, death: bool = False, missing: tuple[str, ...] = ()
) -> Evidence:
    facts = {"grade": grade, "serious": serious, "death": death}
    return Evidence(f"P-{name}", Standing.COUNTED, f"{name}.1", name, "AE", missing, facts)


A, B, C = counted("A"), counted("B"), counted("C")


def finding(state: str = "CROSSED", *items: Evidence, events: int | None = None, **keys: Any) -> Finding:
    met = state in ("CROSSED", "PROVISIONAL")
    dates = {"first_crossed_on": ON, "known_at": KNOWN} if met else {}
    keys = dates | keys
    return Finding("r", "study", State(state), events=len(items) if events is None else events, evidence=items, **keys)


def status(before: Finding, *, crossed: bool | None = None, resolved: bool = False, version: int = 1) -> AlertStatus:
    ever = before.state is State.CROSSED if crossed is None else crossed
    return AlertStatus(1, 3, before, ever, version, resolved)


CROSSED, PROVISIONAL = finding("CROSSED", A), finding("PROVISIONAL", counted("A", missing=("AEREL",)))
LATER_LOOK = {"details": {"met_now": False}}


@pytest.mark.parametrize(
    ("now", "reason", "opens"),
    [
        (CROSSED, Reason.FIRST_CROSSING, True),
        (PROVISIONAL, Reason.FIRST_CROSSING, True),
        (finding("NOT_EVALUABLE"), Reason.NOT_EVALUABLE, False),
        (finding("WITHIN"), Reason.NONE, False),
        (finding("NEAR", A), Reason.NONE, False),
        (finding("PENDING"), Reason.NONE, False),
        (finding("BEYOND_DESIGN"), Reason.NONE, False),
    ],
)
def test_without_an_alert(now: Finding, reason: Reason, opens: bool) -> None:
    result = transition(None, now, 1)
    assert (result.reason, result.opens, result.episode) == (reason, opens, 1)


@pytest.mark.parametrize(
    ("before", "crossed", "now", "reason", "broadcast"),
    [
        (CROSSED, True, finding("NOT_EVALUABLE"), Reason.NOT_EVALUABLE, False),
        (finding("NOT_EVALUABLE"), True, finding("NOT_EVALUABLE", reason="other"), Reason.NONE, False),
        (CROSSED, True, finding("WITHIN"), Reason.BASIS_CHANGED, False),
        (CROSSED, True, finding("NEAR"), Reason.BASIS_CHANGED, False),
        (CROSSED, True, finding("BEYOND_DESIGN"), Reason.BASIS_CHANGED, False),
        (PROVISIONAL, False, finding("WITHIN"), Reason.NO_LONGER_MET, False),
        (PROVISIONAL, True, finding("WITHIN"), Reason.BASIS_CHANGED, False),
        (finding("NOT_EVALUABLE"), True, finding("WITHIN"), Reason.BASIS_CHANGED, False),
        (finding("NOT_EVALUABLE"), False, finding("WITHIN"), Reason.NO_LONGER_MET, False),
        (finding("WITHIN"), True, finding("NEAR", A), Reason.NONE, False),
        (finding("WITHIN"), True, CROSSED, Reason.MET_AGAIN, True),
        (finding("NEAR"), False, PROVISIONAL, Reason.MET_AGAIN, True),
        (finding("NOT_EVALUABLE"), True, CROSSED, Reason.MET_AGAIN, True),
        (PROVISIONAL, False, CROSSED, Reason.CONFIRMED, True),
        (PROVISIONAL, False, finding("CROSSED", A, B), Reason.CONFIRMED, True),
        (CROSSED, True, PROVISIONAL, Reason.BASIS_CHANGED, False),
        (CROSSED, True, finding("CROSSED", A, B), Reason.MET_AGAIN, True),
        (PROVISIONAL, False, finding("PROVISIONAL", A, B), Reason.MET_AGAIN, True),
        (CROSSED, True, finding("CROSSED", A, B, **LATER_LOOK), Reason.WORSENED, False),
        (CROSSED, True, finding("CROSSED", B), Reason.MET_AGAIN, True),
        (CROSSED, True, finding("CROSSED", counted("A", grade=3)), Reason.WORSENED, True),
        (CROSSED, True, finding("CROSSED", counted("A", serious=True)), Reason.WORSENED, True),
        (CROSSED, True, finding("CROSSED", counted("A", grade=1, death=True)), Reason.WORSENED, True),
        (CROSSED, True, finding("CROSSED", counted("A", grade=1)), Reason.BASIS_CHANGED, False),
        (finding("CROSSED", A, B), True, finding("CROSSED", A), Reason.BASIS_CHANGED, False),
        (CROSSED, True, finding("CROSSED", A, at_n=4), Reason.BASIS_CHANGED, False),
        (PROVISIONAL, False, finding("PROVISIONAL", counted("A", missing=("AETOXGR",))), Reason.BASIS_CHANGED, False),
        (CROSSED, True, CROSSED, Reason.NONE, False),
        (CROSSED, True, finding("CROSSED", A, n_pending=5, n_evaluable=9), Reason.NONE, False),
        (CROSSED, True, finding("CROSSED", A, known_at=datetime(2026, 6, 1, tzinfo=UTC)), Reason.NONE, False),
    ],
)
def test_inside_an_episode(before: Finding, crossed: bool, now: Finding, reason: Reason, broadcast: bool) -> None:
    result = transition(status(before, crossed=crossed), now, 1)
    assert (result.reason, result.broadcast, result.opens, result.episode) == (reason, broadcast, False, 1)


@pytest.mark.parametrize("now", [CROSSED, finding("WITHIN"), finding("NOT_EVALUABLE"), PROVISIONAL])
def test_another_rule_version_never_clears_a_crossing_silently(now: Finding) -> None:
    result = transition(status(CROSSED), now, 2)
    assert result.reason is Reason.RULE_CHANGED
    assert (result.before["rule_version"], result.after["rule_version"]) == (1, 2)


@pytest.mark.parametrize(
    ("before", "now", "opens"),
    [
        (CROSSED, CROSSED, False),
        (CROSSED, finding("CROSSED", A, n_pending=3), False),
        (CROSSED, finding("WITHIN"), False),
        (CROSSED, finding("NOT_EVALUABLE"), False),
        (CROSSED, finding("CROSSED", A, B), True),
        (CROSSED, finding("PROVISIONAL", A, B), True),
        (CROSSED, finding("CROSSED", counted("A", grade=4)), True),
        (PROVISIONAL, finding("CROSSED", A), True),
        (finding("WITHIN"), CROSSED, True),
        (finding("CROSSED", A, B), CROSSED, False),
    ],
)
def test_after_a_person_resolved_it_the_rule_rearms_at_the_next_event(
    before: Finding, now: Finding, opens: bool
) -> None:
    result = transition(status(before, resolved=True), now, 1)
    assert result.opens is opens
    assert (result.reason, result.episode) == ((Reason.FIRST_CROSSING, 2) if opens else (Reason.NONE, 1))


def test_where_subjects_are_counted_a_second_event_of_one_of_them_is_not_new() -> None:
    subjects = {"details": {"counting": "subjects"}}
    other_event = Evidence("P-A", Standing.COUNTED, "A9.1", "A9", "AE", (), A.facts)
    before, now = finding("CROSSED", A, **subjects), finding("CROSSED", other_event, **subjects)
    assert transition(status(before), now, 1).reason is Reason.BASIS_CHANGED


def test_what_changed_is_told_before_and_after() -> None:
    result = transition(status(finding("CROSSED", A, B, at_n=7, stop_at=2)), finding("WITHIN", A, at_n=7, stop_at=2), 1)
    assert (result.before["events"], result.after["events"]) == (2, 1)
    assert (result.before["state"], result.after["state"]) == ("CROSSED", "WITHIN")
    assert result.before["counted"] == ["A", "B"]
    assert result.before["first_crossed_on"] == "2026-05-12"


def test_the_first_crossing_stays_recorded_through_everything() -> None:
    first = recorded(None, finding("CROSSED", A, B, at_n=7, stop_at=2))
    held = first.details["first_crossing"]
    assert held == {
        "first_crossed_on": "2026-05-12", "known_at": KNOWN.isoformat(), "events": 2, "at_n": 7, "stop_at": 2,
    }  # fmt: skip
    fallen = recorded(status(first), finding("WITHIN", A))
    assert fallen.details["first_crossing"] == held
    assert (fallen.first_crossed_on, fallen.known_at) == (ON, KNOWN)
    broken = recorded(status(fallen, crossed=True), finding("NOT_EVALUABLE"))
    again = recorded(status(broken, crossed=True), finding("CROSSED", A, C, first_crossed_on=date(2026, 5, 20)))
    assert again.details["first_crossing"] == held
    assert again.first_crossed_on == date(2026, 5, 20)


BROKEN = finding("NOT_EVALUABLE", reason="the records have no AE")


@pytest.mark.parametrize(
    ("last", "crossed", "now", "reason", "broadcast"),
    [
        (CROSSED, True, CROSSED, Reason.RESTORED, False),
        (PROVISIONAL, False, PROVISIONAL, Reason.RESTORED, False),
        (finding("WITHIN"), True, finding("NEAR", A), Reason.RESTORED, False),
        (CROSSED, True, finding("CROSSED", A, B), Reason.MET_AGAIN, True),
        (CROSSED, True, finding("CROSSED", counted("A", grade=4)), Reason.WORSENED, True),
        (finding("CROSSED", A, B), True, CROSSED, Reason.BASIS_CHANGED, False),
        (PROVISIONAL, False, CROSSED, Reason.CONFIRMED, True),
        (CROSSED, True, finding("WITHIN"), Reason.BASIS_CHANGED, False),
        (PROVISIONAL, False, finding("WITHIN"), Reason.NO_LONGER_MET, False),
        (finding("WITHIN"), True, CROSSED, Reason.MET_AGAIN, True),
    ],
)
def test_after_an_outage_only_what_changed_is_told(
    last: Finding, crossed: bool, now: Finding, reason: Reason, broadcast: bool
) -> None:
    """A file missing for a day must not call everybody to a crossing that they have acknowledged."""
    broken = recorded(status(recorded(None, last), crossed=crossed), BROKEN)
    stored = finding_from_body(json.loads(json.dumps(broken.body())))
    still = recorded(status(stored, crossed=crossed), finding("NOT_EVALUABLE", reason="another"))
    for before in (stored, still):
        result = transition(status(before, crossed=crossed), now, 1)
        assert (result.reason, result.broadcast) == (reason, broadcast)


def test_the_finding_after_an_outage_is_not_weighed_down_by_it() -> None:
    broken = recorded(status(recorded(None, CROSSED)), BROKEN)
    assert "last_judged" not in recorded(status(broken, crossed=True), CROSSED).details


def test_resolved_during_an_outage_stays_resolved_on_the_same_events() -> None:
    broken = recorded(status(recorded(None, CROSSED)), BROKEN)
    assert transition(status(broken, crossed=True, resolved=True), CROSSED, 1).reason is Reason.NONE
    assert transition(status(broken, crossed=True, resolved=True), finding("CROSSED", A, B), 1).opens


def test_a_new_episode_records_its_own_first_crossing() -> None:
    resolved = status(recorded(None, CROSSED), resolved=True)
    new = recorded(resolved, finding("CROSSED", A, B, first_crossed_on=date(2026, 7, 1)))
    assert new.details["first_crossing"]["first_crossed_on"] == "2026-07-01"


def test_a_crossing_written_before_it_was_recorded_is_still_found() -> None:
    assert recorded(status(CROSSED), finding("WITHIN")).first_crossed_on == ON


def test_provisional_records_no_crossing() -> None:
    assert "first_crossing" not in recorded(None, PROVISIONAL).details
    confirmed = recorded(status(recorded(None, PROVISIONAL)), CROSSED)
    assert confirmed.details["first_crossing"]["events"] == 1
