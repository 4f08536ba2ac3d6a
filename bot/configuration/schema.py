"""The JSON schema of config.yaml, from which editors complete and check while a person types.

`python -m bot.configuration.schema` writes it again; a test fails while the shipped file is not current.
The schema is looser than `bot.config.load`: cross-checks between blocks cannot be said in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.configuration.blocks import StudyFile

SHIPPED = Path(__file__).parent.parent / "config.schema.json"


def schema(rule_kinds: Mapping[str, type], source_kinds: Mapping[str, type]) -> dict[str, Any]:
    """The schema of a configuration that may use these kinds.

    Parameters
    ----------
    rule_kinds: kind → rule model.
    source_kinds: kind → source class with a `Settings` model.

    Returns
    -------
    JSON Schema 2020-12; rules and sources are chosen by their `kind`.
    """
    rules: dict[str, type[BaseModel]] = dict(sorted(rule_kinds.items()))
    classes: Mapping[str, Any] = source_kinds
    sources: dict[str, type[BaseModel]] = {kind: cls.Settings for kind, cls in sorted(classes.items())}
    models: list[type[BaseModel]] = list(dict.fromkeys([StudyFile, *rules.values(), *sources.values()]))
    references, shared = models_json_schema([(m, "validation") for m in models], ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = shared["$defs"]
    name = _name(references[StudyFile, "validation"])
    whole = definitions.pop(name)
    for block, kinds in (("rules", rules), ("sources", sources)):
        for kind, model in kinds.items():
            _fix_kind(definitions[_name(references[model, "validation"])], kind)
        whole["properties"][block]["items"] = {"anyOf": [references[m, "validation"] for m in kinds.values()]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DSMBot study configuration",
        **{k: v for k, v in whole.items() if k != "title"},
        "$defs": _used(whole, definitions),
    }


def _used(whole: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that the schema reaches: what a value is read into is not what people write."""
    used: dict[str, Any] = {}
    waiting = _references(whole)
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = definitions[name]
            waiting |= _references(used[name])
    return used


def _references(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        here = {_name(part)} if isinstance(part.get("$ref"), str) else set()
        return here.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[-1]


def _fix_kind(definition: dict[str, Any], kind: str) -> None:
    """One definition is for one kind: this is what lets an editor choose among them."""
    definition["properties"]["kind"] = {"const": kind, "description": "What this is."}
    definition["required"] = sorted({*definition.get("required", ()), "kind"})


def written(rule_kinds: Mapping[str, type], source_kinds: Mapping[str, type]) -> str:
    """The schema as the shipped file holds it."""
    return json.dumps(schema(rule_kinds, source_kinds), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema of the kinds that come with the product."""
    from rules.kinds.boundary import BoundaryRule
    from rules.kinds.clock import ClockRule
    from rules.kinds.composite import CompositeRule
    from rules.kinds.count import CountRule
    from rules.kinds.event import EventRule
    from rules.kinds.exposure import ExposureRule
    from rules.kinds.manual import ManualRule
    from rules.kinds.timeliness import TimelinessRule
    from storage.sources.sdtm import SdtmSource
    from storage.sources.simulated import SimulatedSource

    rule_kinds: dict[str, type] = {
        "boundary": BoundaryRule,
        "clock": ClockRule,
        "composite": CompositeRule,
        "count": CountRule,
        "event": EventRule,
        "exposure": ExposureRule,
        "manual": ManualRule,
        "timeliness": TimelinessRule,
    }
    source_kinds: dict[str, type] = {"sdtm": SdtmSource, "simulated": SimulatedSource}
    SHIPPED.write_text(written(rule_kinds, source_kinds), encoding="utf-8")


if __name__ == "__main__":
    main()
