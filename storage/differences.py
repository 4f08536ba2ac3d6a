"""What is new, changed or gone in one domain of a batch, compared with what is stored. Reads, and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from rules.sdtm import parse_dtc
from storage.continuity import Row, continued_events
from storage.record_faults import CodeLists, find_faults
from storage.records import Records, content_hash, prepare, with_last_known
from storage.sources.base import Batch, Extract, Fault, SourceState
from storage.stored_records import current_hashes, last_batch_of, stored_records

TOMBSTONE = content_hash("")
"""Content hash of a deletion."""

_RENUMBERED = 3
"""Events that moved to another row in one batch, from which it looks as if rows were renumbered."""

_AT_ONCE = 5000
"""Rows turned into Python values at once, so that a large batch is never wholly in memory twice."""

NewRevision = tuple[str, str, bytes, bool, datetime | None, str]
"""record key, event key, content hash, deleted, entered at, payload."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One domain of a batch beside what is stored.

    Parameters
    ----------
    records: what the source has.   positions: rows of it that are new or changed.
    new, changed, unchanged: numbers of rows.   gone: record key → event key of records that were deleted.
    events: record key → event key where it is not what the row says by itself.
    faults: of all rows.   touched: faults of new and changed rows, which are stored.
    warnings: about the domain as a whole.
    """

    records: Records
    positions: np.ndarray
    new: int
    changed: int
    unchanged: int
    gone: Mapping[str, str]
    events: Mapping[str, str]
    faults: tuple[Fault, ...]
    touched: tuple[Fault, ...]
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Revisions to be written."""
        return len(self.positions) + len(self.gone)

    def revisions(self, now: datetime) -> Iterator[NewRevision]:
        """The revisions to be written, in order of the source, deletions last."""
        records, entered = self.records, _entry_times(self.records, now)
        for start in range(0, len(self.positions), _AT_ONCE):
            some = self.positions[start : start + _AT_ONCE]
            texts = (_taken(c, some) for c in (records.keys, records.event_keys, records.payloads))
            for position, key, event, payload in zip(some.tolist(), *texts, strict=True):
                yield key, self.events.get(key, event), records.hashes[position], False, entered(position), payload
        for key, event in self.gone.items():
            yield key, event, TOMBSTONE, True, None, ""


def compare(
    conn: Connection,
    study_id: str,
    batch: Batch,
    domain: str,
    state: SourceState,
    *,
    codes: CodeLists,
    subjects: frozenset[str] | None,
    arm_revealing_extra: Iterable[str],
) -> Difference:
    """Compare one domain of a batch with what is stored of it.

    Raises
    ------
    SourceFailure: a column that is needed is missing, or the key would reveal an arm.
    """
    extract = batch.records[domain]
    records = prepare(
        domain, extract, key_names=state.record_keys.get(domain), configured_key=batch.record_key.get(domain),
        event_variable=batch.event_key.get(domain), arm_revealing_extra=arm_revealing_extra,
    )  # fmt: skip
    source = (study_id, batch.source_id, domain)
    vanished = [name for name in state.columns.get(domain, ()) if name not in records.columns]
    if vanished:
        only = None if extract.complete else records.keys.to_pylist()
        known = {key: stored.values for key, stored in stored_records(conn, *source, only).items()}
        records = with_last_known(records, known, vanished)
    return _difference(conn, source, records, extract, find_faults(records, extract, codes, subjects), vanished)


def _difference(
    conn: Connection, source: tuple[str, str, str], records: Records, extract: Extract, faults: list[Fault],
    vanished: list[str],
) -> Difference:  # fmt: skip
    keys: list[str] = records.keys.to_pylist()
    known = current_hashes(conn, *source, None if extract.complete else [*keys, *extract.gone])
    positions = [
        at for at, (key, found) in enumerate(zip(keys, records.hashes, strict=True)) if known.get(key) != found
    ]
    changed = sum(keys[at] in known for at in positions)
    missing = known.keys() - set(keys) if extract.complete else set(extract.gone) & known.keys()
    touched = {keys[at] for at in positions}
    gone, events, moved = _events(conn, source, records, positions, sorted(missing))
    return Difference(
        records=records, positions=np.array(positions, dtype=np.int64), new=len(positions) - changed, changed=changed,
        unchanged=len(keys) - len(positions) + extract.unread, gone=gone, events=events,
        faults=tuple(faults), touched=tuple(f for f in faults if f.record_key in touched),
        warnings=tuple(_warnings(records, vanished, moved)),
    )  # fmt: skip


def _events(
    conn: Connection, source: tuple[str, str, str], records: Records, positions: list[int], missing: list[str]
) -> tuple[dict[str, str], dict[str, str], int]:
    """Event keys of deleted records, event keys that are carried on, and how many of those moved."""
    gone = stored_records(conn, *source, missing) if missing else {}
    if records.domain == "AE" and (gone or last_batch_of(conn, source[0], source[1])):
        at = np.array(positions, dtype=np.int64)
        keys, events, payloads = (_taken(c, at) for c in (records.keys, records.event_keys, records.payloads))
        before = stored_records(conn, *source, keys)
        rows = [
            Row(key, event, json.loads(payload), before.get(key))
            for key, event, payload in zip(keys, events, payloads, strict=True)
        ]
        carried, moved = continued_events(rows, gone.values(), records.event_variable)
    else:
        carried, moved = {}, 0
    return {key: gone[key].event_key for key in missing}, carried, moved


def _taken(column: pa.ChunkedArray, positions: np.ndarray) -> list[str]:
    first, number = (int(positions[0]), len(positions)) if len(positions) else (0, 0)
    together = number and int(positions[-1]) - first == number - 1
    some = column.slice(first, number) if together else column.take(pa.array(positions, pa.int64()))
    texts: list[str] = some.to_pylist()
    return texts


def _warnings(records: Records, vanished: list[str], moved: int) -> Iterator[str]:
    if vanished:
        yield (
            f"{records.domain}: column {', '.join(sorted(vanished))} is no longer in the source; "
            "what was last known is kept and is not called a change."
        )
    if moved >= _RENUMBERED:
        yield (
            f"{records.domain}: {moved} events are found in rows with another key: the source seems to renumber its "
            f"rows. Set `record_key: {{{records.domain}: …}}` to a variable that stays."
        )


def _entry_times(records: Records, now: datetime) -> Callable[[int], datetime | None]:
    """When each row was entered at the source, where it says so; never later than now."""
    column = records.columns.get("ENTRYDTC")
    if column is None:
        return lambda _position: None
    texts = column.to_pylist()
    times = {text: entry_time(text, now) for text in set(texts)}
    return lambda position: times[texts[position]]


def entry_time(text: str, now: datetime) -> datetime | None:
    """An SDTM date-time as aware UTC; the end of the day where there is no time, None for a partial date.

    A time without zone is taken as UTC. What lies in the future cannot be when a row was entered, and is now.
    """
    interval = parse_dtc(text) if text else None
    if interval is None or interval.lo is None or interval.lo != interval.hi:
        return None
    try:
        at = datetime.fromisoformat(text.strip()) if "T" in text else datetime.combine(interval.lo, time(23, 59, 59))
    except ValueError:
        at = datetime.combine(interval.lo, time(23, 59, 59))
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return min(at, now)
