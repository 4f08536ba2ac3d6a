"""What is opened, and what is refused: each refusal says what, where and what to do."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from storage import heads
from storage.database import Database, open_database, upgrade
from storage.errors import (
    BadUrl,
    DatabaseInUse,
    ModeMismatch,
    NotOurDatabase,
    SchemaNewer,
    SchemaOlder,
    StaleWriter,
    StorageError,
    TriggersMissing,
    UnsafeLocation,
)
from storage.migrations import runner
from storage.schema import APPEND_ONLY
from tests.storage.make import NOW, STUDY, on_postgresql, on_sqlite


def _open(url, mode: str | None = "live", studies=(STUDY,), **settings) -> Database:  # type: ignore[no-untyped-def]
    return open_database(url, mode=mode, study_ids=studies, now=NOW, **settings)


def _execute(url, *statements: str) -> None:  # type: ignore[no-untyped-def]
    engine = create_engine(url)
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


def test_an_empty_database_is_given_its_tables_and_the_study(empty_url) -> None:
    database = _open(empty_url)
    with database.reading() as conn:
        head = heads.read_head(conn, STUDY)
        assert runner.version_of(conn) == runner.HEAD
    assert (head.mode, head.batch_no, head.audit_seq, head.epoch) == ("live", 0, 1, 1)
    database.close()


def test_an_upgrade_twice_changes_nothing(empty_url) -> None:
    assert upgrade(empty_url) == upgrade(empty_url) == runner.HEAD


def test_a_study_that_is_there_is_not_added_again(database_url) -> None:
    for _ in range(3):
        _open(database_url).close()
    database = _open(database_url)
    with database.reading() as conn:
        assert (heads.read_head(conn, STUDY).audit_seq, heads.read_head(conn, STUDY).epoch) == (1, 4)
    database.close()


def test_a_reading_command_does_not_create_a_database(empty_url) -> None:
    with pytest.raises(SchemaOlder, match="empty"):
        _open(empty_url, mode=None, writable=False)


def test_an_older_schema_is_refused_until_it_is_upgraded(database_url) -> None:
    _execute(database_url, "UPDATE schema_version SET version_num = '0000'")
    with pytest.raises(SchemaOlder, match="dsmbot db upgrade"):
        _open(database_url)


def test_a_newer_schema_is_refused_also_by_an_upgrade(database_url) -> None:
    _execute(database_url, "UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(SchemaNewer, match="9999"):
        _open(database_url)
    with pytest.raises(SchemaNewer, match="9999"):
        upgrade(database_url)


@pytest.mark.parametrize("act", [_open, upgrade])
def test_somebody_elses_database_is_left_alone(empty_url, act) -> None:
    _execute(empty_url, "CREATE TABLE patients (name TEXT)")
    with pytest.raises(NotOurDatabase, match="did not make"):
        act(empty_url)
    engine = create_engine(empty_url)
    assert inspect(engine).get_table_names() == ["patients"]
    engine.dispose()


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("These are notes, and not a database at all. " * 50)
    with pytest.raises(StorageError, match="another kind of file"):
        _open(f"sqlite:///{path}")
    assert path.read_text().startswith("These are notes")


def test_one_missing_trigger_is_enough_to_refuse(database_url, backend: str) -> None:
    table = APPEND_ONLY[3].name
    drop = {
        "sqlite": f"DROP TRIGGER append_only_{table}_update",
        "postgresql": f"DROP TRIGGER append_only_{table}_truncate ON {table}",
    }
    _execute(database_url, drop[backend])
    with pytest.raises(TriggersMissing, match=f"append_only_{table}"):
        _open(database_url)
    upgrade(database_url)
    _open(database_url).close()


def test_a_trigger_that_is_switched_off_or_emptied_is_found(database_url, backend: str) -> None:
    if backend == "postgresql":
        _execute(database_url, "ALTER TABLE audit DISABLE TRIGGER append_only_audit_change")
    else:
        hollow = "CREATE TRIGGER append_only_audit_update BEFORE UPDATE ON audit BEGIN SELECT 1; END"
        _execute(database_url, "DROP TRIGGER append_only_audit_update", hollow)
    with pytest.raises(TriggersMissing, match="append_only_audit"):
        _open(database_url)


@on_postgresql
def test_a_hollowed_trigger_function_is_found(database_url) -> None:
    body = "CREATE OR REPLACE FUNCTION dsmbot_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    _execute(database_url, body + "$$ BEGIN RETURN NULL; END $$")
    with pytest.raises(TriggersMissing):
        _open(database_url)


def test_modes_never_share_a_database(database_url) -> None:
    _open(database_url, "practice").close()
    with pytest.raises(ModeMismatch, match=r"for practice.*for live"):
        _open(database_url, "live", studies=["ANOTHER"])
    _open(database_url, "practice").close()


def test_a_writer_must_say_its_mode_and_a_known_one(database_url) -> None:
    for mode in (None, "test"):
        with pytest.raises(ValueError, match="mode"):
            _open(database_url, mode)


@on_sqlite
def test_a_second_process_on_the_same_file_is_refused_until_the_first_ends(database_url) -> None:
    holder = _holding_process(database_url)
    with pytest.raises(DatabaseInUse, match="already using"):
        _open(database_url)
    _open(database_url, mode=None, writable=False).close()  # reading goes on
    holder.kill()  # no chance to clean up
    holder.communicate()
    _open(database_url).close()


def test_the_same_file_by_another_name_is_the_same_file(tmp_path: Path) -> None:
    first = _open(f"sqlite:///{tmp_path / 'a.db'}")
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    with pytest.raises(DatabaseInUse):
        _open(f"sqlite:///{tmp_path / 'b.db'}")
    first.close()


def test_a_refused_start_leaves_the_file_free(database_url) -> None:
    _open(database_url, "practice").close()
    with pytest.raises(ModeMismatch):
        _open(database_url, "live")
    _open(database_url, "practice").close()


def _holding_process(url) -> subprocess.Popen[bytes]:  # type: ignore[no-untyped-def]
    program = (
        "import sys; from storage.database import open_database; from tests.storage.make import NOW, STUDY;"
        "d = open_database(sys.argv[1], mode='live', study_ids=[STUDY], now=NOW); print('open', flush=True);"
        "sys.stdin.read()"
    )
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", program, url.render_as_string(hide_password=False)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"open\n"
    return child


@on_postgresql
def test_a_process_that_was_taken_over_from_can_write_no_more(database_url) -> None:
    old, new = _open(database_url), _open(database_url)
    with pytest.raises(StaleWriter, match="epoch 2, this process has 1"), old.writing(STUDY):
        pass
    with new.writing(STUDY):
        pass
    old.close()
    new.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://host/db", "'mysql' is not a database"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:////nowhere/at/all/x.db", "folder of the database file does not exist"),
    ],
)
def test_a_url_that_cannot_work_is_refused_in_words(url: str, says: str) -> None:
    with pytest.raises(BadUrl, match=says):
        _open(url)


def test_a_synced_folder_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    folder = tmp_path / "OneDrive - Clinic"
    folder.mkdir()
    with pytest.raises(UnsafeLocation, match="OneDrive"):
        _open(f"sqlite:///{folder / 'x.db'}")
    assert list(folder.iterdir()) == []


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = _open(f"sqlite:///{tmp_path / 'x.db'}")
    with database.writing(STUDY):
        for file in tmp_path.glob("x.db*"):
            if not file.name.endswith(".lock"):  # holds nothing
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    database.close()


def test_a_failed_upgrade_leaves_the_database_empty(empty_url, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_conn) -> None:  # type: ignore[no-untyped-def]
        raise RuntimeError("killed")

    monkeypatch.setattr("storage.database.create_triggers", fail)
    with pytest.raises(RuntimeError):
        upgrade(empty_url)
    engine = create_engine(empty_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
