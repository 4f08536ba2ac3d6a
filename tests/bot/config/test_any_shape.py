"""Whatever stands wherever: the answer is a study or a list of problems, never a traceback.

Each value of the good configuration is replaced by each odd shape, one at a time. Would catch a cross-check that
trusts the shape of what another block holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import ConfigError, Problem
from bot.configuration.reader import Document, read
from tests.bot.config.kinds import GOOD, load_files

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", [], [None], ["x"], [["x"]], [{}], [{"id": ["x"]}], {}, {"x": "x"},
    {"id": {"id": 1}}, {"": None},
)  # fmt: skip


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*place, key))


def _replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _replaced(value[place[0]], place[1:], new)
    return copy


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any], list[Problem]]:
    """What is said about data as the reader would give it; reading itself is tested in test_reader.py."""

    def said(data: Any) -> list[Problem]:
        monkeypatch.setattr("bot.config.read", lambda path: Document(str(path), data))
        try:
            load_files(tmp_path / "config.yaml")
        except ConfigError as error:
            return error.problems or pytest.fail("a refusal without a problem")
        return []

    return said


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("good") / "config.yaml"
    path.write_text(GOOD)
    return read(path).data


@pytest.mark.parametrize("odd", ODD, ids=[json.dumps(odd) for odd in ODD])
def test_every_value_may_have_any_shape(problems: Callable[[Any], list[Problem]], good: Any, odd: Any) -> None:
    told = {place: problems(_replaced(good, place, odd)) for place in _places(good)}
    assert told[("rules",)], "rules can never be an odd shape"
    assert all(p.problem for found in told.values() for p in found)


def test_a_key_may_be_any_word(problems: Callable[[Any], list[Problem]], good: Any) -> None:
    for place in _places(good):
        inner = good
        for step in place:
            inner = inner[step]
        if isinstance(inner, dict):
            changed = {**inner, "[key]": 1, "0": {}, "a b: c": [], "é": ""}
            assert problems(_replaced(good, place, changed)), place
