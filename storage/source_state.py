"""What is remembered of each source between polls, and how each poll ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from storage import audit
from storage.database import Database
from storage.heads import dialect_insert, lock_head
from storage.schema import poll, source_state
from storage.sources.base import SourceFailure, SourceState


def load_state(conn: Connection, study_id: str, source_id: str) -> SourceState:
    """What is remembered of a source; an empty state before its first poll."""
    c = source_state.c
    query = select(source_state).where(c.study_id == study_id, c.source_id == source_id)
    row = conn.execute(query).one_or_none()
    if row is None:
        return SourceState()
    return SourceState(
        record_keys={domain: tuple(names) for domain, names in row.record_keys.items()},
        fingerprint=row.fingerprint,
        columns={domain: tuple(names) for domain, names in row.columns.items()},
        last_complete_at=row.last_complete_at,
        last_polled_at=row.last_polled_at,
        failing_since=row.failing_since,
        reason=row.reason,
        accept_once=row.accept_once,
    )


def save_state(conn: Connection, study_id: str, source_id: str, **changes: Any) -> None:
    """Remember changes (columns of `source_state`) of a source; the first call adds it."""
    first: dict[str, Any] = {"record_keys": {}, "fingerprint": {}, "columns": {}, "reason": "", **changes}
    statement = dialect_insert(conn, source_state).values(study_id=study_id, source_id=source_id, **first)
    conn.execute(statement.on_conflict_do_update(index_elements=["study_id", "source_id"], set_=changes))


def record_poll(
    conn: Connection,
    study_id: str,
    source_id: str,
    *,
    started_at: datetime,
    finished_at: datetime,
    outcome: str,
    reason: str = "",
    counts: Mapping[str, int] | None = None,
) -> None:
    """Append how a poll ended: `ok` or `failed`. Polls that found nothing new are only remembered in the state."""
    conn.execute(
        insert(poll).values(
            study_id=study_id, source_id=source_id, started_at=started_at, finished_at=finished_at, outcome=outcome,
            reason=reason, counts=dict(counts or {}),
        )
    )  # fmt: skip


def record_failure(
    db: Database, study_id: str, source_id: str, failure: SourceFailure, *, started_at: datetime, now: datetime
) -> None:
    """Remember that a source could not be read: since when, and why. Nothing of it was taken, nothing is deleted.

    A poll row is appended when the failure begins or its reason changes, so that a source that fails for a week
    does not fill the history with one sentence.
    """
    reason = f"{failure.reason}. {failure.fix}"
    with db.writing(study_id) as conn:
        state = load_state(conn, study_id, source_id)
        if state.failing_since is None or state.reason != reason:
            record_poll(
                conn, study_id, source_id, started_at=started_at, finished_at=now, outcome="failed", reason=reason
            )
        since = state.failing_since or now
        save_state(conn, study_id, source_id, last_polled_at=now, failing_since=since, reason=reason)


def record_unchanged(
    db: Database, study_id: str, source_id: str, *, complete: bool, now: datetime, **changes: Any
) -> None:
    """Remember that a source was looked at and held nothing new; `changes` are further columns of its state."""
    if complete:
        changes["last_complete_at"] = now
    with db.writing(study_id) as conn:
        save_state(conn, study_id, source_id, last_polled_at=now, failing_since=None, reason="", **changes)


def accept_once(db: Database, study_id: str, source_id: str, *, reason: str, by: str, now: datetime) -> None:
    """Admit one smaller or emptied domain at the next poll; audited with the reason and who said so.

    Parameters
    ----------
    reason: why fewer records are right, in the operator's words.   by: "operator:NAME".

    Raises
    ------
    ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("a smaller source is accepted only with a reason")
    with db.writing(study_id) as conn:
        head = lock_head(conn, study_id)
        save_state(conn, study_id, source_id, accept_once={"reason": reason, "by": by, "at": now.isoformat()})
        body = {"source": source_id, "reason": reason}
        audit.append(conn, head, at=now, actor=by, kind="source_smaller_accepted", body=body)
