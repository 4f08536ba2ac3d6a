"""The shipped JSON schema is current, is found by editors, and describes what the product itself accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.configuration.schema import SHIPPED, schema, written
from bot.configuration.words import At
from tests.bot.config.kinds import RULES, SOURCES

ROOT = Path(__file__).parents[3]


def _definition(document: dict[str, Any], kind: str) -> dict[str, Any]:
    found = [d for d in document["$defs"].values() if d.get("properties", {}).get("kind", {}).get("const") == kind]
    (one,) = found
    return one


def test_the_shipped_schema_is_current() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == written(RULES, SOURCES), "run: make schema"


def test_config_yaml_points_editors_to_it() -> None:
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (ROOT / first.partition("=")[2]).resolve() == SHIPPED.resolve()


def test_every_kind_is_chosen_by_its_name() -> None:
    document = schema(RULES, SOURCES)
    for kind in (*RULES, *SOURCES):
        assert "kind" in _definition(document, kind)["required"]
        assert _definition(document, kind)["additionalProperties"] is False
    assert len(document["properties"]["rules"]["items"]["anyOf"]) == len(RULES)


def test_editors_know_the_keys_as_yaml_has_them() -> None:
    document = schema(RULES, SOURCES)
    assert {"events", "except", "action", "audience"} <= set(_definition(document, "event")["properties"])
    assert set(document["properties"]) == {
        "study", "storage", "privacy", "sources", "codes", "terms", "rules", "slack", "schedule", "operations",
        "null_scenario",
    }  # fmt: skip
    assert document["additionalProperties"] is False


def test_durations_and_times_are_text_for_editors() -> None:
    """Would catch a schema that shows editors our internal types instead of what people write."""
    document = schema(RULES, SOURCES)
    assert _definition(document, "sdtm")["properties"]["every"]["type"] == "string"
    assert document["$defs"]["Schedule"]["properties"]["daily_note"]["type"] == "string"
    assert At.__name__ not in document["$defs"]


def test_every_reference_is_defined() -> None:
    text = json.dumps(schema(RULES, SOURCES))
    used = {part.split('"', 1)[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert used <= set(schema(RULES, SOURCES)["$defs"])
