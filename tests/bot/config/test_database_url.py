"""Which database a study remembers in: where a relative file lies, and which addresses are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.configuration.database import DatabaseUrlError, database_url, overriding_url


def test_a_relative_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    url = database_url("sqlite:///data/dsmbot.db", tmp_path, password_allowed=False)
    assert url == f"sqlite:///{tmp_path.resolve().as_posix()}/data/dsmbot.db"


def test_an_absolute_file_stays(tmp_path: Path) -> None:
    assert (
        database_url("sqlite:////var/lib/dsmbot.db", tmp_path, password_allowed=False) == "sqlite:////var/lib/dsmbot.db"
    )


def test_postgresql_stays_as_written(tmp_path: Path) -> None:
    url = "postgresql+psycopg://bot@db.example.org/safety?host=/run/pg"
    assert database_url(url, tmp_path, password_allowed=False) == url.replace("/run/pg", "%2Frun%2Fpg")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://h/d", "'mysql' is not a database that can be used"),
        ("postgresql://h/d", "'postgresql' is not a database that can be used. Did you mean 'postgresql+psycopg'?"),
        ("postgres+asyncpg://h/d", "Did you mean 'postgresql+psycopg'?"),
        ("sqllite:///x.db", "Did you mean 'sqlite'?"),
        ("dsmbot.db", "is not a database address"),
        ("sqlite://", "keeps nothing"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("sqlite:///file:x?mode=memory&uri=true", "keeps nothing"),
        ("postgresql+psycopg://bot:hush@h/d", "holds a password; it is not shown"),
    ],
)
def test_other_addresses_are_refused(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        database_url(url, tmp_path, password_allowed=False)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_environment_may_hold_a_password(tmp_path: Path) -> None:
    url, problems = overriding_url({"DSMBOT_DATABASE_URL": "postgresql+psycopg://bot:hush@h/d"}, tmp_path)
    assert url == "postgresql+psycopg://bot:hush@h/d"
    assert problems == []


def test_a_wrong_address_in_the_environment_is_named(tmp_path: Path) -> None:
    url, (problem,) = overriding_url({"DSMBOT_DATABASE_URL": "oracle://bot:hush@h/d"}, tmp_path)
    assert url is None
    assert (problem.file, problem.where) == ("environment", "DSMBOT_DATABASE_URL")
    assert "hush" not in str(problem)
