"""What is doubtful in rows that are kept all the same: found here, said by file, row and column, never by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rules.model import Derivation
from rules.sdtm import CRITERIA, FaultKind, date_variables, intervals, parse_dtc
from storage.records import Records, has_control_characters
from storage.sources.base import Extract, Fault

CodeLists = Mapping[str, frozenset[str]]
"""Variable → values that are known, in upper case. "" is never an unknown code."""

_YES_NO = frozenset({"Y", "N", "U", "NA"})
_OUTCOMES = frozenset(
    {
        "FATAL", "NOT RECOVERED/NOT RESOLVED", "RECOVERED/RESOLVED", "RECOVERED/RESOLVED WITH SEQUELAE",
        "RECOVERING/RESOLVING", "UNKNOWN",
    }
)  # fmt: skip
_STANDARD: CodeLists = {
    **dict.fromkeys(("AESER", *CRITERIA, "DTHFL"), _YES_NO),
    "AEOUT": _OUTCOMES,
    "AESEV": frozenset({"MILD", "MODERATE", "SEVERE"}),
    "AETOXGR": frozenset({"0", "1", "2", "3", "4", "5"}),
}
"""CDISC controlled terminology of the variables that rules read (NY, OUT, AESEV, toxicity grades)."""

_FEW = 500
"""Distinct values that are judged one by one: up to here that is faster than as a column."""

_DAY = r"^\d{4}-\d\d-\d\d"
_Masks = Iterator[tuple[str, FaultKind, np.ndarray]]


def known_codes(derivation: Derivation | None) -> CodeLists:
    """The standard's code lists, and what the study's configuration gives a meaning to.

    Without a configuration causality, expectedness and lesion role are not judged: any word may be right.
    """
    if derivation is None:
        return _STANDARD
    grades = _folded(derivation.grades)
    mapped = {
        "AEREL": _folded(derivation.related | derivation.unrelated),
        "AESEV": _STANDARD["AESEV"] | grades,
        "AETOXGR": _STANDARD["AETOXGR"] | grades,
        "AEOUT": _OUTCOMES | _folded(derivation.fatal_outcome),
        "EXPECTED": _folded(derivation.expected | derivation.unexpected),
        "LESROLE": _folded(derivation.treated_lesion | derivation.control_lesion | derivation.systemic),
    }
    return {**_STANDARD, **{name: codes for name, codes in mapped.items() if codes}}


def find_faults(records: Records, extract: Extract, codes: CodeLists, subjects: frozenset[str] | None) -> list[Fault]:
    """Every doubt about every row, in order of row and variable.

    Parameters
    ----------
    codes: from `known_codes`.   subjects: USUBJIDs of DM, None while there is no DM to compare with.
    """
    found: list[tuple[int, str, FaultKind]] = []
    for variable, kind, mask in _masks(records, extract, codes, subjects):
        found += [(int(at), variable, kind) for at in np.flatnonzero(mask)]
    found.sort()
    positions = pa.array([at for at, _, _ in found], pa.int64())
    keys, files = records.keys.take(positions).to_pylist(), records.files.take(positions).to_pylist()
    return [
        Fault(records.domain, file, int(records.row_nos[at]), variable, kind, key)
        for (at, variable, kind), key, file in zip(found, keys, files, strict=True)
    ]


def _masks(records: Records, extract: Extract, codes: CodeLists, subjects: frozenset[str] | None) -> _Masks:
    columns, rows = records.columns, len(records)
    subject = columns["USUBJID"]
    yield "USUBJID", FaultKind.MISSING_SUBJECT, _mask(pc.equal(subject, ""))
    if subjects is not None and records.domain != "DM":
        known = pa.array(sorted(subjects | {""}), pa.large_string())
        yield "USUBJID", FaultKind.UNKNOWN_SUBJECT, ~_mask(pc.is_in(subject, known))
    for name in records.key_names:
        if name in columns:
            yield name, FaultKind.MISSING_KEY, _mask(pc.equal(columns[name], ""))
    key_name = records.key_names[0] if records.key_names else "USUBJID"
    yield key_name, FaultKind.DUPLICATE_KEY, _at(records.numbered, rows)
    yield "", FaultKind.WRONG_FIELD_COUNT, _at(np.array(extract.ragged, dtype=np.int64), rows)
    for name in date_variables(columns):
        yield name, FaultKind.IMPOSSIBLE_DATE, _where_value(columns[name], _impossible)
    for name in sorted(codes.keys() & columns.keys()):
        yield name, FaultKind.UNKNOWN_CODE, _where_value(columns[name], _outside(codes[name]))
    for name, column in columns.items():
        if has_control_characters(column):
            yield name, FaultKind.CONTROL_CHARACTERS, _mask(pc.match_substring_regex(column, r"[\x00-\x08\x0b-\x1f]"))
    if records.domain == "AE":
        yield from _adverse_event_masks(records)


def _adverse_event_masks(records: Records) -> _Masks:
    columns = records.columns
    yield "AEDECOD", FaultKind.UNCODED_TERM, _mask(pc.equal(columns["AEDECOD"], ""))
    if "AESER" in columns:
        yield "AESER", FaultKind.CONTRADICTING_SERIOUSNESS, _contradicting(records)
    if "AEENDTC" in columns:
        yield "AEENDTC", FaultKind.END_BEFORE_START, _ends_before_start(columns["AESTDTC"], columns["AEENDTC"])


def _contradicting(records: Records) -> np.ndarray:
    """A criterion is met, or the outcome fatal, but AESER does not say Y (reference: ICH E2A)."""
    columns = records.columns
    serious: np.ndarray = np.zeros(len(records), dtype=bool)
    for name in CRITERIA:
        if name in columns:
            serious |= _mask(_is(columns[name], "Y"))
    if "AEOUT" in columns:
        serious |= _mask(_is(columns["AEOUT"], "FATAL"))
    return np.asarray(serious & ~_mask(_is(columns["AESER"], "Y")))


def _ends_before_start(start: pa.ChunkedArray, end: pa.ChunkedArray) -> np.ndarray:
    """Both days are known and the last is before the first; ISO days compare as text."""
    known = pc.and_(pc.match_substring_regex(start, _DAY), pc.match_substring_regex(end, _DAY))
    earlier = pc.less(pc.utf8_slice_codeunits(end, 0, 10), pc.utf8_slice_codeunits(start, 0, 10))
    return _mask(pc.and_(known, earlier))


def _impossible(values: pa.Array) -> np.ndarray:
    if len(values) <= _FEW:
        return np.array([bool(text) and parse_dtc(text) is None for text in values.to_pylist()], dtype=bool)
    return np.asarray(intervals(values.to_pandas().astype("str"))["impossible"], dtype=bool)


def _outside(codes: frozenset[str]) -> Callable[[pa.Array], np.ndarray]:
    known = codes | {""}
    return lambda values: np.array([value.strip().upper() not in known for value in values.to_pylist()], dtype=bool)


def _where_value(column: pa.ChunkedArray, judge: Callable[[pa.Array], np.ndarray]) -> np.ndarray:
    """Judge each distinct value once; most columns have few."""
    values = pc.unique(column)
    bad = values.filter(pa.array(judge(values), pa.bool_()))
    return _mask(pc.is_in(column, bad)) if len(bad) else np.zeros(len(column), dtype=bool)


def _is(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    return pc.equal(pc.utf8_upper(pc.utf8_trim_whitespace(column)), value)


def _mask(column: pa.ChunkedArray) -> np.ndarray:
    mask: np.ndarray = np.asarray(column.to_numpy(), dtype=bool)
    return mask


def _at(positions: np.ndarray, rows: int) -> np.ndarray:
    mask = np.zeros(rows, dtype=bool)
    mask[positions] = True
    return mask


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().upper() for word in words)
