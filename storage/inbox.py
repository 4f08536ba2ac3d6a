"""Clicks and commands, kept before Slack is told that they arrived, and applied once.

Slack delivers again what it believes lost; the key of a click (action time, user, action) or of an event is
the same each time, so the second delivery changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from storage.heads import dialect_insert
from storage.schema import inbox


@dataclass(frozen=True, slots=True)
class Received:
    """One click or command. `applied_at` is None, and `outcome` "", until it was applied."""

    inbox_key: str
    study_id: str
    received_at: datetime
    kind: str
    payload: Mapping[str, Any]
    applied_at: datetime | None
    outcome: str


def receive(
    conn: Connection, inbox_key: str, *, study_id: str, kind: str, payload: Mapping[str, Any], received_at: datetime
) -> bool:
    """Keep a click or command. True when it is new, False when it was delivered before.

    Commit before acknowledging the envelope to Slack: afterwards it is not delivered again.
    """
    row = {"inbox_key": inbox_key, "study_id": study_id, "received_at": received_at, "kind": kind}
    insert = dialect_insert(conn, inbox).values(payload=dict(payload), outcome="", **row)
    insert = insert.on_conflict_do_nothing(index_elements=["inbox_key"]).returning(inbox.c.inbox_key)
    return conn.execute(insert).one_or_none() is not None


def unapplied(conn: Connection, *, study_ids: Collection[str] | None = None) -> list[Received]:
    """What was received and not yet applied, in the order it came: also what a crash left behind."""
    query = select(inbox).where(inbox.c.applied_at.is_(None))
    if study_ids is not None:
        query = query.where(inbox.c.study_id.in_(list(study_ids)))
    rows = conn.execute(query.order_by(inbox.c.received_at, inbox.c.inbox_key))
    return [Received(**row) for row in rows.mappings()]


def applied(conn: Connection, inbox_key: str, *, outcome: str, at: datetime) -> bool:
    """It was applied, in the transaction of its effect. False when that had happened before: undo the effect."""
    first = (inbox.c.inbox_key == inbox_key) & inbox.c.applied_at.is_(None)
    return conn.execute(update(inbox).where(first).values(applied_at=at, outcome=outcome)).rowcount == 1


def find(conn: Connection, inbox_key: str) -> Received | None:
    """What is kept under a key, or None."""
    row = conn.execute(select(inbox).where(inbox.c.inbox_key == inbox_key)).mappings().one_or_none()
    return None if row is None else Received(**row)
