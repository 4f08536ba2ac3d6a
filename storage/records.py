"""From what a source read to what may be stored: kept variables as canonical text, the rest split off or left.

This is the data barrier of blinding: what reveals an arm is separated here, before anything is hashed or written,
for every source alike. What is on no keep-list is read past.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rules.sdtm import KEEP, REQUIRED, TRAILING, canonical_column, is_arm_revealing, is_numeric, numeric_text
from storage.record_keys import Columns, base_keys, choose_key, event_keys, joined, numbered, text_array
from storage.sources.base import Extract, SourceFailure

PLACE_COLUMNS = ("file", "row_no")
"""Where a row stands at its source; never stored with the record."""

_MISSING = pa.scalar(None, pa.large_string())
_FIRST_PRINTED, _QUOTE, _BACKSLASH, _TAB, _LINE_FEED = 32, 34, 92, 9, 10


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of one domain, ready to be compared with what is stored. All arrays have one entry a row.

    Parameters
    ----------
    domain: SDTM domain.   key_names: variables that name a row beside USUBJID.
    columns: kept variables as canonical text.
    keys, event_keys, payloads: text.   hashes: 16 bytes each (BLAKE2b of the payload).
    numbered: positions of rows whose key was not unique.   event_variable: names the event, None = the row does.
    files, row_nos: where each row stands at the source.
    arms: arm-revealing variables as canonical text; never to be written without a key.
    """

    domain: str
    key_names: tuple[str, ...]
    columns: Columns
    keys: pa.ChunkedArray
    event_keys: pa.ChunkedArray
    payloads: pa.ChunkedArray
    hashes: list[bytes]
    numbered: np.ndarray
    event_variable: str | None
    files: pa.ChunkedArray
    row_nos: np.ndarray
    arms: Columns

    def __len__(self) -> int:
        return len(self.hashes)

    def arm_values(self) -> int:
        """How many values were split off."""
        return sum(len(column) - int(pc.sum(pc.equal(column, "")).as_py() or 0) for column in self.arms.values())

    def arms_of(self) -> Iterable[tuple[str, dict[str, str]]]:
        """Record key and arm-revealing values of each row that has any."""
        names = list(self.arms)
        for key, *values in zip(self.keys.to_pylist(), *(c.to_pylist() for c in self.arms.values()), strict=True):
            found = {name: value for name, value in zip(names, values, strict=True) if value}
            if found:
                yield key, found


def prepare(
    domain: str,
    extract: Extract,
    *,
    key_names: tuple[str, ...] | None,
    configured_key: str | None = None,
    event_variable: str | None = None,
    arm_revealing_extra: Iterable[str] = (),
) -> Records:
    """Bring one extract to the form that is compared and stored.

    Parameters
    ----------
    key_names: variables that name a row as chosen at the first load; None = choose now.
    configured_key, event_variable: from the source's settings.
    arm_revealing_extra: further variables that reveal an arm in this study.

    Raises
    ------
    SourceFailure: a required column or a key variable is missing, or the key itself would reveal an arm.
    """
    frame = extract.frame
    names = [str(name) for name in frame.columns if name not in PLACE_COLUMNS]
    hidden = [name for name in names if is_arm_revealing(name, arm_revealing_extra)]
    kept = [name for name in KEEP[domain] if name in names and name not in hidden]
    naming = _given(*(key_names or (configured_key,)))
    _check_columns(domain, names, kept, hidden, naming, event_variable)
    _check_same_key(domain, key_names, configured_key)
    columns = {name: canonical_array(frame[name], name) for name in kept}
    others = {name for name in _given(*naming, event_variable) if name in names} - columns.keys()
    readable = {**columns, **{name: canonical_array(frame[name], name) for name in others}}
    if key_names is None:
        key_names = choose_key(domain, readable, configured=configured_key, event=event_variable)
    payloads = payload_column(columns)
    keys, doubled = numbered(base_keys(readable, key_names), payloads)
    files, row_nos = _places(domain, frame)
    return Records(
        domain=domain, key_names=key_names, columns=columns, keys=keys,
        event_keys=event_keys(readable, keys, event_variable), payloads=payloads,
        hashes=_hashes(payloads), numbered=doubled,
        event_variable=event_variable, files=files, row_nos=row_nos,
        arms={name: canonical_array(frame[name], name) for name in hidden},
    )  # fmt: skip


def with_last_known(records: Records, known: Mapping[str, Mapping[str, str]], vanished: Iterable[str]) -> Records:
    """The same records with columns that have vanished from the source filled from what was last known.

    A column that is missing from an extract says nothing about any row: it is one fault of the source, not one
    change a row, and never blanks what was recorded.

    Parameters
    ----------
    known: record key → values last stored.   vanished: kept variables that the extract no longer has.
    """
    keys = records.keys.to_pylist()
    filled = {name: text_array([known.get(key, {}).get(name, "") for key in keys]) for name in vanished}
    columns = {**records.columns, **filled}
    payloads = payload_column(columns)
    return replace(
        records, columns=columns, payloads=payloads, hashes=_hashes(payloads),
        event_keys=event_keys(columns, records.keys, records.event_variable),
    )  # fmt: skip


def content_hash(payload: str) -> bytes:
    """BLAKE2b (RFC 7693) of a payload, 16 bytes: equal content, equal hash, whatever format it came in."""
    return hashlib.blake2b(payload.encode(), digest_size=16).digest()


def _hashes(payloads: pa.ChunkedArray) -> list[bytes]:
    """`content_hash` of each, straight from Arrow's memory."""
    texts = payloads.cast(pa.large_binary()).to_pylist()
    return [hashlib.blake2b(text, digest_size=16).digest() for text in texts]


def payload_column(columns: Columns) -> pa.ChunkedArray:
    """Canonical JSON object of each row: variables in order of name, empty ones left out.

    Empty and absent are the same fact, "not recorded": a source that adds an empty column has changed nothing.
    """
    members = [joined(f'"{name}":"', _recorded(_escaped(columns[name])), '"') for name in sorted(columns)]
    parts = joined("{", *members, by=",", skip_missing=True)  # "{" first: Arrow leaves out a row that is null in all
    return joined(pc.replace_substring(parts, "{,", "{", max_replacements=1), "}")


def payload_of(values: Mapping[str, str]) -> str:
    """The same for one record."""
    return json.dumps(
        {name: value for name, value in values.items() if value},
        sort_keys=True, separators=(",", ":"), ensure_ascii=False,
    )  # fmt: skip


def _recorded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Empty values as null, which a join leaves out."""
    empty = pc.equal(column, "")
    return pc.if_else(empty, _MISSING, column) if pc.any(empty).as_py() else column


def _escaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as they stand between the quotes of JSON; only columns that need it are touched."""
    if not _any_byte(column, _is_escaped):
        return column
    encoded = column.combine_chunks().dictionary_encode()
    values = [json.dumps(value, ensure_ascii=False)[1:-1] for value in encoded.dictionary.to_pylist()]
    return text_array(pa.array(values, pa.large_string()).take(encoded.indices))


def has_control_characters(column: pa.ChunkedArray) -> bool:
    """Whether a column may hold control characters other than tab and line feed, which people type."""
    return _any_byte(column, lambda b: (b < _FIRST_PRINTED) & (b != _TAB) & (b != _LINE_FEED))


def _is_escaped(b: np.ndarray) -> np.ndarray:
    found: np.ndarray = (b < _FIRST_PRINTED) | (b == _QUOTE) | (b == _BACKSLASH)
    return found


def _any_byte(column: pa.ChunkedArray, judge: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether such a byte is in the memory of a column; what merely lies beside it there can make it say yes."""
    buffers = (chunk.buffers()[2] for chunk in column.chunks)
    return any(b is not None and bool(judge(np.frombuffer(b, np.uint8)).any()) for b in buffers)


def canonical_array(series: pd.Series, name: str) -> pa.ChunkedArray:
    """`rules.sdtm.canonical_column` as Arrow text; a NUL inside becomes U+FFFD, because PostgreSQL cannot hold it.

    A column that is text already stays in Arrow's memory, which a poll of small files is made of.
    """
    if isinstance(series.dtype, pd.StringDtype):
        column = pc.utf8_rtrim(pc.fill_null(text_array(series), ""), TRAILING)
        column = _numbers(column) if is_numeric(name) else column
    else:
        column = text_array(canonical_column(series, name))
    return pc.replace_substring(column, "\0", "\ufffd") if _any_byte(column, lambda b: b == 0) else column


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text of a numeric variable in number form, once per distinct value."""
    values = pc.unique(column)
    texts = values.to_pylist()
    formed = [numeric_text(text) for text in texts]
    if formed == texts:
        return column
    return pa.array(formed, pa.large_string()).take(pc.index_in(column, values))


def _places(domain: str, frame: pd.DataFrame) -> tuple[pa.ChunkedArray, np.ndarray]:
    rows = len(frame)
    row_nos = frame["row_no"].to_numpy(np.int64) if "row_no" in frame else np.arange(1, rows + 1)
    files = frame["file"] if "file" in frame else pd.Series([domain.lower()] * rows, dtype="str")
    return text_array(files), row_nos


def _given(*names: str | None) -> list[str]:
    return [name for name in names if name]


def _check_same_key(domain: str, key_names: tuple[str, ...] | None, configured: str | None) -> None:
    if key_names is not None and configured not in (None, *key_names):
        raise SourceFailure(
            f"Rows of {domain} are named by {', '.join(key_names) or 'USUBJID'} since the first load, "
            f"and the configuration now says {configured}",
            "Take `record_key` back, or give the source another id: the key of a domain is never switched.",
        )


def _check_columns(
    domain: str, names: list[str], kept: list[str], hidden: list[str], naming: list[str], event_variable: str | None
) -> None:
    for name in REQUIRED[domain]:
        if name not in kept:
            raise SourceFailure(
                f"{domain} has no column {name}, which is required",
                f"Name the column that holds it under `columns: {{{domain}: {{{name}: …}}}}`.",
            )
    for name in _given(*naming, event_variable):
        if name in hidden:
            raise SourceFailure(
                f"{name} cannot name rows or events of {domain}, because it reveals an arm",
                f"Choose another variable under `record_key: {{{domain}: …}}` or `event_key`.",
            )
    for name in naming:
        if name not in names:
            raise SourceFailure(
                f"{domain} has no column {name}, by which its rows are known",
                f"Name it under `columns: {{{domain}: {{{name}: …}}}}`; the key of a domain is never switched.",
            )
