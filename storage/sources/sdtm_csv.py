"""CSV as text: nothing is guessed, nothing becomes a number, a half-written file is never taken for a whole one.

The fast reader is Arrow's. A file in which any row has a wrong number of fields is read again, row by row, so that
such a row can be kept and flagged instead of dropped.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from storage.sources.base import SourceFailure

_DELIMITERS = (",", ";", "\t")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file as text.

    Parameters
    ----------
    frame: columns as named in the file, in upper case; for CSV every value is text and missing is "".
    ragged: positions of rows whose number of fields was wrong: filled up with "" or cut, and to be flagged.
    signs: what makes it look as if a spreadsheet had saved it, in words; () otherwise.
    """

    frame: pd.DataFrame
    ragged: tuple[int, ...] = ()
    signs: tuple[str, ...] = ()


def read_csv(data: bytes, name: str, encoding: str = "utf-8") -> Sheet:
    """Read a CSV file.

    Parameters
    ----------
    data: its bytes.   name: for messages.   encoding: as the file was written.

    Raises
    ------
    SourceFailure: empty, half-written, NUL bytes, another encoding, or a header that names a column twice.
    """
    data = decoded(data, name, encoding)
    header, start, delimiter = header_of(data, name)
    if not data[start:].strip():
        return Sheet(pd.DataFrame({column: pd.Series([], dtype="str") for column in header if column}))
    table, broken = _fast(data, start, header, delimiter, name)
    ragged: tuple[int, ...] = ()
    if broken:
        table, ragged = _careful(data, start, header, delimiter, name)
    return Sheet(_frame(table, header), ragged)


def decoded(data: bytes, name: str, encoding: str) -> bytes:
    """The file as UTF-8 without byte-order mark; `SourceFailure` where its bytes cannot be what they should be."""
    if data.startswith(_UTF16):
        raise SourceFailure(f"{name} is written in UTF-16", "Save it as CSV UTF-8.")
    if b"\0" in data:
        raise SourceFailure(
            f"{name} has NUL bytes: it is damaged or no CSV file", "Write the file again from where it came."
        )
    if encoding.lower().replace("-", "") != "utf8":
        try:
            return data.decode(encoding).encode()
        except (UnicodeDecodeError, LookupError) as error:
            raise SourceFailure(f"{name} cannot be read as {encoding}", "Correct `encoding` of this source.") from error
    return data.removeprefix(_BOM)


def header_of(data: bytes, name: str) -> tuple[list[str], int, str]:
    """Column names (upper case, "" for a nameless one), where the rows begin, and the delimiter.

    Raises
    ------
    SourceFailure: no header, a column named twice, or a first line that is no UTF-8.
    """
    end = min((at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=len(data))
    line = _utf8(data[:end], name, 0)
    if not line.strip():
        raise SourceFailure(f"{name} is empty: it has no header line", "Write the file again; the old records stay.")
    delimiter = max(_DELIMITERS, key=line.count)
    header = [column.strip().upper() for column in next(csv.reader([line], delimiter=delimiter))]
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise SourceFailure(f"{name} names column {', '.join(twice)} twice", "Keep one column of each name.")
    start = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return header, min(start, len(data)), delimiter


def _fast(data: bytes, start: int, header: list[str], delimiter: str, name: str) -> tuple[pa.Table, bool]:
    broken: list[str] = []

    def note(_row: object) -> str:
        broken.append("row")
        return "skip"

    names = [f"c{i}" for i in range(len(header))]
    quoted = data.find(b'"', start) >= 0
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start)),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=quoted, invalid_row_handler=note
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:  # a row longer than a block of Arrow's, or bytes that are no UTF-8
        _utf8(data, name, 0)  # names the line, if that is the reason
        return pa.table({}), True
    return table, bool(broken)


def _careful(data: bytes, start: int, header: list[str], delimiter: str, name: str) -> tuple[pa.Table, tuple[int, ...]]:
    """Row by row: a short row is filled with "", a long one cut; both are reported by position."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    text = _utf8(data[start:], name, data.count(b"\n", 0, start))
    width, ragged = len(header), []
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    for at, row in enumerate(rows):
        if len(row) == width or (len(row) > width and not any(row[width:])):
            continue
        ragged.append(at)
    if ragged and ragged[-1] == len(rows) - 1 and (not text.endswith(("\n", "\r")) or text.count('"') % 2):
        raise SourceFailure(
            f"{name} is half-written: its last row ends before its last column",
            "It is read again at the next poll; if this stays, write the file again.",
        )
    filled = [(row + [""] * width)[:width] for row in rows]
    columns = [pa.array(column, pa.large_string()) for column in zip(*filled, strict=True)]
    return pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(width)]), tuple(ragged)


def _utf8(data: bytes, name: str, lines_before: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = lines_before + data.count(b"\n", 0, error.start) + 1
        raise SourceFailure(
            f"{name} is not UTF-8: line {line} has a byte that cannot be",
            "Save it as CSV UTF-8, or say how it is written, as in `encoding: cp1252`.",
        ) from error


def _frame(table: pa.Table, header: list[str]) -> pd.DataFrame:
    """Named columns as pandas text, sharing Arrow's memory."""
    columns = {name: arrow_text(table.column(i)) for i, name in enumerate(header) if name}
    return pd.DataFrame(columns, copy=False)


def arrow_text(column: pa.ChunkedArray) -> pd.Series:
    """A large_string column as a pandas column of dtype str, without copying."""
    return pd.Series(pd.array(column, dtype="str"), copy=False)
