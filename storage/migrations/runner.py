"""Run the migration steps on an open connection, and say which step a database is at."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

VERSION_TABLE = "schema_version"
"""One row, one column: the number of the last step that was run."""

HEAD = "0004"
"""The last step that this version of the product knows; a test holds it against the folder."""


def run(conn: Connection) -> None:
    """Bring the schema to `HEAD` in the caller's transaction; a step that fails leaves nothing behind."""
    from alembic import command  # slow to import, needed only when a schema is made or upgraded
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, HEAD)


def version_of(conn: Connection) -> str | None:
    """Number of the step a database is at: None when it holds no tables at all, "" when it is not ours."""
    names = set(inspect(conn).get_table_names())
    if VERSION_TABLE not in names:
        return "" if names else None
    rows = conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608 - a constant
    return rows[0] if len(rows) == 1 and rows[0].isdigit() else ""
