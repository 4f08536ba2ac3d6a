"""The daily note: what was and could not be evaluated, on schedule, so that silence is never ambiguous.

The table of periods is the truth: each due note is frozen, queued and finished in one transaction, once, late ones
included and labelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.lookup.standing import note_content
from bot.study import Study
from bot.telling.outgoing import Notice, key, queue
from bot.views import StatusContent, WeekContent
from rules.model import Audience
from storage import periods
from storage.schema import evaluation

KIND = "daily_note"
NOTE_PRIORITY = 8
LATE = timedelta(minutes=30)
"""A note that comes later than this after it was due says so."""


def daily_notes(study: Study, now: datetime) -> int:
    """Freeze and queue every daily note that fell due, late ones included and labelled. Returns how many."""
    schedule = str(study.config.schedule.daily_note)
    zone = study.config.plan.timezone
    with study.database.reading() as conn:
        began = _began(conn, study.id)
        if began is None:
            return 0
        last = periods.last_finished(conn, study.id, KIND)
        after = last.due_at if last else began
        waiting = periods.unfinished(conn, study.id, kinds=[KIND])
        if not waiting and not periods.due_instants(schedule, zone, after, now):
            return 0
    with study.database.writing(study.id) as conn:
        due = periods.due(conn, study.id, KIND, schedule, tz=zone, now=now, since=began)
        for one in due:
            _daily_note(conn, study, one, now, began)
    return len(due)


def _told_until(last: periods.Period | None, began: datetime) -> datetime:
    """Up to when the last note told what is newly met: when it was written, which may be after it was due."""
    return last.finished_at or last.due_at if last else began


def _daily_note(conn: Connection, study: Study, one: periods.Period, now: datetime, began: datetime) -> None:
    zone, schedule = study.config.plan.timezone, str(study.config.schedule.daily_note)
    from_now = max(one.due_at, now)  # after a downtime the next note is one to come, never one that is late itself
    next_at = periods.due_instants(schedule, zone, from_now, from_now + timedelta(days=3))[0]
    late = now - one.due_at > LATE
    last = periods.last_finished(conn, study.id, KIND)
    number = None
    for audience in study.audiences:
        content = note_content(
            conn, study, audience, now, since=_told_until(last, began), next_at=next_at,
            due_at=one.due_at if late else None,
        )  # fmt: skip
        for notice in _note_of_week(conn, study, audience, one, content):
            number = queue(conn, study, notice)
    periods.finish(conn, one, at=now, outbox_id=number)


def _note_of_week(
    conn: Connection, study: Study, audience: Audience, one: periods.Period, content: StatusContent
) -> Iterator[Notice]:
    """The head of the week's thread, queued once, and the day's note as a reply to it, without mention."""
    local = one.due_at.astimezone(ZoneInfo(study.config.plan.timezone))
    monday = (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    head = key(conn, study.id, "week", audience, monday.date())
    week = WeekContent(audience, monday.astimezone(UTC), by_group=study.unblinded)
    yield Notice(head, week, audience, priority=NOTE_PRIORITY)
    day = key(conn, study.id, KIND, audience, one.due_at.isoformat())  # of two schedules on one day both are said
    yield Notice(day, content, audience, kind="reply", priority=NOTE_PRIORITY, thread_key=head)


def _began(conn: Connection, study_id: str) -> datetime | None:
    """When monitoring began, which is the first evaluation: nothing is due before it."""
    c = evaluation.c
    first = select(c.at).where(c.study_id == study_id).order_by(c.evaluation_id).limit(1)
    return conn.execute(first).scalar_one_or_none()
