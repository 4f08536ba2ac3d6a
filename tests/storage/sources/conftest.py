"""Reading files is the same on both databases; how batches are stored on each is tested in tests/storage."""

from __future__ import annotations

import pytest


@pytest.fixture
def backend() -> str:
    """SQLite alone."""
    return "sqlite"
