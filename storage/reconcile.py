"""What is posted, held against what is true now: parents that show an old revision, messages posted twice.

Edits are not queued. Each posted parent remembers which revision of its alert it shows; whoever asks gets those
that are behind, renders the latest and records it, so that an older edit can never overwrite a newer one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, update

from storage.outbox_rows import SWEEPS, Item, Status, item, items, of
from storage.schema import alert_head, outbox

NOTES = ("note", "group")
"""Kinds of rows whose message shows what the row itself holds."""


def stale_parents(
    conn: Connection,
    now: datetime,
    *,
    study_ids: Collection[str] | None = None,
    audiences: Collection[str] | None = None,
) -> list[Item]:
    """Posted parents that show an older revision of their alert than the latest version or response, oldest first."""
    c = outbox.c
    shown = or_(c.rendered_version.is_(None), c.rendered_version < alert_head.c.revision)
    posted = and_(c.kind == "parent", c.status == Status.SENT.value, c.not_before <= now)
    query = items().join(alert_head, alert_head.c.alert_id == c.alert_id)
    query = query.where(posted, shown, of(study_ids, audiences)).order_by(c.priority, c.outbox_id)
    return [item(row) for row in conn.execute(query)]


def record_edit(conn: Connection, outbox_id: int, *, rendered_version: int, rendered_hash: str) -> bool:
    """A posted parent now shows this revision. False when it already shows a later one."""
    c = outbox.c
    older = or_(c.rendered_version.is_(None), c.rendered_version <= rendered_version)
    shown = {"rendered_version": rendered_version, "rendered_hash": rendered_hash, "last_error": ""}
    return conn.execute(update(outbox).where(c.outbox_id == outbox_id, older).values(shown)).rowcount == 1


def defer_edit(conn: Connection, outbox_id: int, *, not_before: datetime, error: str) -> None:
    """Editing a posted parent failed: try again from `not_before`."""
    later = {"not_before": not_before, "last_error": error}
    conn.execute(update(outbox).where(outbox.c.outbox_id == outbox_id).values(later))


def due_sweeps(conn: Connection, now: datetime, *, study_ids: Collection[str] | None = None) -> list[Item]:
    """Posted rows of once unknown outcome whose channel must be searched for a second copy now (see `SWEEPS`)."""
    c = outbox.c
    query = items().where(c.status == Status.SENT.value, c.sweep_due <= now, of(study_ids, None))
    return [item(row) for row in conn.execute(query.order_by(c.outbox_id))]


def mark_swept(conn: Connection, swept: Item, at: datetime) -> None:
    """The channel was searched at `at`; the next search is due at the next of `SWEEPS`, if any is left."""
    assert swept.sent_at is not None
    later = [swept.sent_at + delay for delay in SWEEPS if swept.sent_at + delay > at]
    values = {"swept_at": at, "sweep_due": later[0] if later else None}
    conn.execute(update(outbox).where(outbox.c.outbox_id == swept.outbox_id).values(values))


def requeue_deleted(conn: Connection, outbox_id: int, *, at: datetime) -> bool:
    """Somebody deleted a posted message that must stand: queue it again; its replies wait for the new one."""
    posted = and_(outbox.c.outbox_id == outbox_id, outbox.c.status == Status.SENT.value)
    nowhere = {"channel_id": None, "ts": None, "sent_at": None, "rendered_version": None, "rendered_hash": None}
    values = {"status": Status.QUEUED.value, "not_before": at, "last_error": "deleted in Slack", **nowhere}
    return conn.execute(update(outbox).where(posted).values(swept_at=None, sweep_due=None, **values)).rowcount == 1


def restate(conn: Connection, delivery_key: str, content: Mapping[str, Any]) -> bool:
    """A note says something else from now on (it was accepted): its posted text is behind until it is edited."""
    note = and_(outbox.c.delivery_key == delivery_key, outbox.c.kind.in_(NOTES))
    return conn.execute(update(outbox).where(note).values(content=dict(content), rendered_hash=None)).rowcount == 1


def stale_notes(conn: Connection, now: datetime, *, study_ids: Collection[str] | None = None) -> list[Item]:
    """Posted notes that may not say what they hold: restated, or found posted after an unknown outcome."""
    c = outbox.c
    behind = and_(c.kind.in_(NOTES), c.status == Status.SENT.value, c.rendered_hash.is_(None), c.not_before <= now)
    query = items().where(behind, of(study_ids, None)).order_by(c.outbox_id)
    return [item(row) for row in conn.execute(query)]
