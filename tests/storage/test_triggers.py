"""History cannot be changed through either database, by any statement that an application may send."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, create_engine, insert, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database, open_database
from storage.schema import APPEND_ONLY, CACHES, metadata
from storage.triggers import application_role_script
from tests.storage.make import NOW, STUDY, on_postgresql, write

TABLES = [pytest.param(table, id=table.name) for table in APPEND_ONLY]


def _refused(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|permission denied"), database.writing() as conn:
        conn.execute(text(statement))


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_history_refuses_change(database: Database, table: Table, backend: str) -> None:
    with database.writing() as conn:
        conn.execute(insert(table).values(_some(table)))
    column = next(iter(table.primary_key)).name
    _refused(database, f"UPDATE {table.name} SET {column} = {column}")
    _refused(database, f"DELETE FROM {table.name}")
    if backend == "postgresql":
        _refused(database, f"TRUNCATE {table.name}")
    else:
        _refused(database, f"INSERT OR REPLACE INTO {table.name} SELECT * FROM {table.name}")
        _refused(database, f"REPLACE INTO {table.name} SELECT * FROM {table.name}")


def _some(table: Table) -> dict[str, object]:
    """A row of the right types."""
    types = {str: "x", int: 77, bool: True, bytes: b"0123456789abcdef"}
    row: dict[str, object] = {}
    for column in table.columns:
        kind = "time" if "Utc" in type(column.type).__name__ else "json" if "Json" in type(column.type).__name__ else ""
        row[column.name] = {"time": NOW, "json": {}}.get(kind) if kind else types[column.type.python_type]
    return row


def test_upserts_cannot_rewrite_history(database: Database) -> None:
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as conn:
        conn.execute(
            text(
                "INSERT INTO audit SELECT * FROM audit WHERE true"
                " ON CONFLICT (study_id, seq) DO UPDATE SET actor = 'somebody else'"
            )
        )


def test_what_is_not_memory_is_history() -> None:
    mutable = {"study_head", "source_state", "outbox", "inbox", "period", *(table.name for table in CACHES)}
    assert {table.name for table in metadata.sorted_tables} - {table.name for table in APPEND_ONLY} == mutable


@on_postgresql
def test_the_application_role_can_work_and_can_undo_nothing(database_url) -> None:
    owner = create_engine(database_url)
    with owner.begin() as conn:
        conn.execute(text("DROP ROLE IF EXISTS dsmbot_app"))
        conn.execute(text("CREATE ROLE dsmbot_app LOGIN"))
        for statement in application_role_script("dsmbot_app").splitlines():
            conn.execute(text(statement))
    application = open_database(database_url.set(username="dsmbot_app"), mode="live", study_ids=[STUDY], now=NOW)
    with application.writing() as conn:
        write(conn)
    for statement in (
        "DROP TRIGGER append_only_audit_change ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "TRUNCATE audit",
        "DELETE FROM outbox",
        "SET session_replication_role = replica",
        "CREATE TABLE extra (x int)",
        "UPDATE schema_version SET version_num = '9'",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), application.writing() as conn:
            conn.execute(text(statement))
    application.close()
    with owner.begin() as conn:
        conn.execute(text("DROP OWNED BY dsmbot_app"))
        conn.execute(text("DROP ROLE dsmbot_app"))
    owner.dispose()


@pytest.mark.parametrize("name", ["a b", "x;DROP TABLE audit", 'x"', "", "rôle"])
def test_a_role_name_that_is_not_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="plain identifier"):
        application_role_script(name)
