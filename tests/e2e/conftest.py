"""Fixtures of the whole program: a study on disk, and a practice workspace in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.sources.simulated_trial import SimulatedTrial
from tests.e2e.processes import Slack, workspace
from tests.e2e.site import QUICK, Site
from tests.storage.conftest import new_postgresql, postgresql_server, postgresql_template

__all__ = ["new_postgresql", "postgresql_server", "postgresql_template"]


def trial_until(day: int, scenario: str = "toxic") -> SimulatedTrial:
    """A trial of which a given day is yesterday, so that a program on the wall's clock sees it as it was then."""
    start = datetime.now(UTC).date() - timedelta(days=day + 1)
    return SimulatedTrial(7, scenario, start)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A study whose boundary was crossed some days ago, with files on disk and a folder of its own."""
    made = Site(tmp_path, trial_until(80), {"delivery": QUICK})
    made.write(made.day(72))
    return made


@pytest.fixture
def slack() -> Iterator[Slack]:
    """A practice workspace in a process of its own."""
    with workspace("--seed", "5") as made:
        yield made
