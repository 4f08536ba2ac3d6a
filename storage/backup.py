"""A copy that can be trusted: made while the product runs, proved by the audit chain, restored into nothing.

SQLite is copied page by page with its online backup API (https://www.sqlite.org/backup.html) in one step, which
sees one moment and holds up no writer. PostgreSQL is read in one REPEATABLE READ snapshot into one portable
file (`storage.dump`). Either can be restored into an empty database of either kind. Allocation stays sealed in
both; its key is not in them and must be kept apart.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Integer, create_engine, func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from storage import audit, dump, heads, proof
from storage.database import Database, claim_file
from storage.engine import parse_url
from storage.errors import BackupError
from storage.migrations import runner
from storage.schema import metadata
from storage.triggers import create_triggers

Progress = Callable[[int], None]
"""Told how many rows (PostgreSQL, restore) are done."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was copied, and the proof.

    Parameters
    ----------
    target: the file written, or the database restored into, for people.
    rows: rows copied; 0 where pages were copied.
    studies: one verification of the audit chain a study, of the copy.
    """

    target: str
    rows: int
    studies: tuple[audit.Verification, ...]

    @property
    def ok(self) -> bool:
        """Whether every chain in the copy is whole."""
        return all(study.ok for study in self.studies)


def backup(url: str | URL, target: Path, progress: Progress | None = None) -> BackupReport:
    """Copy a database, also one in use, into a new file that only its owner can read.

    A chain that does not verify does not stop the copy, because that is when a copy is needed most:
    `BackupReport.ok` is False then.

    Raises
    ------
    BackupError: the target exists or cannot be written, or there is nothing to copy.
    DatabaseUnavailable: the database cannot be read.
    """
    parsed = parse_url(url)
    partial = target.with_name(target.name + ".partial")
    if target.exists():
        raise BackupError("The backup file exists already", where=str(target), fix="Name a new file.")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        what = f"The backup file cannot be created: {error.strerror}"
        raise BackupError(what, where=str(partial), fix="Check the folder, or remove a half-written copy.") from error
    try:
        copy = _copy_pages if parsed.get_backend_name() == "sqlite" else _copy_rows
        rows, studies = copy(parsed, partial, progress)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        what = f"The backup could not be written: {error}"
        raise BackupError(what, where=str(target), fix="Free space, or name a file on another disk.") from error
    finally:
        partial.unlink(missing_ok=True)
    return BackupReport(str(target), rows, studies)


def restore(source: Path, url: str | URL, progress: Progress | None = None) -> BackupReport:
    """Fill an empty database from a backup, in one transaction that ends in verifying every audit chain.

    Raises
    ------
    BackupError: the target holds tables, the source is not a whole backup, or a chain in it does not verify;
        the target stays empty.
    DatabaseInUse, UnsafeLocation, DatabaseUnavailable: as in `open_database`.
    """
    if not source.is_file():
        raise BackupError("There is no such backup", where=str(source), fix="Name a file that `db backup` wrote.")
    parsed = parse_url(url)
    target = Database(parsed, lock=claim_file(parsed))
    try:
        with target.writing() as conn:
            if runner.version_of(conn) is not None:
                raise BackupError(
                    "The database to restore into is not empty",
                    where=target.where,
                    fix="Set storage.url to a new file or an empty database; a restore overwrites nothing.",
                )
            runner.run(conn)
            create_triggers(conn)
            rows = _fill(conn, source, progress)
            studies = verify_all(conn)
            _refuse_broken(source, studies)
    finally:
        target.close()
    return BackupReport(target.where, rows, studies)


def verify_all(conn: Connection) -> tuple[audit.Verification, ...]:
    """Verify the history of every study, by study id (`storage.proof`)."""
    return tuple(proof.verify(conn, head.study_id) for head in heads.all_heads(conn))


def _copy_pages(url: URL, partial: Path, _progress: Progress | None) -> tuple[int, tuple[audit.Verification, ...]]:
    source_path = Path(str(url.database))
    if not source_path.is_file():
        raise BackupError("There is no database to copy", where=str(source_path), fix="Check storage.url.")
    source = sqlite3.connect(f"file:{quote(str(source_path.resolve()))}?mode=ro", uri=True)
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
        problems = copy.execute("PRAGMA quick_check").fetchone()[0]
    finally:
        source.close()
        copy.close()
    if problems != "ok":
        raise BackupError(f"The copy is damaged: {problems}", where=str(source_path), fix="Check the disk.")
    with _reading_copy(partial) as conn:
        _check_version(conn, partial)
        return 0, verify_all(conn)


def _copy_rows(url: URL, partial: Path, progress: Progress | None) -> tuple[int, tuple[audit.Verification, ...]]:
    database = Database(url, writable=False)
    try:
        with database.reading() as conn:
            _check_version(conn, database.where)
            rows = dump.write_file(partial, dump.read_database(conn), schema=runner.HEAD, progress=progress)
            studies = verify_all(conn)
    finally:
        database.close()
    read_back = sum(len(portion) for _, portion in dump.read_file(partial, schema=runner.HEAD))
    if read_back != rows:
        raise BackupError("The backup does not read back", where=str(partial), fix="Check the disk, and try again.")
    return rows, studies


def _check_version(conn: Connection, where: str | Path) -> None:
    version = runner.version_of(conn)
    if version != runner.HEAD:
        raise BackupError(
            f"The database has schema {version or 'none'}; this version of the product copies {runner.HEAD}",
            where=str(where),
            fix="Make the backup with the version of the product that last used it.",
        )


def _fill(conn: Connection, source: Path, progress: Progress | None) -> int:
    with source.open("rb") as file:
        magic = file.read(16)
    if magic.startswith(dump.MAGIC):
        rows = dump.write_database(conn, dump.read_file(source, schema=runner.HEAD), progress)
    elif magic.startswith(b"SQLite format 3"):
        rows = _fill_from_sqlite(conn, source, progress)
    else:
        raise BackupError("This is not a backup", where=str(source), fix="Name a file that `db backup` wrote.")
    _continue_numbering(conn)
    return rows


def _fill_from_sqlite(conn: Connection, source: Path, progress: Progress | None) -> int:
    with _reading_copy(source) as copy:
        _check_version(copy, source)
        return dump.write_database(conn, dump.read_database(copy), progress)


@contextmanager
def _reading_copy(path: Path) -> Iterator[Connection]:
    """A SQLite file that nobody writes, read as it lies there: also on read-only media, leaving no file beside it."""
    name = f"file:{quote(str(path.resolve()))}?immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(name, uri=True))
    try:
        with engine.connect() as conn:
            yield conn
    except DatabaseError as error:
        raise BackupError(
            f"The backup cannot be read: {error.orig}", where=str(path), fix="Use another backup; keep this one."
        ) from error
    finally:
        engine.dispose()


def _continue_numbering(conn: Connection) -> None:
    """PostgreSQL's sequences know nothing of rows inserted with their numbers: move them past."""
    if conn.dialect.name == "sqlite":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None and isinstance(column.type, Integer):
            last = conn.execute(select(func.max(column)).where(column > 0)).scalar_one()
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            conn.execute(select(func.setval(sequence, last or 1, last is not None)))


def _refuse_broken(source: Path, studies: tuple[audit.Verification, ...]) -> None:
    broken = [study.told for study in studies if not study.ok]
    if broken:
        raise BackupError(
            f"The history in the backup does not verify: {'; '.join(broken)}",
            where=str(source),
            fix="Use another backup, and keep this one: it is evidence of what was changed.",
        )
