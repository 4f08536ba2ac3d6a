"""What is remembered of each source between polls, and how each poll ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    warnings: Sequence[str] = (),
    counts: Mapping[str, int] | None = None,
) -> None:
    """Append how a poll ended: `ok`, `unchanged` or `failed`, and why it failed or what was doubtful about the source.

    Polls that found nothing new and nothing doubtful are only remembered in the state.
    """
    conn.execute(
        insert(poll).values(
            study_id=study_id, source_id=source_id, started_at=started_at, finished_at=finished_at, outcome=outcome,
            reason=reason or "\n".join(warnings), counts=dict(counts or {}),
        )
    )  # fmt: skip


def recent_warnings(conn: Connection, study_id: str, *, polls: int = 50) -> list[tuple[str, str]]:
    """(source id, warning) of the last polls that had any, oldest first, each once.

    Parameters
    ----------
    polls: how many polls with warnings are looked at.
    """
    c = poll.c
    doubtful = (c.study_id == study_id) & (c.outcome != "failed") & (c.reason != "")
    rows = conn.execute(select(c.source_id, c.reason).where(doubtful).order_by(c.poll_id.desc()).limit(polls)).all()
    return list(dict.fromkeys((row[0], warning) for row in reversed(rows) for warning in row[1].split("\n")))


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
    db: Database, study_id: str, source_id: str, *, complete: bool, now: datetime, warnings: Sequence[str] = (),
    **changes: Any,
) -> None:  # fmt: skip
    """Remember that a source was looked at and held nothing new; `changes` are further columns of its state.

    A poll row is appended only where there are warnings that were not there before: they are told even after a crash,
    and a standing one does not fill the history.
    """
    if complete:
        changes["last_complete_at"] = now
    with db.writing(study_id) as conn:
        if warnings and not {(source_id, warning) for warning in warnings} <= set(recent_warnings(conn, study_id)):
            record_poll(
                conn, study_id, source_id, started_at=now, finished_at=now, outcome="unchanged", warnings=warnings
            )
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
