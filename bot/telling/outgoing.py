"""Under which key something is said, and the messages to ops that delivery itself has to send.

A delivery key is made of what is said and a secret of the study's database, never of counters: the same step is
never queued twice, open output does not depend on what happens on the closed side, and a database that was made
anew never takes an older one's messages for its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from bot.views import OpsContent, Stored, stored_body
from rules.model import Audience, Urgency
from storage import outbox
from storage.schema import audit as audit_table

if TYPE_CHECKING:
    from bot.study import Study

PRIORITY = {Urgency.CRITICAL: 0, Urgency.URGENT: 3, Urgency.ROUTINE: 6}
"""Urgency → place in the queue of a channel; 0 goes first. Notes to ops have 5, routine notes 8."""

OPS_PRIORITY = 4
"""Place of an ops message in its channel's queue: behind alerts, before notes."""


@dataclass(frozen=True)
class Notice:
    """Something to queue once: its key, its words' content, and where it goes."""

    key: str
    content: Stored
    audience: Audience = Audience.OPS
    kind: str = "note"
    priority: int = 5
    alert_id: int | None = None
    alert_version: int | None = None
    thread_key: str | None = None
    broadcast: bool = False
    channel_id: str | None = None


def salt(conn: Connection, study_id: str) -> str:
    """A secret of this study's database: the hash of its first audit entry; "" before the study was added."""
    first = select(audit_table.c.hash).where(audit_table.c.study_id == study_id, audit_table.c.seq == 1)
    return str(conn.execute(first).scalar_one_or_none() or "")


def key(conn: Connection, study_id: str, kind: str, *parts: object) -> str:
    """The delivery key of one thing said, the same whenever it is asked for again.

    Parameters
    ----------
    kind: alert, change, escalation, daily_note, ops …   parts: what identifies it within its kind.
    """
    text = "\x1f".join([salt(conn, study_id), study_id, kind, *(str(part) for part in parts)])
    return f"dsmbot-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def alert_key(conn: Connection, study_id: str, rule_id: str, scope: str, episode: int) -> str:
    """The delivery key of an alert's parent message: one message an episode, for ever."""
    return key(conn, study_id, "alert", rule_id, scope, episode)


def queue(conn: Connection, study: Study, notice: Notice) -> int:
    """Queue a notice in the caller's transaction; the same key queues nothing twice. Returns its number."""
    values: dict[str, Any] = {
        "audience": notice.audience.value, "kind": notice.kind, "content": stored_body(notice.content),
        "priority": notice.priority, "alert_id": notice.alert_id, "alert_version": notice.alert_version,
        "thread_key": notice.thread_key, "broadcast": notice.broadcast, "channel_id": notice.channel_id,
    }  # fmt: skip
    return outbox.enqueue(conn, study_id=study.id, delivery_key=notice.key, created_at=study.clock.wall(), **values)


def queue_ops(conn: Connection, *, study_id: str, content: OpsContent, queued_at: datetime) -> int:
    """Queue one message to ops; the same kind about the same subject since the same moment is queued once.

    Parameters
    ----------
    queued_at: aware UTC, in the time that deliveries wait in.   Returns the outbox number.
    """
    since = content.since or content.at
    return outbox.enqueue(
        conn,
        study_id=study_id,
        delivery_key=key(conn, study_id, "ops", content.kind, content.subject, since.isoformat()),
        audience=Audience.OPS.value,
        kind="note",
        content=stored_body(content),
        priority=OPS_PRIORITY,
        created_at=queued_at,
    )
