"""Configurations and plug-ins, read before anything is composed: what `check` needs, without a database or Slack.

The environment is read here and in `bot.app` alone, and passed on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bot.config import ConfigError, Problem, Secrets, StudyConfig, load, load_secrets

DEFAULT_CONFIG = Path("config.yaml")
"""In the working directory, where no other is named."""


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
