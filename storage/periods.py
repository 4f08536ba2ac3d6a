"""Periods that fall due (daily note, summaries): the table is the truth, a timer only looks at it.

Each due instant is inserted once, however many timers, processes or restarts look; finishing it is part of
the transaction that queues what it says. After a downtime every missed period is still there, oldest first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select, update

from storage.heads import dialect_insert
from storage.schedule import Schedule, due_instants, parse_schedule
from storage.schema import period

__all__ = ["Period", "Schedule", "due", "due_instants", "finish", "last_finished", "parse_schedule", "unfinished"]


@dataclass(frozen=True, slots=True)
class Period:
    """One due instant of one kind of report; `finished_at` and `outbox_id` are None until it was queued."""

    study_id: str
    kind: str
    due_at: datetime
    finished_at: datetime | None
    outbox_id: int | None


def due(
    conn: Connection,
    study_id: str,
    kind: str,
    schedule: Schedule | str,
    *,
    tz: ZoneInfo | str,
    now: datetime,
    since: datetime,
) -> list[Period]:
    """Insert every instant that has fallen due, and give all unfinished ones, oldest first.

    Parameters
    ----------
    kind: daily_note, open_summary, …   tz: the study's time zone.   now: aware UTC.
    since: when monitoring began: nothing earlier is due, even at the first look.
    """
    last = conn.execute(select(func.max(period.c.due_at)).where(_of(study_id, kind))).scalar_one()
    instants = due_instants(schedule, tz, max(since, last) if last else since, now)
    if instants:
        insert = dialect_insert(conn, period).on_conflict_do_nothing(index_elements=["study_id", "kind", "due_at"])
        conn.execute(insert, [{"study_id": study_id, "kind": kind, "due_at": instant} for instant in instants])
    return unfinished(conn, study_id, kinds=[kind])


def unfinished(conn: Connection, study_id: str, *, kinds: Collection[str] | None = None) -> list[Period]:
    """Periods that fell due and were not queued yet, oldest first."""
    query = select(period).where(period.c.study_id == study_id, period.c.finished_at.is_(None))
    if kinds is not None:
        query = query.where(period.c.kind.in_(list(kinds)))
    return [Period(**row) for row in conn.execute(query.order_by(period.c.due_at, period.c.kind)).mappings()]


def finish(conn: Connection, one: Period, *, at: datetime, outbox_id: int | None) -> bool:
    """The period was served, in the transaction that queued `outbox_id`. False when it had been: undo the queueing."""
    same = _of(one.study_id, one.kind) & (period.c.due_at == one.due_at) & period.c.finished_at.is_(None)
    return conn.execute(update(period).where(same).values(finished_at=at, outbox_id=outbox_id)).rowcount == 1


def last_finished(conn: Connection, study_id: str, kind: str) -> Period | None:
    """The latest period of a kind that was served: where the next report takes over."""
    done = select(period).where(_of(study_id, kind), period.c.finished_at.is_not(None))
    row = conn.execute(done.order_by(period.c.due_at.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else Period(**row)


def _of(study_id: str, kind: str) -> ColumnElement[bool]:
    return (period.c.study_id == study_id) & (period.c.kind == kind)
