"""Step 3 of the cycle: is there something to judge, and the records as they are known for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from bot.study import Study
from rules.model import Snapshot
from storage.heads import read_head
from storage.schema import source_state


def snapshot_if_due(study: Study, now: datetime) -> Snapshot | None:
    """The snapshot to evaluate, or None when nothing has changed since the last evaluation.

    Due when a batch was closed that no evaluation has seen, when a rule or the settings behind it changed, or when
    time alone may change a verdict (`study_head.next_due`): a day of the study has passed, because windows close
    without a record, or a moment has come that a rule named, because a duty falls due.
    """
    with study.database.reading() as conn:
        batch_no, head = read_head(conn, study.config.id).batch_no, read_head(conn, study.id)
        cutoff = data_cutoff(conn, study, now)
    new_records = batch_no > head.evaluated_batch_no
    new_rules = batch_no > 0 and head.rules_fingerprint != study.fingerprint
    due = batch_no > 0 and head.next_due is not None and head.next_due <= now
    if not (new_records or new_rules or due):
        return None
    return _built(study, cutoff, now)


def snapshot_left(study: Study, now: datetime) -> Snapshot | None:
    """The snapshot of records that a killed cycle stored and never judged; None where it left nothing.

    It is judged before a source is asked again: the next batch may correct what this one shows, and a crossing that
    stood in the records must be told even so.
    """
    with study.database.reading() as conn:
        batch_no, head = read_head(conn, study.config.id).batch_no, read_head(conn, study.id)
        cutoff = data_cutoff(conn, study, now)
    return _built(study, cutoff, now) if batch_no > head.evaluated_batch_no else None


def _built(study: Study, cutoff: datetime, now: datetime) -> Snapshot:
    return study.snapshots.build(study.config.plan, study.config.derivation, data_cutoff=cutoff, judged_at=now)


def data_cutoff(conn: Connection, study: Study, now: datetime) -> datetime:
    """Up to when the records are known: the latest complete read of any configured source.

    Never the oldest: a source that stopped answering must not hold back what the others know. Its silence is told to
    ops and in every note, and no window closes without evidence, however late the cut-off is.
    """
    c = source_state.c
    query = select(c.last_complete_at).where(
        c.study_id == study.config.id, c.source_id.in_(list(study.sources)), c.last_complete_at.is_not(None)
    )
    return max(conn.execute(query).scalars(), default=now)
