"""One portable file for a whole database: gzip, JSON lines, each table's rows as stored, a count and digest at the end.

Values are the stored ones: JSON columns as their text, times in UTC with microseconds, bytes in base64. It can
be read back into SQLite as well as into PostgreSQL.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, Text, insert, select

from storage.columns import CanonicalJson, UtcDateTime, canonical
from storage.errors import BackupError
from storage.schema import metadata

FORMAT = "dsmbot-backup"
MAGIC = b"\x1f\x8b"
"""First bytes of a gzip file."""

_PORTION = 1000

Rows = Iterator[tuple[str, list[tuple[Any, ...]]]]
"""Portions of rows: table name, and values in the order of the table's columns."""


def raw_tables() -> dict[str, Table]:
    """Our tables without the conversion of JSON: text goes in and out as it is stored, so that hashes keep."""
    own = MetaData()
    return {
        table.name: Table(
            table.name,
            own,
            *(Column(c.name, Text if isinstance(c.type, CanonicalJson) else c.type) for c in table.columns),
        )
        for table in metadata.sorted_tables
    }


def read_database(conn: Connection) -> Rows:
    """All rows of all tables of one moment, in the order in which they were written."""
    for table in raw_tables().values():
        keys = [table.c[column.name] for column in metadata.tables[table.name].primary_key]
        with conn.execute(select(table).order_by(*keys), execution_options={"yield_per": _PORTION}) as result:
            for portion in result.partitions(_PORTION):
                yield table.name, [tuple(row) for row in portion]


def write_database(conn: Connection, rows: Rows, progress: Callable[[int], None] | None = None) -> int:
    """Insert portions of rows into empty tables. Returns how many; `progress` is told after each portion."""
    tables, written = raw_tables(), 0
    for name, portion in rows:
        table = tables[name]
        names = [column.name for column in table.columns]
        conn.execute(insert(table), [dict(zip(names, values, strict=True)) for values in portion])
        written += len(portion)
        if progress:
            progress(written)
    return written


def write_file(path: Path, rows: Rows, *, schema: str, progress: Callable[[int], None] | None = None) -> int:
    """Write a dump file. Returns the number of rows."""
    tables, digest, written = raw_tables(), hashlib.sha256(), 0
    with gzip.open(path, "wb", compresslevel=5) as file:

        def line(value: Any) -> None:
            data = canonical(value).encode() + b"\n"
            digest.update(data)
            file.write(data)

        line({"format": FORMAT, "schema": schema})
        for name, portion in rows:
            columns = list(tables[name].columns)
            line({"table": name, "columns": [column.name for column in columns], "rows": len(portion)})
            for values in portion:
                line([_to_json(value) for value in values])
            written += len(portion)
            if progress:
                progress(written)
        file.write(canonical({"end": written, "sha256": digest.hexdigest()}).encode() + b"\n")
    return written


def read_file(path: Path, *, schema: str) -> Rows:
    """Portions of rows of a dump file; the count and digest at its end are checked last.

    Raises
    ------
    BackupError: not a dump, of another schema, cut short, or altered.
    """
    tables, digest, read = raw_tables(), hashlib.sha256(), 0
    for data, portion in _portions(path, digest, schema):
        if "end" in portion:
            if portion != {"end": read, "sha256": data}:
                raise _damaged(path, "its digest does not match its content")
            return
        table = tables.get(portion["table"])
        if table is None or [column.name for column in table.columns] != portion["columns"]:
            raise _damaged(path, f"table {portion['table']!r} has other columns than this version knows")
        rows = [_from_json(table, values) for values in portion["values"]]
        read += len(rows)
        yield table.name, rows
    raise _damaged(path, "its end is missing: the file was cut short")


def _portions(path: Path, digest: Any, schema: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Header by header with its values; the digest so far beside the end line."""
    try:
        with gzip.open(path, "rb") as file:
            first = file.readline()
            digest.update(first)
            header = json.loads(first)
            if header.get("format") != FORMAT:
                raise _damaged(path, "it is not a backup of this product")
            if header["schema"] != schema:
                raise _damaged(path, f"it has schema {header['schema']}; this version of the product reads {schema}")
            while data := file.readline():
                so_far = digest.hexdigest()
                digest.update(data)
                portion = json.loads(data)
                if "end" not in portion:
                    lines = [file.readline() for _ in range(portion["rows"])]
                    digest.update(b"".join(lines))
                    portion["values"] = [json.loads(line) for line in lines]
                yield so_far, portion
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"it cannot be read ({error})") from error


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _from_json(table: Table, values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(_typed(column, value) for column, value in zip(table.columns, values, strict=True))


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    return base64.b64decode(value, validate=True) if isinstance(column.type, LargeBinary) else value


def _damaged(path: Path, why: str) -> BackupError:
    return BackupError(f"The backup cannot be used: {why}", where=str(path), fix="Use another backup; keep this one.")
