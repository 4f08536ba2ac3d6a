"""A copy that is made while others write, is whole or refused, and restores into nothing but emptiness."""

from __future__ import annotations

import gzip
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, inspect, select, text

from storage import alerts, audit, dump, heads
from storage.backup import backup, restore
from storage.database import Database, open_database
from storage.errors import BackupError, DatabaseInUse
from storage.migrations import runner
from storage.schema import allocation, metadata
from tests.storage.make import NOW, STUDY, finding, on_postgresql, on_sqlite, queue, respond, write

SCHEMA = f'"schema":"{runner.HEAD}"'.encode()


@pytest.fixture
def filled(database: Database) -> Database:
    """A study with alerts, a response, a queued note and a sealed row."""
    with database.writing() as conn:
        alert_id = write(conn, finding(details={"text": "é\n≥ \U0001f6d1"})).alert_id
        respond(conn, alert_id)
        queue(conn, "note")
        row = {"ingest_id": 1, "study_id": STUDY, "source_id": "edc", "domain": "DM"}
        sealed = {"key_digest": b"\x00" * 16, "value_digest": b"\xff" * 16, "ciphertext": bytes(range(256))}
        conn.execute(insert(allocation).values(**row, **sealed))
    return database


def _everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as conn:
        return {
            table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=repr)
            for table in dump.raw_tables().values()
        }


def _open(url) -> Database:  # type: ignore[no-untyped-def]
    return open_database(url, mode=None, study_ids=[], now=NOW, writable=False)


def test_a_restored_database_is_the_same_to_the_last_byte(filled: Database, tmp_path: Path, empty_url) -> None:
    made = backup(filled.url, tmp_path / "copy")
    back = restore(tmp_path / "copy", empty_url)
    assert made.ok
    assert back.ok
    assert [study.entries for study in made.studies] == [study.entries for study in back.studies] == [3]
    restored = _open(empty_url)
    assert _everything(restored) == _everything(filled)
    restored.close()


def test_work_goes_on_in_a_restored_database(filled: Database, tmp_path: Path, empty_url) -> None:
    backup(filled.url, tmp_path / "copy")
    restore(tmp_path / "copy", empty_url)
    restored = open_database(empty_url, mode="practice", study_ids=[STUDY], now=NOW)
    with restored.writing() as conn:
        second = write(conn, finding("serious", "x")).alert_id
        queue(conn, "another")
        assert alerts.by_id(conn, [second]).keys() == {second}
        assert audit.verify(conn, STUDY).ok
    assert second == 2
    with pytest.raises(Exception, match="append-only"), restored.writing() as conn:
        conn.execute(text("DELETE FROM audit"))
    restored.close()


@on_sqlite
def test_a_sqlite_backup_moves_to_postgresql(filled: Database, tmp_path: Path, new_postgresql) -> None:
    backup(filled.url, tmp_path / "copy")
    target = new_postgresql("template0")
    assert restore(tmp_path / "copy", target).ok
    restored = _open(target)
    assert _everything(restored) == _everything(filled)
    restored.close()


@on_postgresql
def test_a_postgresql_backup_moves_to_sqlite(filled: Database, tmp_path: Path) -> None:
    backup(filled.url, tmp_path / "copy")
    assert restore(tmp_path / "copy", f"sqlite:///{tmp_path / 'moved.db'}").ok
    restored = _open(f"sqlite:///{tmp_path / 'moved.db'}")
    assert _everything(restored) == _everything(filled)
    restored.close()


def test_a_backup_while_somebody_writes_is_whole(filled: Database, tmp_path: Path) -> None:
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with filled.writing(STUDY) as conn:
                head = heads.lock_head(conn, STUDY)
                audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={"x": "y" * 500})

    writer = threading.Thread(target=work)
    writer.start()
    try:
        reports = [backup(filled.url, tmp_path / f"copy-{number}") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert all(report.ok for report in reports)
    assert [report.studies[0].entries for report in reports] == sorted(r.studies[0].entries for r in reports)


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(filled: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    report = backup(filled.url, folder / "copy")
    assert [path.name for path in folder.iterdir()] == ["copy"]
    assert stat.S_IMODE((folder / "copy").stat().st_mode) == 0o600
    assert report.target == str(folder / "copy")


def test_a_backup_overwrites_nothing(filled: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        backup(filled.url, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"
    with pytest.raises(BackupError, match="cannot be created"):
        backup(filled.url, tmp_path / "no" / "such" / "folder")


def test_a_restore_overwrites_nothing(filled: Database, tmp_path: Path, fresh_url: Callable[[], object]) -> None:
    backup(filled.url, tmp_path / "copy")
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "copy", fresh_url())  # type: ignore[arg-type]


def test_a_broken_history_is_backed_up_and_said_and_never_restored(filled: Database, tmp_path: Path, empty_url) -> None:
    with filled.writing() as conn:
        if filled.is_sqlite:
            conn.execute(text("DROP TRIGGER append_only_audit_update"))
        else:
            conn.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        conn.execute(text("UPDATE audit SET actor = 'nobody' WHERE seq = 2"))
    report = backup(filled.url, tmp_path / "copy")
    assert (report.ok, report.studies[0].broken_at) == (False, 2)
    with pytest.raises(BackupError, match="entry 2: its content was changed"):
        restore(tmp_path / "copy", empty_url)
    assert _tables(empty_url) == []


def _tables(url) -> list[str]:  # type: ignore[no-untyped-def]
    engine = create_engine(url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    return names


@on_postgresql
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[: len(data) // 2], "cannot be read|cut short"),
        (lambda data: gzip.compress(gzip.decompress(data).rsplit(b"\n", 2)[0] + b"\n"), "cut short"),
        (lambda data: gzip.compress(gzip.decompress(data).replace(b"queued", b"held")), "digest does not match"),
        (
            lambda data: gzip.compress(gzip.decompress(data).replace(SCHEMA, b'"schema":"0099"')),
            "schema 0099",
        ),
        (lambda _: gzip.compress(b'{"format":"something else"}\n'), "not a backup of this product"),
        (lambda _: gzip.compress(b"no json"), "cannot be read"),
        (lambda _: b"plain words", "This is not a backup"),
        (lambda _: b"", "This is not a backup"),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_the_target_empty(
    filled: Database, tmp_path: Path, empty_url, damage: Callable[[bytes], bytes], says: str
) -> None:
    backup(filled.url, tmp_path / "copy")
    (tmp_path / "damaged").write_bytes(damage((tmp_path / "copy").read_bytes()))
    with pytest.raises(BackupError, match=says):
        restore(tmp_path / "damaged", empty_url)
    assert _tables(empty_url) == []


@on_sqlite
def test_a_damaged_sqlite_backup_is_refused(filled: Database, tmp_path: Path, empty_url) -> None:
    backup(filled.url, tmp_path / "copy")
    data = (tmp_path / "copy").read_bytes()
    (tmp_path / "damaged").write_bytes(data[: len(data) // 3])
    with pytest.raises(BackupError):
        restore(tmp_path / "damaged", empty_url)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE patients (name TEXT)")
    other.close()
    with pytest.raises(BackupError, match="schema none"):
        restore(tmp_path / "other.db", empty_url)
    assert _tables(empty_url) == []


@on_sqlite
def test_a_backup_on_read_only_media_restores(filled: Database, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    backup(filled.url, folder / "copy")
    (folder / "copy").chmod(0o400)
    restore(folder / "copy", f"sqlite:///{tmp_path / 'new.db'}")
    assert [path.name for path in folder.iterdir()] == ["copy"]  # no -wal, no -shm


@on_sqlite
def test_what_is_not_there_is_named(tmp_path: Path, database_url, filled: Database) -> None:
    with pytest.raises(BackupError, match="no such backup"):
        restore(tmp_path / "none", f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(BackupError, match="no database to copy"):
        backup(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.partial").exists()
    backup(filled.url, tmp_path / "copy")
    holder = open_database(f"sqlite:///{tmp_path / 'new.db'}", mode="live", study_ids=[], now=NOW)
    with pytest.raises(DatabaseInUse):
        restore(tmp_path / "copy", f"sqlite:///{tmp_path / 'new.db'}")
    holder.close()


def test_progress_is_told_and_ends_at_the_number_of_rows(filled: Database, tmp_path: Path, empty_url) -> None:
    told: list[int] = []
    backup(filled.url, tmp_path / "copy")
    report = restore(tmp_path / "copy", empty_url, told.append)
    assert told == sorted(told)
    assert told[-1] == report.rows == sum(len(rows) for rows in _everything(filled).values())


def test_every_table_is_in_a_dump() -> None:
    assert dump.raw_tables().keys() == metadata.tables.keys()
