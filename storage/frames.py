"""One domain's current records as a table in memory, to which later revisions are applied without rebuilding it."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from rules.sdtm import KEEP, REQUIRED, SERVICE_COLUMNS

_PIECES = 64
"""Pieces that a table may consist of before they are joined: each change splits one."""

_FEW = 256
"""Payloads up to which parsing one by one is faster than starting Arrow's reader."""

UNTIL = "until"
"""Service column of revisions that are no longer current: the batch that replaced or deleted each."""

_SERVICE = pa.schema(
    [
        ("record_key", pa.large_string()),
        ("event_key", pa.large_string()),
        ("source_id", pa.large_string()),
        ("batch_no", pa.int64()),
        ("known_at", pa.timestamp("us", tz="UTC")),
    ]
)


class RevisionRow(NamedTuple):
    """One stored revision. `known_at` is aware UTC; `payload` is canonical JSON, "" for a deletion."""

    source_id: str
    record_key: str
    event_key: str
    deleted: bool
    batch_no: int
    known_at: datetime
    payload: str


@dataclass(frozen=True, slots=True)
class DomainTable:
    """Current records of one domain, sorted by record key and source.

    Parameters
    ----------
    domain: SDTM domain.   keys: (record key, source) of each row, sorted.
    table: service columns and every variable on the keep-list, missing = "".
    """

    domain: str
    keys: tuple[tuple[str, str], ...]
    table: pa.Table

    @classmethod
    def empty(cls, domain: str) -> DomainTable:
        """No records."""
        return cls(domain, (), _table(domain, []))

    def applied(self, revisions: Sequence[RevisionRow]) -> DomainTable:
        """The table after these revisions, oldest first; the last one of a record counts."""
        last = {(row.record_key, row.source_id): row for row in revisions}
        if not last:
            return self
        places = sorted(last)
        rows = [last[key] for key in places if not last[key].deleted]
        fresh = _table(self.domain, rows)
        if not self.keys:
            return DomainTable(self.domain, tuple(key for key in places if not last[key].deleted), fresh)
        return self._spliced(places, last, fresh)

    def replaced(self, revisions: Sequence[RevisionRow]) -> pa.Table:
        """Revisions that `applied(revisions)` leaves behind: rows of this table, and of these all but the last.

        Returns
        -------
        A table of the same columns and `until`: the batch that replaced or deleted the revision. The order of rows
        means nothing.
        """
        first: dict[tuple[str, str], RevisionRow] = {}
        before: dict[tuple[str, str], RevisionRow] = {}
        between: list[tuple[RevisionRow, int]] = []
        for row in revisions:
            key = (row.record_key, row.source_id)
            first.setdefault(key, row)
            if key in before and not before[key].deleted:
                between.append((before[key], row.batch_no))
            before[key] = row
        at = [(bisect_left(self.keys, key), key) for key in first] if self.keys else []
        gone = [(i, first[key].batch_no) for i, key in at if i < len(self.keys) and self.keys[i] == key]
        kept = self.table.take(pa.array([i for i, _ in gone], pa.int64()))
        rows = pa.concat_tables([kept, _table(self.domain, [row for row, _ in between])])
        until = [batch_no for _, batch_no in (*gone, *between)]
        return rows.append_column(UNTIL, pa.array(until, pa.int64()))

    def _spliced(
        self, places: list[tuple[str, str]], last: dict[tuple[str, str], RevisionRow], fresh: pa.Table
    ) -> DomainTable:
        """Old pieces and fresh rows in order of key, sharing memory with the old table."""
        pieces: list[pa.Table] = []
        keys: list[tuple[str, str]] = []
        start = taken = 0
        for place in places:
            at = bisect_left(self.keys, place, lo=start)
            pieces.append(self.table.slice(start, at - start))
            keys.extend(self.keys[start:at])
            start = at + (at < len(self.keys) and self.keys[at] == place)
            if not last[place].deleted:
                pieces.append(fresh.slice(taken, 1))
                keys.append(place)
                taken += 1
        pieces.append(self.table.slice(start))
        keys.extend(self.keys[start:])
        table = pa.concat_tables(piece for piece in pieces if len(piece)) if keys else fresh.slice(0, 0)
        if table.column(0).num_chunks > _PIECES:
            table = table.combine_chunks()
        return DomainTable(self.domain, tuple(keys), table)

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """The records as `rules.model.Snapshot` promises them.

        Parameters
        ----------
        columns: variables that the domain's sources have; required ones are always there.
        """
        frame = framed(self.domain, self.table, columns)
        sources = pc.count_distinct(self.table.column("source_id")).as_py()
        return _told_apart(frame) if sources > 1 else frame


def framed(domain: str, table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of a domain's table as a frame, with the variables that its sources have and those that are required."""
    shown = {*columns, *REQUIRED[domain]}
    extra = [UNTIL] if UNTIL in table.column_names else []
    names = [*SERVICE_COLUMNS, *extra, *(name for name in KEEP[domain] if name in shown)]
    return pd.DataFrame({name: _column(table.column(name)) for name in names}, copy=False)


def _column(column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_large_string(column.type):
        return pd.Series(pd.array(column, dtype="str"), copy=False)
    series: pd.Series = column.to_pandas()
    return series


def _table(domain: str, rows: Sequence[RevisionRow]) -> pa.Table:
    """Rows as columns: the payloads are parsed all at once."""
    arrays = [
        pa.array([row.record_key for row in rows], pa.large_string()),
        pa.array([row.event_key for row in rows], pa.large_string()),
        pa.array([row.source_id for row in rows], pa.large_string()),
        pa.array([row.batch_no for row in rows], pa.int64()),
        pa.array([row.known_at for row in rows], pa.timestamp("us", tz="UTC")),
    ]
    service = pa.Table.from_arrays(arrays, schema=_SERVICE)
    values = _parsed(domain, [row.payload for row in rows])
    for name in KEEP[domain]:
        column = pc.fill_null(values.column(name), "").cast(pa.large_string())
        service = service.append_column(name, column)
    return service


def _parsed(domain: str, payloads: Sequence[str]) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in KEEP[domain]])
    if len(payloads) < _FEW:
        return pa.Table.from_pylist([json.loads(text) for text in payloads], schema=schema)
    longest = max(map(len, payloads))
    data = "\n".join(payloads).encode()
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    blocks = pyarrow.json.ReadOptions(block_size=max(1 << 20, 8 * longest))
    return pyarrow.json.read_json(pa.BufferReader(data), parse_options=options, read_options=blocks)


def _told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Records of two sources that have the same key: all but those of the first source get its name in their keys."""
    collides = frame["record_key"].duplicated(keep=False).to_numpy()
    first = frame.groupby("record_key")["source_id"].transform("min")
    renamed = collides & (frame["source_id"] != first).to_numpy()
    if not np.any(renamed):
        return frame
    frame = frame.copy()
    suffix = "@" + frame.loc[renamed, "source_id"]
    own_event = renamed & (frame["event_key"] == frame["record_key"]).to_numpy()
    frame.loc[own_event, "event_key"] = frame.loc[own_event, "event_key"] + suffix[own_event[renamed]]
    frame.loc[renamed, "record_key"] = frame.loc[renamed, "record_key"] + suffix
    return frame.sort_values("record_key", kind="stable", ignore_index=True)
