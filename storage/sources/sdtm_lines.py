"""Which lines of a large CSV file are not as they were: so that a poll with few changes parses few lines.

The memory lives in the process, may be lost at any time and is never the truth: whatever is doubtful (another
header, other order, a quoted line break, a row of another width or of nothing, a key that is not unique) is
answered with None, and the file is read in full. Lines are compared by Python's hash of bytes, keyed by the
interpreter's secret, so that nothing about a line can be learnt from it; once a day the whole file is read again in
any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rules.sdtm import KEEP
from storage.record_keys import base_keys
from storage.records import canonical_array
from storage.sources.base import Extract, SourceState
from storage.sources.sdtm_csv import read_csv
from storage.sources.sdtm_files import Stamp, read_bytes
from storage.sources.spreadsheet import empty_rows

SMALLEST = 1 << 20
"""Files of fewer bytes are always read in full; that is fast enough."""

MOST = 0.2
"""With more than this share of lines changed, reading in full is as fast."""

Mapped = Callable[[str, str, pd.DataFrame], pd.DataFrame]
"""domain, file name, columns as in the file → columns under SDTM names; the source's own mapping."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """One file as it was at `stamp`: its header line, one number per data line, and what names each row."""

    stamp: Stamp
    header: bytes
    digests: np.ndarray
    columns: Mapping[str, pa.ChunkedArray]


class LineMemory:
    """What was last read of each large CSV file.

    Parameters
    ----------
    mapped: the source's mapping of columns and codes.   smallest: bytes from which a file is remembered.
    """

    def __init__(self, mapped: Mapped, smallest: int = SMALLEST) -> None:
        self._mapped, self._smallest = mapped, smallest
        self._files: dict[Path, _Lines] = {}

    def remember(self, domain: str, path: Path, stamp: Stamp, data: bytes, frame: pd.DataFrame) -> None:
        """Keep what a full read found; forget the file if its lines are not its rows.

        Parameters
        ----------
        data: the file.   frame: its rows under SDTM names.
        """
        self._files.pop(path, None)
        if stamp.size < self._smallest:
            return
        header, lines = _split(data)
        if len(lines) == len(frame):
            names = [name for name in ("USUBJID", *KEEP[domain]) if name in frame.columns]
            columns = {name: canonical_array(frame[name], name) for name in names if _may_name_rows(name)}
            self._files[path] = _Lines(stamp, header, _digests(lines), columns)

    def changes(self, domain: str, path: Path, stamp: Stamp, state: SourceState) -> Extract | None:
        """Rows that are new or changed since the state was stored, and keys of rows that are gone.

        Returns
        -------
        None when only a full read can tell.

        Raises
        ------
        SourceFailure: the file cannot be read.
        """
        before = self._files.pop(path, None)
        names = state.record_keys.get(domain)
        stored = state.fingerprint.get("files", {}).get(domain, {}).get(path.name)
        if before is None or names is None or before.stamp.as_list() != stored:
            return None
        if not set(names) <= before.columns.keys():
            return None
        header, lines = _split(read_bytes(path, stamp))
        digests = _digests(lines)
        found = _difference(before.digests, digests) if header == before.header else None
        if found is None:
            return None
        return self._extract(domain, path, stamp, before, names, lines, digests, *found)

    def _extract(
        self, domain: str, path: Path, stamp: Stamp, before: _Lines, names: tuple[str, ...], lines: list[bytes],
        digests: np.ndarray, gone: np.ndarray, fresh: np.ndarray,
    ) -> Extract | None:  # fmt: skip
        some = [lines[at] for at in fresh]
        if any(line.count(b'"') % 2 or b"\0" in line for line in some):
            return None
        sheet = read_csv(b"\n".join([before.header, *some, b""]), path.name)
        if sheet.ragged or len(sheet.frame) != len(some):
            return None
        frame = self._mapped(domain, path.name, sheet.frame)
        if len(empty_rows(frame)):
            return None
        frame["row_no"] = fresh + 1
        now = {name: canonical_array(frame[name], name) for name in before.columns}
        columns = {name: _rearranged(column, now[name], gone, fresh) for name, column in before.columns.items()}
        fresh_keys, gone_keys = base_keys(now, names), _taken(base_keys(before.columns, names), gone)
        touched = pa.array({*fresh_keys.to_pylist(), *gone_keys}, pa.large_string())
        if int(pc.sum(pc.is_in(base_keys(columns, names), touched)).as_py() or 0) != len(set(fresh_keys.to_pylist())):
            return None  # a key that is not unique: rows are numbered in order of all their contents
        if any(key in gone_keys[:at] for at, key in enumerate(gone_keys)):
            return None
        self._files[path] = _Lines(stamp, before.header, digests, columns)
        missing = tuple(sorted(set(gone_keys) - set(fresh_keys.to_pylist())))
        return Extract(frame, complete=False, gone=missing, unread=len(lines) - len(some))


def _may_name_rows(name: str) -> bool:
    """Variables that can be part of a key, of those that are kept."""
    return not name.endswith(("TERM", "BODSYS", "SOC", "ORRES", "ENDTC"))


def _split(data: bytes) -> tuple[bytes, list[bytes]]:
    """Header line and data lines, without their line ends."""
    header, *lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return header, [line for line in lines if line and line != b"\r"]


def _digests(lines: list[bytes]) -> np.ndarray:
    return np.fromiter(map(hash, lines), dtype=np.int64, count=len(lines))


def _difference(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions that are gone from `before` and fresh in `after`; None when there are many, or the order changed."""
    if len(before) == len(after):
        at = np.flatnonzero(before != after)
        if len(at) <= MOST * len(after):
            return at, at
    gone, fresh = ~np.isin(before, after), ~np.isin(after, before)
    in_order = np.array_equal(before[~gone], after[~fresh])
    if not in_order or fresh.sum() > MOST * len(after) or gone.sum() > MOST * len(before):
        return None
    return np.flatnonzero(gone), np.flatnonzero(fresh)


def _rearranged(old: pa.ChunkedArray, new: pa.ChunkedArray, gone: np.ndarray, fresh: np.ndarray) -> pa.ChunkedArray:
    """A column of the file as it is now, from its old rows and the fresh ones."""
    index = np.empty(len(old) - len(gone) + len(fresh), dtype=np.int64)
    is_fresh = np.zeros(len(index), dtype=bool)
    is_fresh[fresh] = True
    index[is_fresh] = len(old) + np.arange(len(fresh))
    index[~is_fresh] = np.delete(np.arange(len(old)), gone)
    return pa.chunked_array([*old.chunks, *new.chunks]).take(pa.array(index))


def _taken(column: pa.ChunkedArray, positions: np.ndarray) -> list[str]:
    texts: list[str] = column.take(pa.array(positions, pa.int64())).to_pylist()
    return texts
