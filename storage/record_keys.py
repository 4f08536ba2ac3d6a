"""What names a row, and what names an event: chosen once per domain, stored, never switched silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Columns = Mapping[str, pa.ChunkedArray]
"""Canonical text by variable: large_string, missing = ""."""

_NATURAL: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "DM": ((),),
    "AE": (("AEDECOD", "AESTDTC"),),
    "EX": (("EXSTDTC",), ("VISITNUM", "EXSTDTC")),
    "DS": (("DSDECOD", "DSSTDTC"),),
    "DA": (("DATESTCD", "DADTC"),),
    "SV": (("VISITNUM",), ("VISITNUM", "SVSTDTC"), ("SVSTDTC",)),
    "LB": (("LBTESTCD", "VISITNUM", "LBDTC"), ("LBTESTCD", "LBDTC")),
    "DV": (("DVDECOD", "DVSTDTC"),),
}
"""Variables that name a row where a domain has neither a sponsor's identifier nor a sequence number."""


def choose_key(domain: str, columns: Columns, *, configured: str | None, event: str | None) -> tuple[str, ...]:
    """Variables that name a row beside USUBJID: the first that are unique.

    The configured one if there is one; else --SPID, then --SEQ; else what names a row by nature (a visit number).
    A variable that names *events* (AESPID) comes after --SEQ, because several rows may be states of one event and
    it would stop being unique with the first of them. If none is unique, --SEQ: rows it cannot tell apart are
    numbered and flagged.

    Returns
    -------
    Variables in order; () where USUBJID alone names the row, as in DM.
    """
    if configured:
        return (configured,)
    possible = _candidates(domain, columns, event)
    for names in possible:
        if _names_every_row(columns, names):
            return names
    sequence = (f"{domain}SEQ",)
    return sequence if sequence in possible else possible[0] if possible else ()


def _candidates(domain: str, columns: Columns, event: str | None) -> list[tuple[str, ...]]:
    """Sponsor's identifier and sequence number if either is there, else what names a row by nature."""
    sponsor, sequence = f"{domain}SPID", f"{domain}SEQ"
    numbers = [(sequence,), (sponsor,)] if sponsor == event else [(sponsor,), (sequence,)]
    for candidates in ([] if domain == "DM" else numbers, _NATURAL.get(domain, ())):
        if possible := [names for names in candidates if all(name in columns for name in names)]:
            return possible
    return []


def joined(*parts: pa.ChunkedArray | str, by: str = "", skip_missing: bool = False) -> pa.ChunkedArray:
    """Texts of each row joined; a plain text is the same in every row; a null is left out, or makes the row null."""
    texts = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    missing = "skip" if skip_missing else "emit_null"
    return pc.binary_join_element_wise(*texts, pa.scalar(by, pa.large_string()), null_handling=missing)


def base_keys(columns: Columns, names: Sequence[str]) -> pa.ChunkedArray:
    """USUBJID and the values of the key variables, joined by "|": one text per row, not yet unique."""
    return joined(columns["USUBJID"], *(columns[name] for name in names), by="|")


def numbered(keys: pa.ChunkedArray, payloads: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Make keys unique: rows with equal keys become key, key#2, key#3 in order of their content.

    Returns
    -------
    Unique keys, and the positions of the rows that had to be numbered (the first of each keeps the bare key).
    """
    if pc.count_distinct(keys).as_py() == len(keys):
        return keys, np.array([], dtype=np.int64)
    series = pd.Series(pd.array(keys, dtype="str"))
    alike = np.flatnonzero(series.duplicated(keep=False).to_numpy())
    shared = pd.DataFrame({"key": series.iloc[alike], "content": payloads.take(pa.array(alike)).to_pylist()}, alike)
    place = shared.sort_values(["key", "content"], kind="stable").groupby("key").cumcount()
    extra = place[place > 0].sort_index()
    at = extra.index.to_numpy(dtype=np.int64)
    series.iloc[at] = [f"{key}#{n + 1}" for key, n in zip(series.iloc[at], extra, strict=True)]
    return text_array(series), at


def event_keys(columns: Columns, record_keys: pa.ChunkedArray, variable: str | None) -> pa.ChunkedArray:
    """USUBJID and the value of the variable that names the event; the record key where there is none.

    A row without a value in a column that others use gets its record key and "~", so that it cannot meet an event
    that happens to be named like its number.
    """
    if variable is None or variable not in columns:
        return record_keys
    value = columns[variable]
    named = joined(columns["USUBJID"], value, by="|")
    return pc.if_else(pc.equal(value, ""), joined(record_keys, "~"), named)


def event_key(values: Mapping[str, str], record_key: str, variable: str | None, columns: Iterable[str]) -> str:
    """The same for one record, from its payload; `columns` are those that the domain has."""
    if variable is None or variable not in columns:
        return record_key
    value = values.get(variable, "")
    return f"{values.get('USUBJID', '')}|{value}" if value else f"{record_key}~"


def text_array(values: object) -> pa.ChunkedArray:
    """Anything Arrow can read as text, as one large_string column."""
    read = pa.array(values, pa.large_string())
    return read if isinstance(read, pa.ChunkedArray) else pa.chunked_array([read])


def _names_every_row(columns: Columns, names: Sequence[str]) -> bool:
    """Unique with USUBJID, and nowhere empty."""
    if any(pc.any(pc.equal(columns[name], "")).as_py() for name in names):
        return False
    keys = base_keys(columns, names)
    return bool(pc.count_distinct(keys).as_py() == len(keys))
