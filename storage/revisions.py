"""Step 2 of the cycle: what a source holds becomes revisions, in batches that are visible as a whole or not at all.

A revision is appended only where the content of the kept variables changed; what is missing from a complete batch
becomes a tombstone; an identical batch writes nothing. Large batches are written in short transactions, so that
nobody who acknowledges an alert waits for an import, and become visible when the last one closes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Table, insert

from rules.model import Derivation
from rules.sdtm import KEEP
from storage import allocation, audit
from storage import schema as tables
from storage.allocation import AllocationKey, Sealed
from storage.database import Database
from storage.differences import Difference, compare
from storage.errors import HeadConflict
from storage.heads import advance_head, lock_head
from storage.proof import revision_mark
from storage.record_faults import known_codes
from storage.source_state import load_state, record_poll, record_unchanged, save_state
from storage.sources.base import Batch, Fault, SourceState
from storage.stored_records import current_hashes, last_batch_of

ROWS_AT_ONCE = 5000
"""Rows written in one transaction."""

_REVISION_COLUMNS = (
    "ingest_id", "study_id", "source_id", "domain", "record_key", "event_key", "content_hash", "deleted",
    "entered_at", "payload",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a batch changed.

    Parameters
    ----------
    batch_no: number of the batch that was closed; None when nothing had changed and nothing was written.
    counts: `new`, `changed`, `deleted`, `unchanged`: rows of the domains that were read; `flagged`: rows of them with
        a fault; `duplicate_keys`: rows whose key was not unique; `arm_revealing_dropped`: values that were not
        stored because there is no key.
    domains: domain → the first four of these.
    warnings: beside those of the batch, for ops; without values.   faults: of every row that was read.
    """

    batch_no: int | None
    counts: Mapping[str, int]
    domains: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be written: read in one moment of the database, before anything is locked."""

    state: SourceState
    differences: Mapping[str, Difference]
    sealed: Mapping[str, list[Sealed]]
    last_batch: int

    @property
    def seen_first(self) -> dict[str, list[str]]:
        """Domain → columns that no batch before had; an empty list for a domain that has come without a new one.

        That a source now has a domain, or a column, is knowledge even where every row of it is empty.
        """
        found = {}
        for domain, difference in self.differences.items():
            before = self.state.columns.get(domain)
            columns = [name for name in difference.records.columns if name not in (before or ())]
            if columns or before is None:
                found[domain] = columns
        return found


def ingest(
    db: Database,
    study_id: str,
    batch: Batch,
    *,
    now: datetime,
    started_at: datetime | None = None,
    derivation: Derivation | None = None,
    allocation_key: AllocationKey | None = None,
    arm_revealing_extra: Iterable[str] = (),
) -> IngestResult:
    """Store what a batch changed.

    Parameters
    ----------
    batch: from a source's poll.   now: aware UTC, when the batch is closed.   started_at: of the poll, default `now`.
    derivation: the study's code lists, by which a code is known or unknown.
    allocation_key: encrypts arm-revealing values; None = they are dropped and counted, never stored.
    arm_revealing_extra: further variables that reveal an arm in this study.

    Returns
    -------
    Counts and doubts. A corrected allocation alone closes no batch: a batch is seen by people who must stay
    blinded, so it is stored with the next batch that has open changes, and its file is read again until then.

    Raises
    ------
    SourceFailure: a column that is needed is missing; nothing was written.
    HeadConflict: another ingest of the same source was closed meanwhile; nothing of this one is visible.
    """
    if batch.unchanged:
        record_unchanged(db, study_id, batch.source_id, complete=batch.complete, now=now, warnings=batch.warnings)
        return IngestResult(None, dict.fromkeys(_COUNTED, 0))
    extra = tuple(arm_revealing_extra)
    with db.reading() as conn:
        plan = _plan(conn, study_id, batch, derivation, allocation_key, extra)
    differences = plan.differences.values()
    hidden = sum(d.records.arm_values() for d in differences)
    result = _result(differences, dropped=0 if allocation_key else hidden)
    if not any(d.rows for d in differences) and not plan.seen_first:
        changes = _remembered(plan, batch, closed=False)
        warnings = (*batch.warnings, *result.warnings)
        record_unchanged(db, study_id, batch.source_id, complete=batch.complete, now=now, warnings=warnings, **changes)
        return result
    batch_no = _write(db, study_id, batch, plan, result, now=now, started_at=started_at or now)
    return IngestResult(batch_no, result.counts, result.domains, result.warnings, result.faults)


def _plan(
    conn: Connection, study_id: str, batch: Batch, derivation: Derivation | None, key: AllocationKey | None,
    extra: tuple[str, ...],
) -> _Plan:  # fmt: skip
    state = load_state(conn, study_id, batch.source_id)
    codes, subjects = known_codes(derivation), _subjects(conn, study_id, batch)
    differences: dict[str, Difference] = {}
    sealed: dict[str, list[Sealed]] = {}
    for domain in (domain for domain in KEEP if domain in batch.records):
        found = compare(conn, study_id, batch, domain, state, codes=codes, subjects=subjects, arm_revealing_extra=extra)
        differences[domain] = found
        if domain == "DM" and batch.records["DM"].complete:
            subjects = frozenset(found.records.columns["USUBJID"].to_pylist())
        if key is not None and found.records.arms:
            sealed[domain] = _sealed(conn, study_id, batch.source_id, found, key)
    return _Plan(state, differences, sealed, last_batch_of(conn, study_id, batch.source_id))


def _subjects(conn: Connection, study_id: str, batch: Batch) -> frozenset[str] | None:
    """Subjects that this source's DM is known to have; None while it has none."""
    return frozenset(current_hashes(conn, study_id, batch.source_id, "DM")) or None


def _sealed(conn: Connection, study_id: str, source_id: str, found: Difference, key: AllocationKey) -> list[Sealed]:
    """Arm-revealing values that are not stored yet, encrypted."""
    domain = found.records.domain
    stored = allocation.last_value_digests(conn, study_id, source_id, domain)
    every = (key.seal(study_id, domain, record_key, values) for record_key, values in found.records.arms_of())
    return [item for item in every if stored.get(item.key_digest) != item.value_digest]


def _write(
    db: Database, study_id: str, batch: Batch, plan: _Plan, result: IngestResult, *, now: datetime,
    started_at: datetime,
) -> int:  # fmt: skip
    """Write the revisions in short transactions and close the batch with the last one."""
    rows = chain.from_iterable(
        ((domain, *revision) for revision in found.revisions(now)) for domain, found in plan.differences.items()
    )
    digest = audit.RunningDigest()
    ingest_id: int | None = None
    while True:
        chunk = list(islice(rows, ROWS_AT_ONCE))
        with db.writing(study_id) as conn:
            if ingest_id is None:
                ingest_id = _open(conn, study_id, batch.source_id, now)
            _insert_revisions(conn, (ingest_id, study_id, batch.source_id), chunk)
            digest.add(revision_mark(*row) for row in chunk)
            if len(chunk) < ROWS_AT_ONCE:
                return _close(conn, study_id, batch, plan, result, ingest_id, digest.text(), now, started_at)


def _open(conn: Connection, study_id: str, source_id: str, now: datetime) -> int:
    values = {"study_id": study_id, "source_id": source_id, "opened_at": now}
    key = conn.execute(insert(tables.ingest).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _insert_revisions(conn: Connection, place: tuple[int, str, str], rows: list[tuple[Any, ...]]) -> None:
    as_stored = tables.revision.c.entered_at.type.dialect_impl(conn.dialect).bind_processor(conn.dialect)

    def entered(at: datetime | None) -> Any:
        return at if at is None or as_stored is None else as_stored(at)

    values = [
        (*place, domain, key, event, content_hash, deleted, entered(at), payload)
        for domain, key, event, content_hash, deleted, at, payload in rows
    ]
    insert_many(conn, tables.revision, _REVISION_COLUMNS, values)


def insert_many(conn: Connection, table: Table, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Insert rows whose values are already as the driver wants them: the fastest way that both databases share."""
    if rows:
        mark = "?" if conn.dialect.name == "sqlite" else "%s"
        marks = ", ".join([mark] * len(columns))
        conn.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608


def _close(
    conn: Connection, study_id: str, batch: Batch, plan: _Plan, result: IngestResult, ingest_id: int, digest: str,
    now: datetime, started_at: datetime,
) -> int:  # fmt: skip
    """The last transaction of a batch: it becomes visible with its faults, its audit entry and its number."""
    head = lock_head(conn, study_id)
    if last_batch_of(conn, study_id, batch.source_id) != plan.last_batch:
        raise HeadConflict(
            "Another ingest of the same source was closed while this one was read",
            where=f"study {study_id}, source {batch.source_id}",
            fix="Nothing of this one is visible; the next poll reads the source again.",
        )
    for domain, sealed in plan.sealed.items():
        allocation.store(
            conn, ingest_id=ingest_id, study_id=study_id, source_id=batch.source_id, domain=domain, sealed=sealed
        )
    faults = [fault for found in plan.differences.values() for fault in found.touched]
    _insert_faults(conn, (ingest_id, study_id, batch.source_id), faults)
    batch_no = head.batch_no + 1
    open_counts = {name: result.counts[name] for name in _COUNTED if name != "arm_revealing_dropped"}
    conn.execute(
        insert(tables.batch).values(
            study_id=study_id, batch_no=batch_no, ingest_id=ingest_id, source_id=batch.source_id, closed_at=now,
            watermark=batch.watermark, complete=batch.complete, digest=digest,
            counts={**open_counts, "columns": plan.seen_first},
        )
    )  # fmt: skip
    record_poll(
        conn, study_id, batch.source_id, started_at=started_at, finished_at=now, outcome="ok",
        warnings=(*batch.warnings, *result.warnings), counts=result.counts,
    )  # fmt: skip
    complete = {"last_complete_at": now} if batch.complete else {}
    save_state(
        conn, study_id, batch.source_id, last_polled_at=now, failing_since=None, reason="", **complete,
        **_remembered(plan, batch),
    )  # fmt: skip
    body = {"batch": batch_no, "source": batch.source_id, "counts": open_counts, "digest": digest}
    head = audit.append(conn, head, at=now, actor="dsmbot", kind="batch_closed", body=body)
    advance_head(conn, head, batch_no=batch_no)
    return batch_no


def _insert_faults(conn: Connection, place: tuple[int, str, str], faults: list[Fault]) -> None:
    columns = ("ingest_id", "study_id", "source_id", "domain", "file", "row_no", "variable", "kind")
    rows = [(*place, f.domain, f.file, f.row_no, f.variable, f.kind.value) for f in faults]
    insert_many(conn, tables.fault, columns, rows)


def _remembered(plan: _Plan, batch: Batch, *, closed: bool = True) -> dict[str, Any]:
    """What the next poll must know: keys chosen, columns seen, files read, and that an acceptance was used.

    Where no batch was closed although an allocation changed, the files do not count as read.
    """
    keys = {domain: list(names) for domain, names in plan.state.record_keys.items()}
    columns = {domain: list(names) for domain, names in plan.state.columns.items()}
    for domain, found in plan.differences.items():
        if len(found.records):
            keys.setdefault(domain, list(found.records.key_names))
        columns[domain] = list(dict.fromkeys([*columns.get(domain, ()), *found.records.columns]))
    changes: dict[str, Any] = {"record_keys": keys, "columns": columns}
    if closed or not any(plan.sealed.values()):
        changes["fingerprint"] = dict(batch.fingerprint)
    return {**changes, "accept_once": None} if batch.accepted_smaller else changes


_COUNTED = ("new", "changed", "deleted", "unchanged", "flagged", "duplicate_keys", "arm_revealing_dropped")


def _result(differences: Iterable[Difference], *, dropped: int) -> IngestResult:
    found = list(differences)
    domains = {
        d.records.domain: {"new": d.new, "changed": d.changed, "deleted": len(d.gone), "unchanged": d.unchanged}
        for d in found
    }
    faults = tuple(fault for d in found for fault in d.faults)
    counts = {name: sum(domain[name] for domain in domains.values()) for name in _COUNTED[:4]}
    counts["flagged"] = len({(fault.domain, fault.file, fault.row_no) for fault in faults})
    counts["duplicate_keys"] = sum(fault.kind == "duplicate_key" for fault in faults)
    counts["arm_revealing_dropped"] = dropped
    return IngestResult(None, counts, domains, tuple(w for d in found for w in d.warnings), faults)
