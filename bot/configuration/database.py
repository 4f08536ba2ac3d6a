"""Which database the study's memory is in: SQLite beside the configuration, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.configuration.problems import Problem, nearest
from bot.configuration.secrets import ENVIRONMENT, NAMES, secret

KINDS = ("sqlite", "postgresql+psycopg")
_EXAMPLES = "Write sqlite:///dsmbot.db, or postgresql+psycopg://user@host/database"


class DatabaseUrlError(ValueError):
    """A database address that cannot be used: `problem` and `fix` are sentences and hold no password."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem, self.fix = problem, fix
        super().__init__(f"{problem}. {fix}")


def database_url(text: str, folder: Path, *, password_allowed: bool) -> str:
    """The address as SQLAlchemy reads it, a relative SQLite file taken from `folder`.

    Parameters
    ----------
    text: the address as written.
    folder: folder of the configuration.
    password_allowed: True for the environment; a configuration file must not hold a password.

    Raises
    ------
    DatabaseUrlError: another kind of database, one in memory, a password in a file, or no address at all.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlError("is not a database address", _EXAMPLES) from error
    if url.drivername not in KINDS:
        close = "postgresql+psycopg" if url.drivername.startswith("postgres") else nearest(url.drivername, KINDS)
        hint = f"Did you mean {close!r}? " if close else ""
        raise DatabaseUrlError(f"{url.drivername!r} is not a database that can be used", f"{hint}{_EXAMPLES}")
    if url.password and not password_allowed:
        raise DatabaseUrlError(
            "holds a password; it is not shown",
            f"Remove it here and give the whole address in {NAMES['database_url']}, or use a PostgreSQL password file",
        )
    return _beside(url, folder) if url.drivername == "sqlite" else url.render_as_string(hide_password=False)


def _beside(url: URL, folder: Path) -> str:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise DatabaseUrlError("keeps nothing: the database would be gone at the next start", _EXAMPLES)
    path = (folder / Path(name).expanduser()).resolve()
    return url.set(database=path.as_posix()).render_as_string(hide_password=False)


def overriding_url(environment: Mapping[str, str], folder: Path) -> tuple[str | None, list[Problem]]:
    """The address that the environment gives for every configuration, or None; and what is wrong with it."""
    problems: list[Problem] = []
    given = secret("database_url", environment, problems)
    if given is None:
        return None, problems
    try:
        return database_url(given, folder, password_allowed=True), problems
    except DatabaseUrlError as error:
        return None, [Problem(ENVIRONMENT, 0, NAMES["database_url"], error.problem, error.fix)]
