"""Fixtures of the Slack tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.slack.bench import Bench, bench


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Bench]:
    """A study with its database and a practice workspace."""
    with bench(tmp_path) as made:
        yield made
