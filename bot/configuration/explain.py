"""Pydantic's errors as problems: which line, which keys are possible, which word was probably meant."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union

from pydantic import BaseModel, ValidationError

from bot.configuration.problems import Problem, nearest, suggestion
from bot.configuration.reader import HIDDEN, Document, Place
from rules.errors import DesignError

_KINDS = {
    "string": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list",
    "tuple": "a list", "set": "a list", "frozen_set": "a list", "dict": "a block of keys",
    "mapping": "a block of keys", "model": "a block of keys", "model_attributes": "a block of keys",
    "dataclass": "a block of keys", "date": "a date such as 2026-05-14", "time_delta": "a duration such as '5 min'",
}  # fmt: skip
"""pydantic error type without its ending → what was expected, in words."""


_LIMITS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}


def explain(error: ValidationError, model: type[BaseModel], document: Document, at: Place = ()) -> list[Problem]:
    """Every problem of a failed validation.

    Parameters
    ----------
    error: what pydantic raised.
    model: the model that refused, whose keys are possible.
    document: the file, for lines.
    at: place in the file of the value that was validated.

    Returns
    -------
    One problem per place; several errors of one union at a place become one sentence.
    """
    grouped: dict[tuple[Place, bool], list[Mapping[str, Any]]] = {}
    for item in error.errors(include_url=False):
        place = (*at, *_written(item["loc"], document, at, item["type"]))
        grouped.setdefault((place, item["type"] in ("missing", "extra_forbidden")), []).append(item)
    meant = {
        (*place[:-1], nearest(str(place[-1]), possible_keys(model, place[len(at) : -1])))
        for (place, _), items in grouped.items()
        if items[0]["type"] == "extra_forbidden"
    }
    return [
        _problem(items, place, model, document, at)
        for (place, _), items in grouped.items()
        if not (items[0]["type"] == "missing" and place in meant)  # told once, as the misspelt key
        and not _told_deeper(place, items, grouped)
    ]


def _told_deeper(place: Place, items: Sequence[Mapping[str, Any]], grouped: Mapping[tuple[Place, bool], Any]) -> bool:
    """A list or block that one member of a union could read, but for a fault inside it: only that fault is told."""
    inside = any(len(other) > len(place) and other[: len(place)] == place for other, _ in grouped)
    return inside and all(str(item["type"]).endswith("_type") for item in items)


def _written(loc: Sequence[str | int], document: Document, at: Place, kind: str) -> Place:
    """The part of pydantic's location that exists in the file: the tags of union members drop out."""
    place: Place = ()
    for index, step in enumerate(loc):
        if _exists(document, (*at, *place, step)) or (kind == "missing" and index == len(loc) - 1):
            place = (*place, step)
    return place


def _exists(document: Document, place: Place) -> bool:
    try:
        document.value(place)
    except KeyError:
        return False
    return True


def _problem(
    items: Sequence[Mapping[str, Any]], place: Place, model: type[BaseModel], document: Document, at: Place
) -> Problem:
    kind = items[0]["type"]
    if kind == "extra_forbidden":
        return _unknown_key(place, model, document, at)
    if kind == "missing":
        return document.problem(place, f"key {place[-1]!r} is missing", "Add it")
    names_the_key = items[0]["loc"][-1:] == ("[key]",) and place[-1] != "[key]"
    written = place[-1] if names_the_key else document.value(place)
    if written is None:
        return document.problem(
            place, "nothing is written here", 'Write a value; text that begins with # needs quotes: "#…"'
        )
    for one in items:
        special = _special(one, written, document, place)
        if special:
            return special
    expected = " or ".join(dict.fromkeys(filter(None, map(_expected, items))))
    if expected:
        return document.problem(place, f"{_shown(written)} is not {expected}", _how_to_write(expected, written))
    return document.problem(place, _sentence(str(items[0]["msg"])))


def _unknown_key(place: Place, model: type[BaseModel], document: Document, at: Place) -> Problem:
    keys = possible_keys(model, place[len(at) : -1])
    return document.problem(place, f"key {place[-1]!r} is unknown", suggestion(str(place[-1]), keys))


def _special(item: Mapping[str, Any], written: Any, document: Document, place: Place) -> Problem | None:
    """Errors that carry their own words: choices, designs, our own sentences."""
    context = item.get("ctx") or {}
    if item["type"] in ("enum", "literal_error"):
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return document.problem(place, f"{_shown(written)} is unknown", suggestion(str(written), choices))
    if item["type"] in ("too_short", "string_too_short"):
        return document.problem(place, "is empty", "Write at least one")
    limits = [f"{word} {context[name]}" for name, word in _LIMITS.items() if name in context]
    if limits:
        return document.problem(place, f"{_shown(written)} is out of range", f"Write a number {limits[0]}")
    if "said" in context:
        return document.problem(place, str(context["said"]), str(context.get("fix", "")))
    cause = context.get("error")
    if isinstance(cause, DesignError):
        return design_problem(cause, document, place)
    if isinstance(cause, Exception):
        return document.problem(place, _sentence(str(cause)))
    return None


def design_problem(error: DesignError, document: Document, place: Place) -> Problem:
    """A refused design at the line of the parameter that is refused, where it is written."""
    for inner in ((*place, error.parameter), (*place, "design", error.parameter), (*place, "design")):
        if _exists(document, inner):
            place = inner
            break
    if error.value is None:
        return document.problem(place, f"{error.parameter} is missing", _sentence(error.allowed))
    return document.problem(place, f"{error.parameter} = {error.value!r} is not possible", _sentence(error.allowed))


def _expected(item: Mapping[str, Any]) -> str:
    kind = str(item["type"])
    for ending in ("_type", "_parsing", "_from_float"):
        if kind.endswith(ending) and kind.removesuffix(ending) in _KINDS:
            return _KINDS[kind.removesuffix(ending)]
    if kind == "string_pattern_mismatch":
        return "an id: use letters, digits, dot, dash and underscore, at most 64"
    return ""


def _how_to_write(expected: str, written: Any) -> str:
    if "text" in expected and isinstance(written, int | float) and not isinstance(written, bool):
        return f'Put it in quotes: "{written}"'
    if "text" in expected and isinstance(written, bool):
        return f'Put it in quotes if text is meant: "{str(written).lower()}"'
    if expected == "true or false" and isinstance(written, str):
        meant = {"yes": "true", "on": "true", "y": "true", "true": "true"}.get(written.casefold(), "")
        meant = meant or {"no": "false", "off": "false", "n": "false", "false": "false"}.get(written.casefold(), "")
        return f"Write {meant}" if meant else "Write true or false"
    if expected == "a list" and isinstance(written, str):
        return f"Write it in brackets: [{written}]"
    if expected == "a block of keys":
        return "Write its keys below it, or in braces: {key: value}"
    if "number" in expected and isinstance(written, str):
        return "Write plain digits without quotes, such as 20 or 0.20"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if value != HIDDEN else "the hidden value"
    return text if len(text) <= 80 else f"{text[:76]}…'"


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ").strip().rstrip(".")
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() and " " in text else text


def possible_keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Keys that may be written at a place below `model`."""
    return sorted({key for found in models_at(model, loc) for key in _keys(found)})


def models_at(model: Any, loc: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that may stand at a place below `model`, found by following its annotations."""
    found = list(_models(model))
    for step in loc:
        found = [inner for outer in found for inner in _step(outer, step)]
    return [m for m in found if isinstance(m, type) and issubclass(m, BaseModel)]


def _keys(model: type[BaseModel]) -> dict[str, Any]:
    """Keys as written in YAML, with what each holds."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _step(annotation: Any, step: str | int) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if step in _keys(annotation):
            yield from _models(_keys(annotation)[str(step)])
        return
    arguments = typing.get_args(annotation)
    if arguments:  # a list, tuple or mapping: its last argument is the item's type
        yield from _models(next(a for a in reversed(arguments) if a is not Ellipsis))


def _models(annotation: Any) -> Iterator[Any]:
    """An annotation without Annotated, Optional and Union around it."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from _models(typing.get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _models(member)
    else:
        yield annotation
