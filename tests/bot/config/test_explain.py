"""A plug-in's own models are explained as well as ours: keys, choices and sentences at any depth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from bot.configuration.explain import explain, possible_keys
from bot.configuration.problems import ConfigError, Problem, nearest, suggestion
from bot.configuration.reader import Document, read
from rules.errors import DesignError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Leaf(_Strict):
    size: int = 1
    shade: Literal["dark", "light"] = "light"


class Design(_Strict):
    looks: int = 1

    @field_validator("looks")
    @classmethod
    def _possible(cls, value: int) -> int:
        if value > 9:
            raise DesignError("looks", value, "at most 9 looks")
        return value


class Plugin(_Strict):
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    named: Mapping[str, Leaf] = Field(default_factory=dict)
    either: Leaf | list[str] | None = None
    word: str | list[str] = ""
    excepted: Leaf | None = Field(None, alias="except")
    design: Design | None = None
    odd: int = 1

    @field_validator("odd")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value == 2:
            raise ValueError("two is even; use an odd number")
        if value == 4:
            raise PydanticCustomError("even", "{n} is even", {"n": value})
        return value


def _said(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_text(f"rules:\n  - id: mine\n{text}")
    document: Document = read(path)
    assert not document.problems
    definition: dict[str, Any] = {k: v for k, v in document.data["rules"][0].items() if k != "id"}
    with pytest.raises(ValidationError) as caught:
        Plugin.model_validate_json(json.dumps(definition))
    found = explain(caught.value, Plugin, document, ("rules", 0))
    return [str(p).removeprefix(f"{path}:").replace("rules.mine.", "") for p in sorted(found)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    leaf: {sise: 1}\n",
         "3: leaf.sise: key 'sise' is unknown. Did you mean 'size'? Possible here: shade, size."),
        ("    leaves:\n      - {size: 1}\n      - {shad: dark}\n",
         "5: leaves[2].shad: key 'shad' is unknown. Did you mean 'shade'? Possible here: shade, size."),
        ("    named: {a: {siz: 1}}\n",
         "3: named.a.siz: key 'siz' is unknown. Did you mean 'size'? Possible here: shade, size."),
        ("    except: {siz: 1}\n",
         "3: except.siz: key 'siz' is unknown. Did you mean 'size'? Possible here: shade, size."),
        ("    named: {a: {shade: drak}}\n",
         "3: named.a.shade: 'drak' is unknown. Did you mean 'dark'? Possible here: dark, light."),
        ("    word: 5\n", "3: word: 5 is not text or a list. Put it in quotes: \"5\"."),
        ("    word: [a, 5]\n", '3: word[2]: 5 is not text. Put it in quotes: "5".'),
        ("    either: {siz: 1}\n",
         "3: either.siz: key 'siz' is unknown. Did you mean 'size'? Possible here: shade, size."),
        ("    either: 5\n", "3: either: 5 is not a block of keys or a list."),
        ("    odd: 2\n", "3: odd: Two is even; use an odd number."),
        ("    odd: 4\n", "3: odd: 4 is even."),
        ("    design: {looks: 12}\n", "3: design.looks: looks = 12 is not possible. At most 9 looks."),
    ],
)  # fmt: skip
def test_a_plugins_fault_has_its_place_and_the_nearest_word(tmp_path: Path, text: str, said: str) -> None:
    assert _said(tmp_path, text) == [said]


def test_an_alias_is_the_key_and_the_only_one(tmp_path: Path) -> None:
    known = "design, either, except, leaf, leaves, named, odd, word"
    assert _said(tmp_path, "    exept: {size: 1}\n") == [
        f"3: exept: key 'exept' is unknown. Did you mean 'except'? Possible here: {known}."
    ]


def test_keys_are_found_through_every_annotation() -> None:
    assert possible_keys(Plugin, ("leaves", 3)) == ["shade", "size"]
    assert possible_keys(Plugin, ("either",)) == ["shade", "size"]
    assert possible_keys(Plugin, ("word",)) == []
    assert possible_keys(Plugin, ("nothing", "there")) == []


def test_the_nearest_word_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("RELATD", ["related", "serious"]) == "related"
    assert nearest("xyz", ["related", "serious"]) is None
    assert nearest("", []) is None
    assert suggestion("x", []) == "Nothing is possible here yet"
    assert suggestion("word1", [f"word{i}" for i in range(99)]) == "Did you mean 'word1'?"


def test_problems_are_told_once_in_the_order_of_the_file() -> None:
    first, second = Problem("a.yaml", 2, "x", "is wrong", "Mend it"), Problem("a.yaml", 10, "y", "is wrong", "Mend it")
    error = ConfigError([second, first, second])
    assert error.problems == [first, second]
    assert str(error) == "a.yaml:2: x: is wrong. Mend it.\na.yaml:10: y: is wrong. Mend it."
    assert str(Problem("a.yaml", 0, "", "is empty")) == "a.yaml: is empty."
