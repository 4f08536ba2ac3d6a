"""One database, two doors: `reading()` sees one moment, `writing()` is one at a time and all or nothing.

SQLite and PostgreSQL by the same code. On SQLite a writer begins with BEGIN IMMEDIATE and readers plainly,
so that no reader waits for an ingest; on PostgreSQL a reader has one REPEATABLE READ snapshot and a writer
locks the study's head row (`storage.heads`). Nothing is opened that cannot be trusted: see `open_database`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from storage import heads, sealing
from storage.allocation import AllocationKey
from storage.engine import BEGIN, make_engine, parse_url, remedy
from storage.errors import (
    BadUrl,
    DatabaseInUse,
    DatabaseUnavailable,
    ModeMismatch,
    NotOurDatabase,
    SchemaNewer,
    SchemaOlder,
    StorageError,
    TriggersMissing,
)
from storage.location import check_location
from storage.migrations import runner
from storage.triggers import create_triggers, missing_triggers

MODES = ("practice", "rehearsal", "live")
"""What a database may be for; it remembers which, and refuses the others."""


class Database:
    """An open database. Made by `open_database`, shared by all threads of the process, closed once.

    Parameters
    ----------
    url: SQLAlchemy URL, `sqlite:///file.db` or `postgresql+psycopg://…`.
    lock: held file lock of a SQLite writer, released by `close()` or when the process dies.
    writable: False refuses `writing()`; such a database fences nobody off.

    `allocation_key` opens what the closed side of a study stores (`storage.sealing`); None leaves it sealed.

    Raises
    ------
    BadUrl: another kind of database, or its driver is not installed.
    """

    def __init__(self, url: str | URL, *, lock: FileLock | None = None, writable: bool = True) -> None:
        self.url = parse_url(url)
        self.epochs: dict[str, int] = {}
        self.allocation_key: AllocationKey | None = None
        self.writable = writable
        self._lock = lock
        self._turn = threading.Lock()
        self._inside = threading.local()
        self.engine = make_engine(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file; otherwise it is PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def where(self) -> str:
        """The database for people: file path, or URL without its password."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database and can change nothing.

        Raises
        ------
        DatabaseUnavailable: unreachable, or locked beyond the waiting time.
        """
        with self._translating(), self.engine.connect() as conn:
            if not self.is_sqlite:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            conn.info[sealing.KEY] = self.allocation_key
            with conn.execution_options(**{BEGIN: "BEGIN"}).begin():
                if not self.is_sqlite:
                    yield conn
                    return
                conn.exec_driver_sql("PRAGMA query_only = 1")
                try:
                    yield conn
                finally:
                    conn.exec_driver_sql("PRAGMA query_only = 0")

    @contextmanager
    def writing(self, study_id: str | None = None) -> Iterator[Connection]:
        """A transaction: committed when the block ends, undone when it raises or the process dies in it.

        Parameters
        ----------
        study_id: lock this study's head first (`heads.lock_head` then gives it). None where only tables
            outside the audited history are written (inbox, claims of the outbox).

        Raises
        ------
        StaleWriter: a newer process has taken over the study.
        DatabaseUnavailable: locked, full, read-only or unreachable; nothing was written.
        StorageError: opened for reading only, or a transaction is already open in this thread.
        """
        self._check_may_write()
        with self._translating(), self._taking_turns(), self.engine.connect() as conn:
            conn = conn.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
            conn.info.update({"dsmbot_epochs": self.epochs, sealing.KEY: self.allocation_key})
            with conn.begin():
                if study_id is not None:
                    heads.lock_head(conn, study_id)
                yield conn

    def close(self) -> None:
        """Close every connection and let another process in. Safe to call twice."""
        self.engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def _check_may_write(self) -> None:
        if not self.writable:
            raise StorageError(
                "This command opened the database for reading only",
                where=self.where,
                fix="Open it for writing; this is a fault of the program, please report it.",
            )
        if getattr(self._inside, "writing", False):
            raise StorageError(
                "A writing transaction was begun inside another one of the same thread, which could never end",
                where=self.where,
                fix="Pass the open connection on; this is a fault of the program, please report it.",
            )

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        """Writers of this process queue here on SQLite, instead of sleeping in its busy handler."""
        self._inside.writing = True
        try:
            if not self.is_sqlite:
                yield
                return
            with self._turn:
                yield
        finally:
            self._inside.writing = False

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            fix = remedy(error)
            if fix is None:
                raise
            what = f"The database could not be used: {str(error.orig).strip()}"
            raise DatabaseUnavailable(what, where=self.where, fix=fix) from error


def open_database(
    url: str | URL, *, mode: str | None, study_ids: Collection[str], now: datetime, writable: bool = True
) -> Database:
    """Open a database that can be trusted, or refuse with the reason.

    An empty one is given its tables. As a writer, this process takes over the named studies: any other
    process that still has them open is refused at its next write (`StaleWriter`).

    Parameters
    ----------
    url: SQLAlchemy URL; a relative SQLite path is relative to the working directory.
    mode: practice, rehearsal or live; must be what the database remembers. None only for reading.
    study_ids: studies this process will write; new ones are added.
    now: aware UTC, for the first audit entry of a new study.
    writable: False for commands that only read: no lock is taken and nobody is fenced off.

    Raises
    ------
    RefusedToOpen: the leaf says why (see `storage.errors`).
    DatabaseUnavailable: unreachable or locked.
    """
    parsed = parse_url(url)
    if not writable:
        _refuse_absent(parsed)
    lock = claim_file(parsed) if writable else None
    database = Database(parsed, lock=lock, writable=writable)
    try:
        _check_schema(database, create=writable)
        _check_triggers(database)
        _check_mode(database, mode)
        if writable:
            _take_over(database, mode, study_ids, now)
    except BaseException:  # whatever happened, the file must not stay locked; re-raised as it is
        database.close()
        raise
    return database


def _refuse_absent(url: URL) -> None:
    """A command that only reads makes no file."""
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise SchemaOlder(
            "There is no database yet", where=str(url.database), fix="Run `dsmbot run` or `dsmbot poll` first."
        )


def upgrade(url: str | URL) -> str:
    """Create the tables, or bring them to this version, and renew the triggers. Returns the schema version.

    All in one transaction: a failed upgrade leaves the database as it was. On PostgreSQL it needs the owner
    of the tables, not the application role (`triggers.application_role_script`).

    Raises
    ------
    SchemaNewer, NotOurDatabase, DatabaseInUse, UnsafeLocation, DatabaseUnavailable.
    """
    parsed = parse_url(url)
    database = Database(parsed, lock=claim_file(parsed))
    try:
        _migrate(database)
    finally:
        database.close()
    return runner.HEAD


def claim_file(url: URL) -> FileLock | None:
    """Check where a SQLite file lies and hold its lock; the kernel releases it when the process dies."""
    if url.get_backend_name() != "sqlite":
        return None
    path = Path(str(url.database)).resolve()
    check_location(path)
    if not path.parent.is_dir():
        raise BadUrl(
            "The folder of the database file does not exist",
            where=str(path.parent),
            fix="Create the folder, or change storage.url.",
        )
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise DatabaseInUse(
            "Another process of this product is already using the database file",
            where=str(path),
            fix="Stop the other one first; two would post every alert twice. Reading commands need not wait.",
        ) from error
    except OSError as error:
        raise DatabaseUnavailable(
            f"The lock file beside the database cannot be written: {error.strerror}",
            where=str(lock.lock_file),
            fix="Give this user the right to write in that folder.",
        ) from error
    _create_privately(path)
    return lock


def _create_privately(path: Path) -> None:
    """A new file is readable by its owner alone: it will hold trial records."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _check_schema(database: Database, *, create: bool) -> None:
    with database.reading() as conn:
        version = runner.version_of(conn)
    if version == runner.HEAD:
        return
    if version is None and create:
        _migrate(database)
        return
    raise _schema_refusal(database, version)


def _schema_refusal(database: Database, version: str | None) -> StorageError:
    if version is None:
        return SchemaOlder(
            "The database is empty", where=database.where, fix="Run `dsmbot run` or `dsmbot poll` first."
        )
    if version == "":
        return NotOurDatabase(
            "The database holds tables that this product did not make",
            where=database.where,
            fix="Set storage.url to an empty database, or restore a backup into one.",
        )
    if int(version) < int(runner.HEAD):
        return SchemaOlder(
            f"The database has schema {version}; this version of the product needs {runner.HEAD}",
            where=database.where,
            fix="Make a backup with the version that last used it, then run `dsmbot db upgrade`.",
        )
    return SchemaNewer(
        f"The database has schema {version}; this version of the product knows only up to {runner.HEAD}",
        where=database.where,
        fix="Install the version that wrote it; a database is never taken back to an older schema.",
    )


def _migrate(database: Database) -> None:
    with database.writing() as conn:
        if not database.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('dsmbot schema'))"))
        version = runner.version_of(conn)
        if version == "" or (version is not None and int(version) > int(runner.HEAD)):
            raise _schema_refusal(database, version)
        runner.run(conn)
        create_triggers(conn)


def _check_triggers(database: Database) -> None:
    with database.reading() as conn:
        missing = missing_triggers(conn)
    if missing:
        raise TriggersMissing(
            f"History is not guarded: {len(missing)} triggers are absent, altered or disabled, first {missing[0]}",
            where=database.where,
            fix="Find out who removed them, run `dsmbot audit verify`, then `dsmbot db upgrade` to restore them.",
        )


def _check_mode(database: Database, mode: str | None) -> None:
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode {mode!r}: one of {', '.join(MODES)}")
    if mode is None and database.writable:
        raise ValueError("a writer must say its mode")
    with database.reading() as conn:
        other = sorted({head.mode for head in heads.all_heads(conn)} - {mode})
    if mode is not None and other:
        raise ModeMismatch(
            f"This database is for {other[0]}, and was asked to be used for {mode}",
            where=database.where,
            fix=f"Use another storage.url for {mode}; records of different modes never share a database.",
        )


def _take_over(database: Database, mode: str | None, study_ids: Collection[str], now: datetime) -> None:
    assert mode is not None
    with database.writing() as conn:
        for study_id in sorted(study_ids):
            head = heads.ensure_study(conn, study_id, mode, now)
            database.epochs[study_id] = heads.take_over(conn, head).epoch
