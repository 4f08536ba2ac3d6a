"""One row per study that every writing transaction locks first and advances last.

It orders batches, serialises the audit chain, and fences a process off when another has taken over: each
writer that opens a study raises its `epoch`, and a writer with an older epoch is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage.errors import HeadConflict, StaleWriter, UnknownStudy
from storage.schema import study_head

_FORWARD = ("batch_no", "evaluated_batch_no", "audit_seq", "epoch")
_CHANGEABLE = frozenset(
    {"batch_no", "evaluated_batch_no", "evaluated_cutoff", "rules_fingerprint", "next_due", "audit_seq", "audit_hash"}
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a study stands.

    Parameters
    ----------
    study_id: the study.   mode: practice, rehearsal or live.
    batch_no: last closed batch, 0 = none.   evaluated_batch_no: last batch that rules have judged.
    evaluated_cutoff: clinical cut-off of that evaluation (aware UTC).
    rules_fingerprint: of the rules that judged it.   next_due: when a rule must be judged without new data.
    audit_seq, audit_hash: last entry of the audit chain; 0 and "" before the first.
    epoch: number of the process that may write.
    """

    study_id: str
    mode: str
    batch_no: int
    evaluated_batch_no: int
    evaluated_cutoff: datetime | None
    rules_fingerprint: str
    next_due: datetime | None
    audit_seq: int
    audit_hash: str
    epoch: int

    @property
    def anchor(self) -> str:
        """The chain's head as `SEQ:HASH`, for notes, reports and `audit verify --anchor`."""
        return f"{self.audit_seq}:{self.audit_hash}"


def ensure_study(conn: Connection, study_id: str, mode: str, now: datetime) -> Head:
    """The locked head of a study, added with the first audit entry if it is new."""
    from storage import audit  # audit needs the head; only this function needs audit

    insert = dialect_insert(conn, study_head).values(
        study_id=study_id, mode=mode, batch_no=0, evaluated_batch_no=0, rules_fingerprint="",
        audit_seq=0, audit_hash="", epoch=0,
    )  # fmt: skip
    conn.execute(insert.on_conflict_do_nothing(index_elements=["study_id"]))
    head = _select(conn, study_id, lock=True)
    if head.audit_seq:
        return head
    return audit.append(conn, head, at=now, actor="dsmbot", kind="study_added", body={"study": study_id, "mode": mode})


def lock_head(conn: Connection, study_id: str) -> Head:
    """Lock a study for the rest of the transaction and give its head.

    Raises
    ------
    UnknownStudy: the study is not in this database.
    StaleWriter: another process has opened the study for writing since this one did.
    """
    head = _select(conn, study_id, lock=True)
    _fence(conn, study_id, head.epoch)
    return head


def check_epochs(conn: Connection) -> None:
    """Refuse a process that another has taken over from, without locking. Raises StaleWriter."""
    mine = conn.info.get("dsmbot_epochs", {})
    c = study_head.c
    for study_id, epoch in conn.execute(select(c.study_id, c.epoch).where(c.study_id.in_(list(mine)))):
        _fence(conn, study_id, epoch)


def read_head(conn: Connection, study_id: str) -> Head:
    """The head as it is now, without locking. Raises UnknownStudy."""
    return _select(conn, study_id, lock=False)


def all_heads(conn: Connection) -> list[Head]:
    """Heads of all studies in this database, by study id, without locking."""
    return [_head(row) for row in conn.execute(select(study_head).order_by(study_head.c.study_id))]


def take_over(conn: Connection, head: Head) -> Head:
    """Raise the epoch of a locked head: from now on only the caller's process may write the study."""
    return _write(conn, head, {"epoch": head.epoch + 1})


def advance_head(conn: Connection, head: Head, **changes: Any) -> Head:
    """Write changes to the locked head, as the last act of a transaction.

    Parameters
    ----------
    head: as given by `lock_head`, or by the last function that returned one.
    changes: new values of `Head` fields, except study_id, mode and epoch.

    Raises
    ------
    HeadConflict: the head is not the current one, a number would fall, or an evaluation would be ahead
        of its batch.
    """
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise TypeError(f"advance_head() does not change {', '.join(sorted(unknown))}")
    return _write(conn, head, changes)


def dialect_insert(conn: Connection, table: Any) -> Any:
    """`insert(table)` of the connection's own dialect, which knows ON CONFLICT on both databases."""
    if conn.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table)


def _write(conn: Connection, head: Head, changes: dict[str, Any]) -> Head:
    if not changes:
        return head
    after = replace(head, **changes)
    if any(getattr(after, name) < getattr(head, name) for name in _FORWARD):
        raise _conflict(head, "a number in it would fall")
    if after.evaluated_batch_no > after.batch_no:
        raise _conflict(head, f"batch {after.evaluated_batch_no} would be evaluated before it is closed")
    c = study_head.c
    same = (c.study_id == head.study_id) & (c.epoch == head.epoch) & (c.audit_seq == head.audit_seq)
    done = conn.execute(update(study_head).where(same & (c.batch_no == head.batch_no)).values(**changes))
    if done.rowcount != 1:
        raise _conflict(head, "it is not the current one")
    return after


def _fence(conn: Connection, study_id: str, epoch: int) -> None:
    mine = conn.info.get("dsmbot_epochs", {}).get(study_id)
    if mine is not None and mine != epoch:
        raise StaleWriter(
            f"Another process has taken over this study (epoch {epoch}, this process has {mine})",
            where=f"study {study_id}",
            fix="This process must stop; let only the newer one run.",
        )


def _conflict(head: Head, why: str) -> HeadConflict:
    return HeadConflict(
        f"The study's head cannot be advanced: {why}",
        where=f"study {head.study_id}, batch {head.batch_no}, audit entry {head.audit_seq}",
        fix="Nothing was written; this is a fault of the program, please report it.",
    )


def _select(conn: Connection, study_id: str, *, lock: bool) -> Head:
    query = select(study_head).where(study_head.c.study_id == study_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownStudy(
            "The study is not in this database",
            where=f"study {study_id}",
            fix="Check study.id and storage.url; a study is added when `dsmbot run` or `poll` first opens it.",
        )
    return _head(row)


def _head(row: Row[Any]) -> Head:
    return Head(**{field.name: getattr(row, field.name) for field in fields(Head)})
