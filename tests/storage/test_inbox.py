"""A click is kept before it is acknowledged, applied once, and survives a crash in between."""

from __future__ import annotations

import threading

import pytest

from storage import inbox
from storage.database import Database
from tests.storage.make import STUDY, minutes, respond, write


def _receive(database: Database, key: str, at: float = 0, study: str = STUDY) -> bool:
    with database.writing() as conn:
        return inbox.receive(
            conn, key, study_id=study, kind="click", payload={"user": "U1", "key": key}, received_at=minutes(at)
        )


def _waiting(database: Database, **values) -> list[str]:  # type: ignore[no-untyped-def]
    with database.reading() as conn:
        return [item.inbox_key for item in inbox.unapplied(conn, **values)]


def test_a_redelivery_is_recognised_and_keeps_what_came_first(database: Database) -> None:
    assert [_receive(database, "a", at) for at in (0, 1, 5)] == [True, False, False]
    with database.reading() as conn:
        kept = inbox.find(conn, "a")
        assert inbox.find(conn, "b") is None
    assert kept is not None
    assert (kept.received_at, kept.payload) == (minutes(0), {"user": "U1", "key": "a"})


def test_what_is_not_applied_comes_in_the_order_it_arrived(database: Database) -> None:
    for key, at in (("c", 2), ("a", 3), ("b", 1)):
        _receive(database, key, at)
    _receive(database, "other", 0, "OTHER")
    assert _waiting(database) == ["other", "b", "c", "a"]
    assert _waiting(database, study_ids=[STUDY]) == ["b", "c", "a"]


def test_what_was_applied_is_not_applied_again(database: Database) -> None:
    _receive(database, "a")
    with database.writing() as conn:
        assert inbox.applied(conn, "a", outcome="acknowledged", at=minutes(1))
        assert not inbox.applied(conn, "a", outcome="again", at=minutes(2))
        assert not inbox.applied(conn, "unknown", outcome="x", at=minutes(2))
        kept = inbox.find(conn, "a")
    assert kept is not None
    assert (kept.outcome, kept.applied_at) == ("acknowledged", minutes(1))
    assert _waiting(database) == []


def test_a_crash_while_applying_leaves_neither_effect_nor_mark(database: Database) -> None:
    with database.writing() as conn:
        alert_id = write(conn).alert_id
    _receive(database, "a")
    with pytest.raises(RuntimeError), database.writing(STUDY) as conn:  # noqa: PT012
        respond(conn, alert_id, "a")
        inbox.applied(conn, "a", outcome="acknowledged", at=minutes(1))
        raise RuntimeError
    assert _waiting(database) == ["a"]
    with database.writing(STUDY) as conn:
        assert respond(conn, alert_id, "a").recorded
        assert inbox.applied(conn, "a", outcome="acknowledged", at=minutes(1))


def test_one_click_that_arrives_on_many_sockets_at_once_is_new_once(database: Database) -> None:
    new: list[bool] = []
    threads = [threading.Thread(target=lambda: new.append(_receive(database, "a"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 5 + [True]
