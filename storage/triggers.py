"""What makes history append-only for real: triggers, their proof at every start, and the PostgreSQL role.

On SQLite `INSERT OR REPLACE` deletes without firing DELETE triggers unless `recursive_triggers` is on
(https://www.sqlite.org/lang_conflict.html): `storage.database` sets it on every connection.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from storage.schema import APPEND_ONLY, CACHES, metadata

_PG_FUNCTION = "dsmbot_append_only"
_PG_BODY = " BEGIN RAISE EXCEPTION 'append-only: % of % is refused', TG_OP, TG_TABLE_NAME; END "


def create_triggers(conn: Connection) -> None:
    """Create, or replace, the guards of every append-only table. Needs the owner's rights on PostgreSQL."""
    if conn.dialect.name == "sqlite":
        for name, statement in _sqlite_triggers().items():
            conn.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            conn.execute(text(statement))
        return
    conn.execute(
        text(f"CREATE OR REPLACE FUNCTION {_PG_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_PG_BODY}$$")
    )
    for name, table, when in _postgresql_triggers():
        conn.execute(text(f"DROP TRIGGER IF EXISTS {name} ON {table}"))
        conn.execute(
            text(f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_PG_FUNCTION}()")
        )


def missing_triggers(conn: Connection) -> list[str]:
    """Names of guards that are absent, altered or switched off; an empty list means history is guarded."""
    if conn.dialect.name == "sqlite":
        rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        found: dict[str, str] = {row.name: row.sql for row in rows}
        return sorted(name for name, statement in _sqlite_triggers().items() if found.get(name) != statement)
    names = conn.execute(
        text(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgenabled IN ('O', 'A') AND p.proname = :function AND p.prosrc = :body"
            " AND pg_table_is_visible(c.oid)"
        ),
        {"function": _PG_FUNCTION, "body": _PG_BODY},
    ).scalars()
    present = set(names)
    return sorted(name for name, _, _ in _postgresql_triggers() if name not in present)


def application_role_script(role: str, *, schema: str = "public") -> str:
    """SQL that lets a PostgreSQL role run the product without owning, or being able to alter, its tables.

    Run it as the owner after `dsmbot db upgrade`, once per upgrade. The role can add to history and read
    it; it can change only the tables that are memory, not history; it can neither drop a trigger nor
    truncate, and it deletes only from caches that are made anew from history.

    Parameters
    ----------
    role: name of an existing login role, as in `CREATE ROLE dsmbot_app LOGIN PASSWORD '…'`.
    schema: schema that holds the tables.

    Raises
    ------
    ValueError: a name that is not a plain identifier (letters, digits, underscore).
    """
    for name in (role, schema):
        if not name.isidentifier() or not name.isascii():
            raise ValueError(f"{name!r} is not a plain identifier: use letters, digits and underscores")
    grants = [f"GRANT {_rights(table)} ON {schema}.{table.name} TO {role};" for table in metadata.sorted_tables]
    return "\n".join(
        [
            f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role};",
            f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role};",
            f"GRANT USAGE ON SCHEMA {schema} TO {role};",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};",
            f"GRANT SELECT ON {schema}.schema_version TO {role};",
            *grants,
            "",
        ]
    )


def _rights(table: Table) -> str:
    if table in APPEND_ONLY:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE" if table in CACHES else "SELECT, INSERT, UPDATE"


def _sqlite_triggers() -> dict[str, str]:
    return {
        f"append_only_{table.name}_{event.lower()}": (
            f"CREATE TRIGGER append_only_{table.name}_{event.lower()} BEFORE {event} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {event} of {table.name} is refused'); END"
        )
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    }


def _postgresql_triggers() -> list[tuple[str, str, str]]:
    """Name, table and event of each guard. Per statement, so that one that would match no row is refused too."""
    triggers = []
    for table in APPEND_ONLY:
        triggers.append((f"append_only_{table.name}_change", table.name, "UPDATE OR DELETE"))
        triggers.append((f"append_only_{table.name}_truncate", table.name, "TRUNCATE"))
    return triggers
