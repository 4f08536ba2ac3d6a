"""What is stored of a source's records: their latest visible revisions, by key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, select

from storage.schema import batch, revision

_AT_ONCE = 500
"""Keys asked for in one query, below every database's limit of parameters."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one record.

    Parameters
    ----------
    record_key: the record.   event_key: of its last revision.
    values: of its last revision that was not a tombstone.
    deleted: its last revision is a tombstone.   revisions: how many there are.
    """

    record_key: str
    event_key: str
    values: dict[str, str]
    deleted: bool
    revisions: int


def closed_ingests(conn: Connection, study_id: str, among: Collection[int]) -> frozenset[int]:
    """Those of these ingests whose batch was closed; revisions of any other are invisible for ever.

    What is asked grows with the rows at hand, not with the years for which the study has been polled.
    """
    query = select(batch.c.ingest_id).where(batch.c.study_id == study_id)
    if len(among) <= _AT_ONCE:
        query = query.where(batch.c.ingest_id.in_(list(among)))
    return frozenset(conn.execute(query).scalars())


def current_hashes(
    conn: Connection, study_id: str, source_id: str, domain: str, keys: Iterable[str] | None = None
) -> dict[str, bytes]:
    """Record key → content hash of every record that is not deleted; of `keys` only, where given."""
    c = revision.c
    query = _of(study_id, source_id, domain, c.record_key, c.content_hash, c.deleted, c.ingest_id)
    found: dict[str, bytes] = {}
    for key, content_hash, deleted, _ in _closed_rows(conn, study_id, query, keys):
        found[key] = b"" if deleted else bytes(content_hash)
    return {key: content_hash for key, content_hash in found.items() if content_hash}


def stored_records(
    conn: Connection, study_id: str, source_id: str, domain: str, keys: Iterable[str] | None = None
) -> dict[str, Stored]:
    """Record key → what is stored of it, deleted ones included; of `keys` only, where given."""
    c = revision.c
    query = _of(study_id, source_id, domain, c.record_key, c.event_key, c.payload, c.deleted, c.ingest_id)
    found: dict[str, tuple[str, str, bool, int]] = {}
    for key, event, payload, deleted, _ in _closed_rows(conn, study_id, query, keys):
        before = found.get(key, ("", "{}", False, 0))
        found[key] = (event, before[1] if deleted else payload, bool(deleted), before[3] + 1)
    return {key: Stored(key, event, json.loads(text), gone, n) for key, (event, text, gone, n) in found.items()}


def last_batch_of(conn: Connection, study_id: str, source_id: str) -> int:
    """Number of the last batch of a source, 0 = none."""
    query = select(batch.c.batch_no).where(batch.c.study_id == study_id, batch.c.source_id == source_id)
    return conn.execute(query.order_by(batch.c.batch_no.desc()).limit(1)).scalar_one_or_none() or 0


def _of(study_id: str, source_id: str, domain: str, *columns: Any) -> Select[Any]:
    c = revision.c
    query = select(*columns).where(c.study_id == study_id, c.source_id == source_id, c.domain == domain)
    return query.order_by(c.revision_id)


def _closed_rows(
    conn: Connection, study_id: str, query: Select[Any], keys: Iterable[str] | None
) -> Iterator[Sequence[Any]]:
    """Rows of closed batches (`ingest_id` comes last), in the order in which they were written."""
    for rows in _fetched(conn, query, keys):
        closed = closed_ingests(conn, study_id, {row[-1] for row in rows})
        yield from (row for row in rows if row[-1] in closed)


def _fetched(conn: Connection, query: Select[Any], keys: Iterable[str] | None) -> Iterator[Sequence[Sequence[Any]]]:
    """Portions of plain tuples; a million of them are read here."""
    if keys is None:
        yield _plain(conn, query)
        return
    remaining = iter(keys)
    while some := list(islice(remaining, _AT_ONCE)):
        yield _plain(conn, query.where(revision.c.record_key.in_(some)))


def _plain(conn: Connection, query: Select[Any]) -> Sequence[Sequence[Any]]:
    cursor: Any = conn.execute(query).cursor
    rows: Sequence[Sequence[Any]] = cursor.fetchall()
    return rows
