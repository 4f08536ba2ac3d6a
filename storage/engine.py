"""How connections are made: the URL, the settings of each connection, and what driver errors mean.

SQLite's own driver would begin transactions late and as it likes; it is switched off (`isolation_level=None`)
and each transaction begins as its door says, in the execution option `BEGIN`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from storage.errors import BadUrl

BUSY_SECONDS = 30
"""How long a writer waits for another before it gives up (SQLite busy_timeout, PostgreSQL lock_timeout)."""

BEGIN = "dsmbot_begin"
"""Execution option that holds the statement with which a SQLite transaction begins."""


def parse_url(url: str | URL) -> URL:
    """The URL, with psycopg 3 named for PostgreSQL.

    Raises
    ------
    BadUrl: unreadable, another kind of database, or SQLite without a file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadUrl(
            "The database URL cannot be read", where="storage.url", fix="Write it as sqlite:///dsmbot.db."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadUrl(
            f"{backend!r} is not a database this product can use",
            where=parsed.render_as_string(hide_password=True),
            fix="Use sqlite:///dsmbot.db or postgresql+psycopg://user@host/name.",
        )
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise BadUrl(
            "A SQLite database must be a file, because it has to outlive the process",
            where=str(parsed),
            fix="Write the path after three slashes, as in sqlite:///dsmbot.db.",
        )
    return parsed


def make_engine(url: URL) -> Engine:
    """An engine whose SQLite connections follow the recipe above, and whose PostgreSQL ones wait a bounded time.

    Raises
    ------
    BadUrl: the PostgreSQL driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = f"-c lock_timeout={BUSY_SECONDS}s -c timezone=UTC"
    try:
        return create_engine(
            url, pool_pre_ping=True, connect_args={"options": options, "connect_timeout": 10}, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise BadUrl(
            "The PostgreSQL driver psycopg is not installed",
            where=url.render_as_string(hide_password=True),
            fix="Install it: pip install 'dsmbot[postgres]'.",
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Settings of each connection. The driver's own transactions are off: `_begin_sqlite` begins them."""
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    conn.exec_driver_sql(conn.get_execution_options().get(BEGIN, "BEGIN"))


_REMEDIES = {
    "database is locked": "Another program holds the file; close it (a backup or a viewer) and try again.",
    "disk is full": "Free space on this disk; nothing was lost and the next start continues.",
    "No space left": "Free space on the database server; nothing was lost and the next start continues.",
    "readonly database": "Give this user the right to write the file, its -wal and -shm files and the folder.",
    "unable to open database file": "Check that the folder exists and that this user may read and write in it.",
    "disk I/O error": "Check the disk and its free space; then run `dsmbot audit verify`.",
    "lock timeout": "Another process holds the study; if it hangs, stop it.",
    "file is not a database": "storage.url names another kind of file; correct it or restore a backup.",
    "malformed": "The file is damaged: keep it, and restore the last backup with `dsmbot db restore`.",
}
"""Part of a driver's message → what to do."""


def remedy(error: DBAPIError) -> str | None:
    """What a person can do about a driver's error; None when it is a fault of the program."""
    message = str(error.orig)
    for part, fix in _REMEDIES.items():
        if part in message:
            return fix
    if error.connection_invalidated or "connection failed" in message or "connection is bad" in message:
        return "Check that the database server is running and reachable with this URL; the product will try again."
    return None
