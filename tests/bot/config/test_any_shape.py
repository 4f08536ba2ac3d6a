"""Whatever stands wherever: the answer is a study or a list of problems, never a traceback.

Each value of the good configuration is replaced by each odd shape, one at a time. Would catch a cross-check that
trusts the shape of what another block holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import ConfigError, Problem
from bot.configuration.reader import read
from tests.bot.config.kinds import GOOD, load_files

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "xoxb-hush", [], [None], ["x"], [["x"]], [{}], [{"id": ["x"]}], {}, {"x": "x"},
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


def _problems(path: Path) -> list[Problem]:
    try:
        load_files(path)
    except ConfigError as error:
        return error.problems or pytest.fail("a refusal without a problem")
    return []


@pytest.mark.parametrize("odd", ODD, ids=[json.dumps(odd) for odd in ODD])
def test_every_value_may_have_any_shape(tmp_path: Path, odd: Any) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    good = read(path).data
    for place in _places(good):
        path.write_text(json.dumps(_replaced(good, place, odd)))  # JSON is YAML
        said = "\n".join(map(str, _problems(path)))
        assert "hush" not in said
        assert said or odd != "xoxb-hush", place


def test_a_key_may_be_any_word(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    good = read(path).data
    for place in _places(good):
        inner = good
        for step in place:
            inner = inner[step]
        if isinstance(inner, dict):
            path.write_text(json.dumps(_replaced(good, place, {**inner, "[key]": 1, "0": {}, "a b: c": [], "é": ""})))
            assert _problems(path), place
