"""Every due period happens once: late ones too, whoever looks, wherever it crashes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from storage import outbox, periods
from storage.database import Database
from storage.periods import Period
from tests.storage.make import STUDY, queue

BEGAN = datetime(2026, 5, 11, 15, 0, tzinfo=UTC)  # Monday 10:00 in Chicago


def _due(database: Database, days: float, schedule: str = "08:00", kind: str = "daily_note") -> list[Period]:
    with database.writing(STUDY) as conn:
        now = BEGAN + timedelta(days=days)
        return periods.due(conn, STUDY, kind, schedule, tz="America/Chicago", now=now, since=BEGAN)


def _days(found: list[Period]) -> list[int]:
    return [one.due_at.day for one in found]


def _serve(database: Database, one: Period) -> bool:
    with database.writing(STUDY) as conn:
        row = queue(conn, f"{one.kind}/{one.due_at.isoformat()}")
        return periods.finish(conn, one, at=one.due_at, outbox_id=row)


def test_nothing_is_due_before_monitoring_began_nor_before_its_time(database: Database) -> None:
    assert _due(database, 0) == []
    assert _due(database, 0.9) == []
    assert _days(_due(database, 1)) == [12]


def test_looking_again_adds_nothing_and_a_finished_period_is_gone(database: Database) -> None:
    [first] = _due(database, 1)
    assert _due(database, 1.1) == [first]
    assert _serve(database, first)
    assert _due(database, 1.2) == []
    assert not _serve(database, first)


def test_after_a_downtime_every_missed_period_is_there_oldest_first(database: Database) -> None:
    [first] = _due(database, 1)
    _serve(database, first)
    missed = _due(database, 5)
    assert _days(missed) == [13, 14, 15, 16]
    _serve(database, missed[0])
    assert _days(_due(database, 5)) == [14, 15, 16]


def test_kinds_do_not_know_of_each_other(database: Database) -> None:
    _due(database, 8)
    assert _days(_due(database, 8, "mon 08:00", "open_summary")) == [18]
    with database.reading() as conn:
        assert len(periods.unfinished(conn, STUDY)) == 9
        assert len(periods.unfinished(conn, STUDY, kinds=["open_summary"])) == 1


def test_a_changed_schedule_continues_after_what_was_due(database: Database) -> None:
    for one in _due(database, 2):
        _serve(database, one)
    assert [one.due_at.isoformat() for one in _due(database, 3, "09:30")] == [
        "2026-05-13T14:30:00+00:00", "2026-05-14T14:30:00+00:00",
    ]  # fmt: skip


def test_a_crash_after_queueing_leaves_the_period_due_and_nothing_queued(database: Database) -> None:
    [one] = _due(database, 1)
    with pytest.raises(RuntimeError), database.writing(STUDY) as conn:  # noqa: PT012
        periods.finish(conn, one, at=one.due_at, outbox_id=queue(conn, "note"))
        raise RuntimeError
    assert _due(database, 1) == [one]
    with database.reading() as conn:
        assert outbox.find(conn, "note") is None


def test_a_report_finds_where_the_last_one_ended(database: Database) -> None:
    with database.reading() as conn:
        assert periods.last_finished(conn, STUDY, "daily_note") is None
    first, second, _ = _due(database, 3)
    _serve(database, first)
    _serve(database, second)
    with database.reading() as conn:
        last = periods.last_finished(conn, STUDY, "daily_note")
    assert last is not None
    assert (last.due_at, last.finished_at) == (second.due_at, second.due_at)
    assert last.outbox_id is not None


def test_timers_of_many_threads_serve_each_period_once(database: Database) -> None:
    served: list[datetime] = []

    def tick() -> None:
        for one in _due(database, 6):
            if _serve(database, one):
                served.append(one.due_at)

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served) == len(set(served)) == 6
