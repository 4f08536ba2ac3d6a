"""What must reach people, and where it stands: a queue that commits with the work it speaks of.

A row is `queued`, then `sending` under a lease, then `sent`; `ambiguous` while nobody knows whether Slack took
it; `held` for an operator; `superseded` when something newer says it. Rows are claimed one a *lane* (one
channel): the highest priority first, a parent before its replies, and a lane that Slack has told to wait holds
up no other. No transaction is open while Slack is spoken to: claim, commit, post, then compare-and-set on the
lease. Posted parents are not queued again: `storage.reconcile` finds those that show an older revision of
their alert, so that an older edit can never overwrite a newer one.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from storage import sealing
from storage.database import Database
from storage.heads import check_epochs, dialect_insert
from storage.outbox_rows import OPEN, PAGES, SWEEPS, Item, Status, by_path, item, items, lane, of
from storage.schema import UtcDateTime, outbox

__all__ = ["LEASE", "OPEN", "SWEEPS", "Item", "Status"]

LEASE = timedelta(seconds=120)
"""How long a claimed row is nobody else's; longer than any post with its time-outs."""


def enqueue(
    conn: Connection,
    *,
    study_id: str,
    delivery_key: str,
    audience: str,
    kind: str,
    content: Mapping[str, Any],
    priority: int,
    created_at: datetime,
    not_before: datetime | None = None,
    alert_id: int | None = None,
    alert_version: int | None = None,
    broadcast: bool = False,
    thread_key: str | None = None,
    channel_id: str | None = None,
) -> int:
    """Queue something for people, in the transaction of the work it speaks of. Returns its number.

    The same delivery key queues nothing twice: the number of the first row comes back. A reply that is more
    urgent than its queued parent lifts the parent, which has to go first.

    Parameters
    ----------
    priority: 0 critical … 9 routine.   not_before: earliest time to post; None = at once.
    thread_key: delivery key of the parent message, for replies.
    channel_id: where the channel is not the audience's own (a direct message).
    """
    values = {
        "study_id": study_id, "delivery_key": delivery_key, "audience": audience, "kind": kind,
        "alert_id": alert_id, "alert_version": alert_version, "priority": priority,
        "content": sealing.content(conn, study_id, content),
        "broadcast": broadcast, "status": Status.QUEUED.value, "created_at": created_at,
        "not_before": not_before or created_at, "thread_key": thread_key, "channel_id": channel_id,
    }  # fmt: skip
    statement = dialect_insert(conn, outbox).values(attempts=0, doubtful=False, last_error="", **values)
    conn.execute(statement.on_conflict_do_nothing(index_elements=["delivery_key"]))
    if thread_key is not None:
        lifted = (outbox.c.delivery_key == thread_key) & (outbox.c.priority > priority)
        waiting = outbox.c.status == Status.QUEUED.value
        conn.execute(update(outbox).where(lifted & waiting).values(priority=priority))
    return int(conn.execute(select(outbox.c.outbox_id).where(outbox.c.delivery_key == delivery_key)).scalar_one())


def claim(
    database: Database,
    now: datetime,
    *,
    study_ids: Collection[str] | None = None,
    audiences: Collection[str] | None = None,
    blocked: Collection[str] = (),
    limit: int = 20,
    ways: tuple[str, ...] = (),
) -> list[Item]:
    """Take the next row of every free lane under a lease, in a transaction of its own.

    Parameters
    ----------
    now: aware UTC.   study_ids, audiences: only these; None for all.
    blocked: lanes that Slack has told to wait.   limit: most rows at once.
    ways: rows of these of `PAGES`, ways of the second path, instead of those for Slack.

    Returns
    -------
    At most one row a lane, most urgent first, already `sending`; each must end in one `mark_…`.

    Raises
    ------
    StaleWriter: another process has taken over.
    """
    with database.writing() as conn:
        check_epochs(conn)
        asked = {"now": now, "studies": list(study_ids or ()), "audiences": list(audiences or ()), "limit": limit}
        query = _next_rows(by_study=study_ids is not None, by_audience=audiences is not None, ways=ways)
        ids = list(conn.execute(query, {**asked, "blocked": list(blocked)}).scalars())
        if not ids:
            return []
        conn.execute(
            update(outbox)
            .where(outbox.c.outbox_id.in_(ids))
            .values(
                status=Status.SENDING.value, attempts=outbox.c.attempts + 1, attempted_at=now,
                lease=_new_lease(), lease_until=now + LEASE,
            )
        )  # fmt: skip
        return _in_order(conn, ids)


@cache
def _next_rows(*, by_study: bool, by_audience: bool, ways: tuple[str, ...]) -> Select[Any]:
    """The most urgent due row of every free lane. Built once: the loop asks for it at every post."""
    now = bindparam("now", type_=UtcDateTime())
    named: BindParameter[Any] = bindparam("blocked", expanding=True)
    free = and_(outbox.c.status == Status.QUEUED.value, outbox.c.not_before <= now, by_path(ways))
    if by_study:
        free = and_(free, outbox.c.study_id.in_(bindparam("studies", expanding=True)))
    if by_audience:
        free = and_(free, outbox.c.audience.in_(bindparam("audiences", expanding=True)))
    busy = select(lane()).where(outbox.c.status == Status.SENDING.value, outbox.c.lease_until > now)
    order = func.row_number().over(partition_by=lane(), order_by=(outbox.c.priority, outbox.c.outbox_id))
    ranked = (
        select(outbox.c.outbox_id, order.label("place"))
        .where(free, _parent_is_posted(), lane().not_in(busy), lane().not_in(named))
        .subquery()
    )
    first = select(ranked.c.outbox_id).where(ranked.c.place == 1)
    query: Select[Any] = select(outbox.c.outbox_id).where(outbox.c.outbox_id.in_(first), free)
    query = query.order_by(outbox.c.priority, outbox.c.outbox_id).limit(bindparam("limit", type_=Integer))
    return query.with_for_update(skip_locked=True)


def claim_ambiguous(
    database: Database,
    now: datetime,
    *,
    study_ids: Collection[str] | None = None,
    audiences: Collection[str] | None = None,
) -> list[Item]:
    """Take every ambiguous row whose waiting time is over under a lease, for one look at each channel's history.

    They stay `ambiguous` until a `mark_…` says what was found; when the process dies they can be taken again.
    """
    with database.writing() as conn:
        check_epochs(conn)
        c = outbox.c
        unleased = or_(c.lease_until.is_(None), c.lease_until <= now)
        due = and_(c.status == Status.AMBIGUOUS.value, c.not_before <= now, unleased, of(study_ids, audiences))
        due = and_(due, by_path())
        query = select(c.outbox_id).where(due).order_by(c.priority, c.outbox_id).with_for_update(skip_locked=True)
        ids = list(conn.execute(query).scalars())
        leased = {"lease": _new_lease(), "lease_until": now + LEASE}
        conn.execute(update(outbox).where(c.outbox_id.in_(ids)).values(leased))
        return _in_order(conn, ids)


def mark_sent(
    conn: Connection,
    outbox_id: int,
    lease: str,
    *,
    channel_id: str,
    ts: str,
    at: datetime,
    rendered_version: int | None = None,
    rendered_hash: str | None = None,
) -> bool:
    """It was posted, or found posted, at `channel_id` and `ts`. False when the lease was lost: look for a duplicate."""
    values = {"channel_id": channel_id, "ts": ts, "sent_at": at, "not_before": at, "last_error": ""}
    shown = {"rendered_version": rendered_version, "rendered_hash": rendered_hash}
    sweep = {"sweep_due": case((outbox.c.doubtful, at + SWEEPS[0]), else_=None)}
    return _end(conn, outbox_id, lease, Status.SENT, **values, **shown, **sweep)


def mark_ambiguous(conn: Connection, outbox_id: int, lease: str, *, look_at: datetime, error: str) -> bool:
    """Nobody knows whether Slack took it: look for it in the channel at `look_at`, not earlier."""
    return _end(conn, outbox_id, lease, Status.AMBIGUOUS, not_before=look_at, last_error=error, doubtful=True)


def requeue(conn: Connection, outbox_id: int, lease: str, *, not_before: datetime, error: str) -> bool:
    """It was certainly not posted (429, refused, or not found after waiting): send it again from `not_before`."""
    return _end(conn, outbox_id, lease, Status.QUEUED, not_before=not_before, last_error=error)


def mark_held(conn: Connection, outbox_id: int, lease: str, *, error: str) -> bool:
    """It cannot be sent as things are; an operator must mend the cause and `release` it."""
    return _end(conn, outbox_id, lease, Status.HELD, last_error=error)


def release(conn: Connection, outbox_ids: Collection[int], now: datetime) -> int:
    """Queue held rows again after an operator has mended the cause. Returns how many were held."""
    held = and_(outbox.c.outbox_id.in_(outbox_ids), outbox.c.status == Status.HELD.value)
    return conn.execute(update(outbox).where(held).values(status=Status.QUEUED.value, not_before=now)).rowcount


def supersede(conn: Connection, outbox_ids: Collection[int]) -> int:
    """Something newer says it: take back what is queued or held, with the replies that wait for it."""
    waiting = outbox.c.status.in_([Status.QUEUED.value, Status.HELD.value])
    chosen = and_(outbox.c.outbox_id.in_(outbox_ids), waiting)
    keys = list(conn.execute(select(outbox.c.delivery_key).where(chosen)).scalars())
    taken = and_(waiting, or_(outbox.c.delivery_key.in_(keys), outbox.c.thread_key.in_(keys)))
    return conn.execute(update(outbox).where(taken).values(status=Status.SUPERSEDED.value)).rowcount


def recover(conn: Connection, now: datetime, *, study_ids: Collection[str], everything: bool = False) -> int:
    """Rows left `sending` by a process that died become ambiguous, to be looked for at once. Returns how many.

    Parameters
    ----------
    everything: at the start of a process no other one can be sending, so that leases need not run out.
    """
    stale = and_(outbox.c.status == Status.SENDING.value, outbox.c.study_id.in_(study_ids), by_path())
    if not everything:
        stale = and_(stale, outbox.c.lease_until <= now)
    nobody = {"lease": None, "lease_until": None}
    unknown = {"status": Status.AMBIGUOUS.value, "doubtful": True, "last_error": "the process ended while sending"}
    if everything:
        left = and_(outbox.c.status == Status.AMBIGUOUS.value, outbox.c.study_id.in_(study_ids))
        conn.execute(update(outbox).where(left).values(nobody))
    return conn.execute(update(outbox).where(stale).values(not_before=now, **unknown, **nobody)).rowcount


def recover_pages(
    conn: Connection, now: datetime, *, study_ids: Collection[str], ways: Collection[str], everything: bool = False
) -> int:
    """Pages left `sending` by a process that died are sent again: nobody can look them up. Returns how many.

    Parameters
    ----------
    ways: of the second path: each is worked through by itself.
    everything: as in `recover`.
    """
    stale = and_(outbox.c.status == Status.SENDING.value, outbox.c.study_id.in_(study_ids), by_path(ways))
    if not everything:
        stale = and_(stale, outbox.c.lease_until <= now)
    again = {"status": Status.QUEUED.value, "not_before": now, "lease": None, "lease_until": None}
    again |= {"last_error": "the process ended while sending"}
    return conn.execute(update(outbox).where(stale).values(again)).rowcount


def troubled_pages(conn: Connection, study_id: str, attempts: int) -> dict[str, Item]:
    """Kind → the oldest page that waits after so many attempts."""
    waiting = and_(outbox.c.status == Status.QUEUED.value, outbox.c.attempts >= attempts, by_path(PAGES))
    query = items().where(waiting, outbox.c.study_id == study_id).order_by(outbox.c.outbox_id.desc())
    return {found.kind: found for found in map(item, conn.execute(query))}


def paged(conn: Connection, alert_id: int, kind: str) -> bool:
    """Whether an alert was told of by one way of the second path."""
    told = and_(outbox.c.alert_id == alert_id, outbox.c.kind == kind, outbox.c.status == Status.SENT.value)
    return bool(conn.execute(select(exists().where(told))).scalar_one())


def anything_open(conn: Connection, study_ids: Collection[str], *, ways: Collection[str] = ()) -> bool:
    """Whether a row waits, is being sent or has an unknown outcome: without one there is nothing to claim."""
    open_rows = outbox.c.status.in_([status.value for status in OPEN]) & outbox.c.study_id.in_(list(study_ids))
    open_rows = open_rows & by_path(ways)
    return bool(conn.execute(select(exists().where(open_rows))).scalar_one())


def find(conn: Connection, delivery_key: str) -> Item | None:
    """The row of a delivery key, or None."""
    row = conn.execute(items().where(outbox.c.delivery_key == delivery_key)).one_or_none()
    return None if row is None else item(row)


def of_kind(conn: Connection, study_id: str, kind: str) -> list[Item]:
    """Rows of one kind that were not taken back, oldest first."""
    c = outbox.c
    mine = and_(c.kind == kind, c.study_id == study_id, c.status != Status.SUPERSEDED.value)
    return [item(row) for row in conn.execute(items().where(mine).order_by(c.created_at, c.outbox_id))]


def alerts_with_parent(conn: Connection, study_id: str) -> set[int]:
    """Numbers of the alerts that have a message of their own, posted or on its way."""
    mine = and_(outbox.c.kind == "parent", outbox.c.study_id == study_id, outbox.c.alert_id.is_not(None))
    return set(conn.execute(select(outbox.c.alert_id).where(mine)).scalars())


def places_of_parents(conn: Connection, study_id: str, alert_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Alert number → channel id and ts of its posted message; those without one are left out."""
    c = outbox.c
    mine = and_(c.kind == "parent", c.study_id == study_id, c.alert_id.in_(list(alert_ids)), c.ts.is_not(None))
    query = select(c.alert_id, c.channel_id, c.ts).where(mine, c.channel_id.is_not(None))
    return {row.alert_id: (row.channel_id, row.ts) for row in conn.execute(query)}


def with_status(conn: Connection, status: Status, *, study_id: str) -> list[Item]:
    """Rows of one status, oldest first: what is held, for an operator."""
    query = items().where(outbox.c.status == status.value, outbox.c.study_id == study_id)
    return [item(row) for row in conn.execute(query.order_by(outbox.c.outbox_id))]


def counts(
    conn: Connection, study_id: str, audiences: Collection[str] | None = None, *, pages: bool = True
) -> dict[str, int]:
    """`{"sent", "pending", "held"}`: pending is queued, sending or ambiguous; superseded rows are not counted.

    `audiences`: only these; None for all, which only ops may be told.   `pages`: those of the second path, too.
    """
    counted = of([study_id], audiences) if pages else and_(of([study_id], audiences), by_path())
    query = select(outbox.c.status, func.count().label("number")).where(counted).group_by(outbox.c.status)
    number: dict[str, int] = {row.status: row.number for row in conn.execute(query)}
    pending = sum(number.get(status.value, 0) for status in OPEN)
    return {"sent": number.get(Status.SENT.value, 0), "pending": pending, "held": number.get(Status.HELD.value, 0)}


def oldest_open_age(conn: Connection, now: datetime, *, study_ids: Collection[str] | None = None) -> timedelta | None:
    """How long the oldest row that should have gone out has been waiting; None when nothing waits."""
    c = outbox.c
    due = or_(c.not_before <= now, c.attempts > 0)
    query = select(func.min(c.created_at)).where(c.status.in_([status.value for status in OPEN]), due)
    oldest = conn.execute(query.where(of(study_ids, None))).scalar_one()
    return None if oldest is None else now - oldest


def _parent_is_posted() -> ColumnElement[bool]:
    """A row without a parent, or whose parent is in the channel."""
    parent = outbox.alias()
    posted = and_(parent.c.delivery_key == outbox.c.thread_key, parent.c.status == Status.SENT.value)
    return or_(outbox.c.thread_key.is_(None), exists(select(parent.c.outbox_id).where(posted)))


def _end(conn: Connection, outbox_id: int, lease: str, status: Status, **values: Any) -> bool:
    """Compare-and-set on the lease: False when somebody else has the row by now."""
    mine = and_(outbox.c.outbox_id == outbox_id, outbox.c.lease == lease)
    ended = {"status": status.value, "lease": None, "lease_until": None, **values}
    return conn.execute(update(outbox).where(mine).values(ended)).rowcount == 1


def _in_order(conn: Connection, ids: Collection[int]) -> list[Item]:
    query = items().where(outbox.c.outbox_id.in_(ids)).order_by(outbox.c.priority, outbox.c.outbox_id)
    return [item(row) for row in conn.execute(query)]


def _new_lease() -> str:
    return secrets.token_hex(8)
