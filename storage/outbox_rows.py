"""One row of the outbox as the rest of the product sees it, and the conditions that queries share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, true

from storage.schema import outbox

SWEEPS = (timedelta(minutes=2), timedelta(minutes=10))
"""After these times a message whose outcome was once unknown is looked for twice."""


class Status(StrEnum):
    """Where a row stands. The first three are open."""

    QUEUED = "queued"
    SENDING = "sending"
    AMBIGUOUS = "ambiguous"
    SENT = "sent"
    HELD = "held"
    SUPERSEDED = "superseded"


OPEN = (Status.QUEUED, Status.SENDING, Status.AMBIGUOUS)
"""Statuses of what has not reached people yet and is on its way."""


PAGES = ("email", "webhook")
"""Kinds of rows that leave by the second path; all others are for Slack."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the outbox.

    Parameters
    ----------
    outbox_id, study_id, delivery_key, audience: as enqueued; `kind` is parent, reply, note, group, file,
        or one of `PAGES`.
    alert_id, alert_version: what it speaks of, None for notes.
    content: JSON values that wording needs; never rendered text.
    priority: 0 critical … 9 routine.   broadcast: a reply that is also shown in the channel.
    status, created_at, not_before, attempts, attempted_at, last_error, sent_at: the state of delivery.
    lease: what a `mark_…` must show to be allowed to change the row.
    doubtful: an attempt once had an unknown outcome: a duplicate is possible.
    channel_id, ts: where it was posted.   thread_key: delivery key of the parent, for replies.
    thread_channel_id, thread_ts: where that parent was posted.
    rendered_version, rendered_hash: revision of the alert (`StoredAlert.revision`) that the posted text shows.
    lane: the queue it stands in: channel id, or study and audience until that is known.
    """

    outbox_id: int
    study_id: str
    delivery_key: str
    audience: str
    kind: str
    alert_id: int | None
    alert_version: int | None
    content: Any
    priority: int
    broadcast: bool
    status: Status
    created_at: datetime
    not_before: datetime
    attempts: int
    attempted_at: datetime | None
    last_error: str
    sent_at: datetime | None
    lease: str | None
    doubtful: bool
    channel_id: str | None
    ts: str | None
    thread_key: str | None
    thread_channel_id: str | None
    thread_ts: str | None
    rendered_version: int | None
    rendered_hash: str | None
    lane: str


@cache
def items() -> Select[Any]:
    """SELECT of outbox rows with their lane and where their parent was posted."""
    parent = outbox.alias("parent")
    columns = (lane().label("lane"), parent.c.channel_id.label("thread_channel_id"), parent.c.ts.label("thread_ts"))
    query: Select[Any] = select(outbox, *columns)
    return query.outerjoin(parent, parent.c.delivery_key == outbox.c.thread_key)


def item(row: Any) -> Item:
    """A row of `items()` as an `Item`."""
    values = {field.name: getattr(row, field.name) for field in fields(Item)}
    return Item(**{**values, "status": Status(row.status)})


@cache
def lane() -> ColumnElement[str]:
    """The queue a row stands in: its channel, or study and audience until that is known."""
    own: ColumnElement[str] = func.coalesce(outbox.c.channel_id, outbox.c.study_id + literal("/") + outbox.c.audience)
    return own


def by_path(ways: Collection[str] = ()) -> ColumnElement[bool]:
    """Condition: rows of these ways of the second path; () = all rows for Slack."""
    return outbox.c.kind.in_(ways) if ways else outbox.c.kind.not_in(PAGES)


def of(study_ids: Collection[str] | None, audiences: Collection[str] | None) -> ColumnElement[bool]:
    """Condition: rows of these studies and audiences; None means all."""
    condition: ColumnElement[bool] = true()
    if study_ids is not None:
        condition = condition & outbox.c.study_id.in_(list(study_ids))
    if audiences is not None:
        condition = condition & outbox.c.audience.in_(list(audiences))
    return condition
