"""The steps make exactly the tables that the code uses, and are found in an installed wheel."""

from __future__ import annotations

from importlib.resources import files

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, Text

from storage.columns import CanonicalJson, UtcDateTime
from storage.database import Database
from storage.migrations import runner
from storage.schema import metadata


def _differs(_context, _inspected, _column, stored, used):  # type: ignore[no-untyped-def]
    """A step names the stored type, the code its converter: compare what is stored."""
    expected = {CanonicalJson: Text, UtcDateTime: DateTime}.get(type(used))
    return None if expected is None else not isinstance(stored, expected)


def test_the_steps_make_the_tables_that_the_code_uses(database: Database) -> None:
    with database.reading() as conn:
        options = {"compare_type": _differs, "version_table": runner.VERSION_TABLE}
        difference = compare_metadata(MigrationContext.configure(conn, opts=options), metadata)
    assert difference == []


def test_the_last_step_is_the_one_the_product_asks_for() -> None:
    folder = files("storage.migrations")
    scripts = ScriptDirectory(str(folder))
    assert scripts.get_heads() == [runner.HEAD]
    assert all(script.revision.isdigit() and len(script.revision) == 4 for script in scripts.walk_revisions())


def test_a_step_does_not_read_the_tables_of_today() -> None:
    for step in files("storage.migrations").joinpath("versions").iterdir():
        if step.name.endswith(".py"):
            assert "storage.schema" not in step.read_text(encoding="utf-8")
