"""Rules and sources from their plain definitions, by the models of their kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.configuration.blocks import StudyFile
from bot.configuration.crosschecks import Definition, entries, term_lists
from bot.configuration.explain import design_problem, explain, possible_keys
from bot.configuration.problems import Problem, suggestion
from bot.configuration.reader import Document, Place
from rules.errors import DesignError, RuleError
from rules.model import Derivation, StudyPlan
from rules.registry import Registry


@dataclass(slots=True)
class Built:
    """What could be built, in the order of the file, and what could not."""

    items: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def build_rules(document: Document, file: StudyFile | None, kinds: Mapping[str, type]) -> Built:
    """Every rule of a file.

    Parameters
    ----------
    document: the file.
    file: its blocks, or None where they are wrong: rules are then judged against a stand-in plan, so that their
        own problems are told in the same run.
    kinds: kind → rule model.
    """
    built, registry = Built(), Registry(kinds)
    derivation, plan = _settings(document, file)
    for place, definition in entries(document, "rules"):
        model = _kind(document, place, definition, kinds, built)
        if model is None:
            continue
        built.problems += _python_names(document, place, definition, model)
        try:
            built.items.append(registry.build(definition, derivation, plan))
        except ValidationError as error:
            built.problems += explain(error, model, document, place)
        except DesignError as error:
            built.problems.append(design_problem(error, document, place))
        except RuleError as error:
            built.problems.append(document.problem(place, str(error)))
    return built


def build_sources(document: Document, kinds: Mapping[str, type]) -> Built:
    """The settings of every source of a file."""
    built = Built()
    for place, definition in entries(document, "sources"):
        kind = _kind(document, place, definition, kinds, built)
        if kind is None:
            continue
        settings = kind.Settings
        try:
            built.items.append(settings.model_validate_json(json.dumps(definition)))
        except ValidationError as error:
            built.problems += explain(error, settings, document, place)
    return built


def _python_names(document: Document, place: Place, definition: Definition, model: Any) -> Iterator[Problem]:
    """A field with an alias has one name in YAML, also where Python may use both (`except`, not `excepted`)."""
    keys = possible_keys(model, ())
    for key in definition:
        if key in model.model_fields and key not in keys:
            yield document.problem((*place, key), f"key {key!r} is unknown", suggestion(key, keys))


def _settings(document: Document, file: StudyFile | None) -> tuple[Derivation, StudyPlan]:
    if file:
        return file.codes.derivation(file.terms, file.study), file.study.plan()
    named = {name: frozenset[str]() for name in term_lists(document)}
    return Derivation(terms=named), StudyPlan("?", "UTC", planned_n=1, treatment_days=1, followup_days=0)


def _kind(
    document: Document, place: Place, definition: Definition, kinds: Mapping[str, type], built: Built
) -> Any | None:
    kind = definition.get("kind")
    if isinstance(kind, str) and kind in kinds:
        return kinds[kind]
    if "kind" not in definition:
        built.problems.append(document.problem((*place, "kind"), "key 'kind' is missing", f"Add it: {_all(kinds)}"))
    else:
        fix = suggestion(str(kind), sorted(kinds))
        built.problems.append(document.problem((*place, "kind"), f"{kind!r} is unknown", fix))
    return None


def _all(kinds: Mapping[str, type]) -> str:
    return ", ".join(sorted(kinds))
