"""Episodes open once and end by people; versions and responses are all kept; a click counts once."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import select, text

from rules.model import Audience, Reason, State, Transition, Urgency
from storage import alert_heads, alerts, audit, heads
from storage.alert_records import ResponseKind
from storage.database import Database
from storage.errors import AlertConflict
from storage.schema import alert_head
from tests.storage.make import NOW, STUDY, change, finding, minutes, opening, respond, write


def _open(database: Database, **values) -> int:  # type: ignore[no-untyped-def]
    with database.writing() as conn:
        return write(conn, **values).alert_id


def _latest(database: Database, alert_id: int) -> alerts.StoredAlert:
    with database.reading() as conn:
        return alerts.latest(conn, alert_id)


def test_an_episode_keeps_every_version_with_its_reason(database: Database) -> None:
    alert_id = _open(database, found=finding(state=State.PROVISIONAL), already_true=True)
    with database.writing() as conn:
        second = write(conn, finding(), change(Reason.CONFIRMED), at=minutes(1), rule_version=2)
        third = write(conn, finding(events=3, state=State.WITHIN), change(), at=minutes(2))
    stored = _latest(database, alert_id)
    assert (second.alert_id, second.version, third.version) == (alert_id, 2, 3)
    assert [item.reason for item in stored.versions] == [Reason.FIRST_CROSSING, Reason.CONFIRMED, Reason.BASIS_CHANGED]
    assert [item.finding.state for item in stored.versions] == [State.PROVISIONAL, State.CROSSED, State.WITHIN]
    assert [item.rule_version for item in stored.versions] == [1, 2, 1]
    assert stored.latest.before == {"events": 4}
    assert stored.finding == finding(events=3, state=State.WITHIN)
    assert (stored.episode, stored.audience, stored.urgency) == (1, Audience.OPEN, Urgency.CRITICAL)
    assert (stored.opened_at, stored.already_true, stored.revision) == (NOW, True, 3)


def test_a_status_remembers_that_the_episode_once_crossed(database: Database) -> None:
    assert _status(database) is None
    _open(database, found=finding(state=State.PROVISIONAL))
    assert _status(database).ever_crossed is False
    with database.writing() as conn:
        write(conn, finding(), change(Reason.CONFIRMED))
        write(conn, finding(state=State.WITHIN), change(Reason.NO_LONGER_MET), rule_version=2)
    status = _status(database)
    assert (status.episode, status.version, status.ever_crossed, status.resolved) == (1, 3, True, False)
    assert (status.finding, status.rule_version) == (finding(state=State.WITHIN), 2)


def _status(database: Database):  # type: ignore[no-untyped-def]
    with database.reading() as conn:
        return alerts.status_of(conn, STUDY, "tolerability", "study")


def test_only_a_person_ends_an_episode_and_then_the_next_may_open(database: Database) -> None:
    first = _open(database)
    with pytest.raises(AlertConflict, match="only a person ends it"):
        _open(database, transition=opening(2))
    with database.writing() as conn:
        respond(conn, first, kind=ResponseKind.RESOLVED)
    assert _status(database).resolved
    second = _open(database, transition=opening(2))
    status, stored = _status(database), _latest(database, second)
    assert (status.episode, status.resolved, status.ever_crossed) == (2, False, True)
    assert (stored.previous_alert_id, stored.episode) == (first, 2)
    assert _latest(database, first).previous_alert_id is None


@pytest.mark.parametrize(
    ("transition", "says"),
    [
        (opening(1), "episode 1 would open where 2 is next"),
        (opening(3), "episode 3 would open where 2 is next"),
        (change(episode=2), "no episode 2 to continue"),
    ],
)
def test_a_transition_that_does_not_fit_is_refused(database: Database, transition: Transition, says: str) -> None:
    _open(database)
    with pytest.raises(AlertConflict, match=says):
        _open(database, transition=transition)
    assert _status(database).version == 1


def test_there_is_nothing_to_continue_before_the_first_episode(database: Database) -> None:
    with pytest.raises(AlertConflict, match="no episode 1"):
        _open(database, transition=change())


def test_an_alert_is_acknowledged_once_and_says_by_whom(database: Database) -> None:
    alert_id = _open(database)
    with database.writing() as conn:
        first = respond(conn, alert_id, "click-1", user_id="U1", note="called the site")
        second = respond(conn, alert_id, "click-2", user_id="U2")
    assert (first.recorded, second.recorded) == (True, False)
    assert second.response == first.response
    stored = _latest(database, alert_id)
    assert stored.acknowledgement is not None
    assert (stored.acknowledgement.user_id, stored.acknowledgement.note) == ("U1", "called the site")
    assert stored.acknowledgement.basis == finding().digest()
    assert (len(stored.responses), stored.revision) == (1, 2)


def test_a_click_delivered_twice_counts_once_even_after_it_was_withdrawn(database: Database) -> None:
    alert_id = _open(database)
    with database.writing() as conn:
        respond(conn, alert_id, "click-1")
        respond(conn, alert_id, "withdraw-1", kind=ResponseKind.WITHDRAWN)
        again = respond(conn, alert_id, "click-1")
    assert again.recorded is False
    assert _latest(database, alert_id).acknowledgement is None


def test_a_withdrawn_acknowledgement_stays_on_record_and_another_may_follow(database: Database) -> None:
    alert_id = _open(database)
    with database.writing() as conn:
        early = respond(conn, alert_id, "w0", kind=ResponseKind.WITHDRAWN)
        respond(conn, alert_id, "a1", user_id="U1")
        gone = respond(conn, alert_id, "w1", user_id="U1", kind=ResponseKind.WITHDRAWN)
        respond(conn, alert_id, "a2", user_id="U2")
    assert (early.recorded, early.response, gone.recorded) == (False, None, True)
    stored = _latest(database, alert_id)
    assert [item.kind.value for item in stored.responses] == [
        "acknowledged", "acknowledgement_withdrawn", "acknowledged",
    ]  # fmt: skip
    assert stored.acknowledgement is not None
    assert stored.acknowledgement.user_id == "U2"


def test_people_who_click_at_once_in_many_threads_give_one_acknowledgement(database: Database) -> None:
    alert_id = _open(database)
    outcomes: list[bool] = []

    def click(number: int) -> None:
        with database.writing(STUDY) as conn:
            outcomes.append(respond(conn, alert_id, f"click-{number}", user_id=f"U{number}").recorded)

    threads = [threading.Thread(target=click, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    assert len(_latest(database, alert_id).responses) == 1


def test_every_version_and_response_is_in_the_audit_trail(database: Database) -> None:
    alert_id = _open(database)
    with database.writing() as conn:
        respond(conn, alert_id, note="private words")
    with database.reading() as conn:
        lines = list(audit.export(conn, STUDY))
        assert audit.verify(conn, STUDY).ok
    assert finding().digest() in lines[-2]
    assert '"actor":"user:T1/U1"' in lines[-1]
    assert "private words" not in lines[-1]


def test_an_unknown_alert_or_one_of_another_study_is_refused(database: Database) -> None:
    alert_id = _open(database)
    with pytest.raises(AlertConflict, match="no such alert"), database.writing() as conn:
        respond(conn, alert_id + 1)
    with database.writing() as conn:
        other = heads.ensure_study(conn, "OTHER", "practice", NOW)
    with pytest.raises(AlertConflict, match="study OTHER"), database.writing() as conn:
        alerts.add_response(
            conn, other, alert_id=alert_id, kind=ResponseKind.ACKNOWLEDGED, alert_version=1, user_id="U",
            team_id="T", at=NOW, basis="", inbox_key="k",
        )  # fmt: skip
    with pytest.raises(AlertConflict), database.reading() as conn:
        alerts.latest(conn, 99)


def test_open_alerts_are_those_nobody_resolved_for_the_audience_that_asks(database: Database) -> None:
    open_id = _open(database)
    closed_id = _open(database, found=finding("by-arm", "A"), audience=Audience.CLOSED, urgency=Urgency.URGENT)
    done_id = _open(database, found=finding("serious", "x"))
    with database.writing() as conn:
        respond(conn, done_id, "r", kind=ResponseKind.RESOLVED)
        respond(conn, open_id, "a", at=minutes(5))
    with database.reading() as conn:
        everything = alerts.open_alerts(conn, STUDY)
        for_open = alerts.open_alerts(conn, STUDY, audiences=[Audience.OPEN])
    assert [item.alert_id for item in everything] == [open_id, closed_id]
    assert [item.alert_id for item in for_open] == [open_id]
    [line] = for_open
    assert line.acknowledgement is not None
    assert (line.acknowledgement.at, line.acknowledgement.kind) == (minutes(5), ResponseKind.ACKNOWLEDGED)
    assert (line.rule_id, line.scope, line.state, line.version) == ("tolerability", "study", State.CROSSED, 1)
    assert everything[1].acknowledgement is None


def test_where_alerts_stand_can_be_made_anew_from_their_history(database: Database) -> None:
    first = _open(database, found=finding(state=State.PROVISIONAL))
    with database.writing() as conn:
        write(conn, finding(), change(Reason.CONFIRMED))
        respond(conn, first, "a1")
        respond(conn, first, "w1", kind=ResponseKind.WITHDRAWN)
        respond(conn, first, "a2")
        respond(conn, first, "r1", kind=ResponseKind.RESOLVED)
        write(conn, finding(events=9), opening(2))
        write(conn, finding("serious", "x", state=State.PROVISIONAL))
        before = conn.execute(select(alert_head).order_by(alert_head.c.alert_id)).all()
        conn.execute(text("UPDATE alert_head SET version = 77, resolved = NOT resolved, acknowledged_by = NULL"))
        assert alert_heads.rebuild_heads(conn, STUDY) == 3
        assert conn.execute(select(alert_head).order_by(alert_head.c.alert_id)).all() == before


def test_statuses_of_hundreds_of_alerts_are_quick(database: Database) -> None:
    with database.writing() as conn:
        for number in range(400):
            write(conn, finding("serious", f"P-{number:04}/E1"))
    with database.reading() as conn:
        began = time.perf_counter()
        everything = alerts.statuses(conn, STUDY)
        all_taken = time.perf_counter() - began
        began = time.perf_counter()
        few = alerts.statuses(conn, STUDY, [("serious", "P-0003/E1"), ("serious", "P-0399/E1"), ("x", "P-0003/E1")])
        few_taken = time.perf_counter() - began
        by_id = alerts.by_id(conn, [item.alert_id for item in alerts.open_alerts(conn, STUDY)])
    assert len(everything) == len(by_id) == 400
    assert set(few) == {("serious", "P-0003/E1"), ("serious", "P-0399/E1")}
    assert all_taken < 0.3
    assert few_taken < 0.05
