"""The two doors: all or nothing, one writer at a time, readers that see one moment and wait for nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from storage import audit, heads
from storage.database import Database, open_database
from storage.errors import DatabaseUnavailable, StorageError
from storage.schema import audit as audit_table
from storage.schema import inbox
from tests.storage.make import NOW, STUDY, on_sqlite

ROOT = Path(__file__).resolve().parents[2]


def _row(key: str) -> dict[str, object]:
    return {"inbox_key": key, "study_id": STUDY, "received_at": NOW, "kind": "click", "payload": {}, "outcome": ""}


def _keys(database: Database) -> set[str]:
    with database.reading() as conn:
        return set(conn.execute(select(inbox.c.inbox_key)).scalars())


def test_a_block_that_ends_is_kept_and_one_that_raises_leaves_nothing(database: Database) -> None:
    with database.writing() as conn:
        conn.execute(insert(inbox).values(_row("kept")))
    with pytest.raises(RuntimeError), database.writing() as conn:  # noqa: PT012
        conn.execute(insert(inbox).values(_row("undone")))
        raise RuntimeError("a crash")
    assert _keys(database) == {"kept"}


@pytest.mark.parametrize("step", range(5))
def test_a_crash_between_any_two_steps_leaves_the_study_as_it_was(database: Database, step: int) -> None:
    with database.reading() as conn:
        before = heads.read_head(conn, STUDY)
    with pytest.raises(ZeroDivisionError), database.writing(STUDY) as conn:  # noqa: PT012
        for number, act in enumerate(_steps(conn)):
            if number == step:
                raise ZeroDivisionError
            act()
        raise ZeroDivisionError
    with database.reading() as conn:
        assert heads.read_head(conn, STUDY) == before
        assert audit.verify(conn, STUDY).ok
    assert _keys(database) == set()


def _steps(conn):  # type: ignore[no-untyped-def]
    head = heads.lock_head(conn, STUDY)

    def append() -> None:
        nonlocal head
        head = audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={})

    def advance() -> None:
        nonlocal head
        head = heads.advance_head(conn, head, batch_no=head.batch_no + 1)

    return [append, lambda: conn.execute(insert(inbox).values(_row("x"))), advance, append]


def test_a_reader_can_change_nothing(database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"), database.reading() as conn:
        conn.execute(insert(inbox).values(_row("x")))
    with database.writing() as conn:  # the connection that refused is fit for writing again
        conn.execute(insert(inbox).values(_row("y")))
    assert _keys(database) == {"y"}


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_it(database: Database) -> None:
    with database.writing(STUDY) as conn:
        conn.execute(insert(inbox).values(_row("x")))
        began = time.monotonic()
        assert _keys_elsewhere(database) == set()
        assert time.monotonic() - began < 5
    assert _keys(database) == {"x"}


def _keys_elsewhere(database: Database) -> set[str]:
    found: list[set[str]] = []
    thread = threading.Thread(target=lambda: found.append(_keys(database)))
    thread.start()
    thread.join(20)
    return found[0]


def test_a_reader_sees_one_moment_although_a_writer_commits_meanwhile(database: Database) -> None:
    count = select(func.count()).select_from(inbox)
    with database.reading() as conn:
        assert conn.execute(count).scalar() == 0
        writer = threading.Thread(target=_write_one, args=(database,))
        writer.start()
        writer.join(20)
        assert conn.execute(count).scalar() == 0
    assert _keys(database) == {"thread"}


def _write_one(database: Database) -> None:
    with database.writing() as conn:
        conn.execute(insert(inbox).values(_row("thread")))


def test_writers_in_many_threads_lose_no_audit_entry(database: Database) -> None:
    def work() -> None:
        for _ in range(10):
            with database.writing(STUDY) as conn:
                head = heads.lock_head(conn, STUDY)
                audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as conn:
        found = audit.verify(conn, STUDY)
    assert (found.ok, found.entries) == (True, 41)


def test_a_writer_inside_a_writer_is_refused_instead_of_hanging(database: Database) -> None:
    with database.writing() as _, pytest.raises(StorageError, match="inside another"), database.writing():
        pass
    with database.writing():
        pass


def test_a_reading_command_cannot_write(database_url) -> None:
    open_database(database_url, mode="live", study_ids=[STUDY], now=NOW).close()
    reader = open_database(database_url, mode=None, study_ids=[], now=NOW, writable=False)
    with pytest.raises(StorageError, match="reading only"), reader.writing():
        pass
    reader.close()


@on_sqlite
def test_a_locked_file_is_reported_with_what_to_do(database: Database) -> None:
    other = database.engine.raw_connection()
    other.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
    with database.reading() as conn:
        conn.exec_driver_sql("PRAGMA busy_timeout = 50")
    try:
        with pytest.raises(DatabaseUnavailable, match=r"locked.*close it"), database.writing():
            pass
    finally:
        other.rollback()
        other.close()


@on_sqlite
def test_a_full_disk_is_reported_and_nothing_is_lost(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"full.*Free space"), database.writing() as conn:  # noqa: PT012
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        conn.execute(insert(inbox), [_row("k" * 2000 + str(number)) for number in range(200)])
    assert _keys(database) == set()


def test_a_server_that_is_gone_is_reported_with_what_to_do() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(DatabaseUnavailable, match="server is running"), database.reading():
        pass
    database.close()


def test_a_password_is_never_shown() -> None:
    database = Database("postgresql://user:geheim@127.0.0.1:9/none")
    with pytest.raises(DatabaseUnavailable) as refused, database.reading():
        pass
    assert "geheim" not in str(refused.value)
    assert "geheim" not in database.where


@pytest.mark.parametrize("delay", [0.02, 0.06])
def test_a_process_killed_in_the_middle_of_writing_leaves_whole_transactions(database_url, delay: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITES_FOREVER, database_url.render_as_string(hide_password=False)],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"writing\n"
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    database = open_database(database_url, mode="live", study_ids=[STUDY], now=NOW)
    with database.reading() as conn:
        found = audit.verify(conn, STUDY)
        entries = conn.execute(select(func.count()).select_from(audit_table)).scalar_one()
        clicks = conn.execute(select(func.count()).select_from(inbox)).scalar_one()
    assert found.ok, found.text
    assert clicks == 10 * (entries - 1)  # ten clicks an entry, or none
    database.close()


_WRITES_FOREVER = """
import sys
from sqlalchemy import insert
from storage import audit, heads
from storage.database import open_database
from storage.schema import inbox
from tests.storage.make import NOW, STUDY

database = open_database(sys.argv[1], mode="live", study_ids=[STUDY], now=NOW)
print("writing", flush=True)
number = 0
while True:
    with database.writing(STUDY) as conn:
        head = heads.lock_head(conn, STUDY)
        for _ in range(5):
            number += 1
            row = {"inbox_key": str(number), "study_id": STUDY, "received_at": NOW, "kind": "click"}
            conn.execute(insert(inbox).values(payload={}, outcome="", **row))
        head = audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={})
        for _ in range(5):
            number += 1
            row = {"inbox_key": str(number), "study_id": STUDY, "received_at": NOW, "kind": "click"}
            conn.execute(insert(inbox).values(payload={}, outcome="", **row))
"""


@on_sqlite
def test_sqlite_is_set_up_so_that_history_cannot_be_forged_or_lost(database: Database) -> None:
    with database.reading() as conn:
        settings = {
            name: conn.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1, "busy_timeout": 30000,
    }  # fmt: skip
