"""The composition root: the only module that joins configuration, storage, rules, sources and Slack, and reads a clock.

Commands ask it for composed studies; nothing below it looks anything up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from storage.snapshot import SnapshotBuilder

from bot import __version__
from bot.config import ConfigError, Problem, Secrets, StudyConfig, load, load_secrets, vanished_rules
from bot.integrity import damaged_files
from bot.outgoing import salt
from bot.study import Clock, Study
from bot.views import Mode
from bot.voice import voice_of
from storage.allocation import AllocationKey
from storage.database import Database, open_database
from storage.findings import rules_with_history

DEFAULT_CONFIG = Path("config.yaml")


def now_utc() -> datetime:
    """The time, aware UTC. Everything else is given its time."""
    return datetime.now(UTC)  # noqa: TID251 - the one clock of the program


SYSTEM_CLOCK = Clock(study=now_utc, wall=now_utc)


def kinds(group: str) -> dict[str, type]:
    """Classes registered under an entry-point group, ours and plug-ins' alike, by kind.

    Raises
    ------
    ConfigError: a plug-in that cannot be loaded, or two that claim one kind.
    """
    found: dict[str, type] = {}
    for point in entry_points(group=group):
        if point.name in found:
            raise ConfigError([_plugin(point, "is registered twice", "Uninstall one of the two packages")])
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError([_plugin(point, f"cannot be loaded: {error}", "Install what it needs")]) from error
    return found


def _plugin(point: Any, problem: str, fix: str) -> Problem:
    return Problem("plug-ins", 0, f"{point.group}.{point.name}", f"{point.value} {problem}", fix)


def load_studies(paths: Sequence[Path] | None, environment: Mapping[str, str] | None = None) -> list[StudyConfig]:
    """The configurations, checked.

    Parameters
    ----------
    paths: as given with -c; None = config.yaml in the working directory.

    Raises
    ------
    ConfigError: every problem of every file.
    """
    return load(
        list(paths or [DEFAULT_CONFIG]),
        environment=os.environ if environment is None else environment,
        rule_kinds=kinds("dsmbot.rules"),
        source_kinds=kinds("dsmbot.sources"),
    )


def secrets_of(environment: Mapping[str, str] | None = None) -> Secrets:
    """Tokens and keys from the environment or the files it names. Raises ConfigError; shows no value."""
    return load_secrets(os.environ if environment is None else environment)


@dataclass(frozen=True)
class Opened:
    """Studies that are composed, and what must be closed at the end."""

    studies: tuple[Study, ...]
    databases: tuple[Database, ...]

    def close(self) -> None:
        """Close every database; safe to call twice."""
        for database in self.databases:
            database.close()


@contextmanager
def opened(
    configs: Sequence[StudyConfig],
    *,
    mode: Mode | None,
    secrets: Secrets,
    clock: Clock = SYSTEM_CLOCK,
    writable: bool = True,
    source: Callable[[Any, Path], Any] | None = None,
) -> Iterator[Opened]:
    """Compose studies over their databases, and close them at the end.

    Parameters
    ----------
    mode: practice, rehearsal or live; None for commands that only read.
    source: makes a source from settings and folder; by default the registered class does.

    Raises
    ------
    RefusedToOpen, ConfigError: the database or the installation cannot be trusted, or a rule with history vanished.
    """
    _refuse_damaged()
    by_url: dict[str, list[StudyConfig]] = {}
    for config in configs:
        by_url.setdefault(config.storage.url, []).append(config)
    databases: list[Database] = []
    try:
        studies: list[Study] = []
        for url, members in by_url.items():
            database = open_database(
                url,
                mode=mode.value if mode else None,
                study_ids=[config.id for config in members],
                now=clock.study(),
                writable=writable,
            )
            databases.append(database)
            studies += [_compose(config, database, mode, secrets, clock, source) for config in members]
        yield Opened(tuple(studies), tuple(databases))
    finally:
        for database in databases:
            database.close()


def _compose(
    config: StudyConfig,
    database: Database,
    mode: Mode | None,
    secrets: Secrets,
    clock: Clock,
    source: Callable[[Any, Path], Any] | None,
) -> Study:
    _refuse_vanished(config, database)
    make = source or _registered_source
    key = AllocationKey.from_text(secrets.allocation_key) if secrets.allocation_key else None
    with database.reading() as conn:
        secret = salt(conn, config.id)
    return Study(
        config=config,
        database=database,
        mode=mode or Mode.LIVE,
        sources={settings.id: make(settings, config.base_dir) for settings in config.sources},
        snapshots=SnapshotBuilder(database, config.id),
        clock=clock,
        code_version=__version__,
        allocation_key=key,
        voice=voice_of(config, mode=mode or Mode.LIVE, salt=secret),
    )


def _registered_source(settings: Any, base_dir: Path) -> Any:
    return kinds("dsmbot.sources")[settings.kind].from_settings(settings, base_dir)  # type: ignore[attr-defined]


def _refuse_vanished(config: StudyConfig, database: Database) -> None:
    with database.reading() as conn:
        problems = vanished_rules(config, rules_with_history(conn, config.id))
    if problems:
        raise ConfigError(problems)


def _refuse_damaged() -> None:
    damaged = damaged_files()
    if damaged:
        shown = ", ".join(damaged[:5]) + (f" (showing 5 of {len(damaged)})" if len(damaged) > 5 else "")
        raise ConfigError(
            [
                Problem(
                    "installation",
                    0,
                    "",
                    f"files of dsmbot were changed or replaced by another package: {shown}",
                    "Install dsmbot alone in a new virtual environment",
                )
            ]
        )
