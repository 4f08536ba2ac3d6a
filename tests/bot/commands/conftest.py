"""Fixtures of the command tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.commands.site import Site, event, events, subjects


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """slack-sdk leaves sockets to the garbage collector; here that fails no test."""
    ours = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(ours)


@pytest.fixture
def site_of(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Call it with changes to the configuration; closed at the end."""
    made: list[Site] = []

    def make(name: str = "", **changes: Any) -> Site:
        folder = tmp_path / name if name else tmp_path
        folder.mkdir(exist_ok=True)
        made.append(Site(folder, **changes))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    """A site with four dosed subjects and one mild event."""
    found = site_of()
    found.write("dm.csv", subjects(4))
    found.write("ae.csv", events(event(1)))
    return found
