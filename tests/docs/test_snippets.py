"""Configuration and code that pages show are loaded and run.

Catches: a key that was renamed, an example that the strict models would refuse, a boundary that is printed wrong.
"""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import config
from bot.configuration.blocks import StudyFile
from bot.configuration.reader import read
from rules.statistics import calibrate
from tests.docs.pages import ROOT, Block, blocks, inline_code

BASE = {
    "study": {"id": "DOCS", "timezone": "America/Chicago", "planned_n": 20, "treatment_days": 84, "followup_days": 28},
    "storage": {"url": "sqlite:///docs.db"},
    "sources": [{"id": "base", "kind": "simulated"}],
    "codes": {"related": ["RELATED"], "unrelated": ["NOT RELATED"], "grades": {"MILD": 1, "MODERATE": 2, "SEVERE": 3}},
    "terms": {"application_site": {"terms": ["Application site pain"], "local": True}, "trauma": ["Injury"]},
    "rules": [{"id": "any", "kind": "event", "title": "Any death", "events": {"death": True}, "action": "notify"}],
    "slack": {
        "channels": {"open": "#open", "closed": "#closed", "ops": "#ops"},
        "roles": {"investigator": ["U1"], "medical_monitor": ["U2"]},
    },
}


def kinds(group: str) -> dict[str, Any]:
    """The kinds that pyproject.toml declares, whatever was installed before."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][group]
    places = {name: value.split(":") for name, value in declared.items()}
    return {name: getattr(importlib.import_module(module), cls) for name, (module, cls) in places.items()}


def parsed(block: Block, tmp_path: Path) -> Any:
    """The block through the strict reader, which refuses what YAML would guess."""
    file = tmp_path / "snippet.yaml"
    file.write_text(block.text, encoding="utf-8")
    document = read(file)
    assert document.problems == [] or isinstance(yaml.safe_load(block.text), list), document.problems
    return document.data


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_configuration_that_is_shown_loads(block: Block, tmp_path: Path) -> None:
    shown = parsed(block, tmp_path)
    whole = {**BASE, **({"rules": shown} if isinstance(shown, list) else shown)}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    (tmp_path / "data").mkdir()
    studies = config.load(
        [file], environment={}, rule_kinds=kinds("dsmbot.rules"), source_kinds=kinds("dsmbot.sources")
    )
    assert [s.id for s in studies] == ["DOCS"]


@pytest.mark.parametrize(
    ("place", "block", "key"),
    [(p, *c.split(": ")) for p, c in inline_code() if re.fullmatch(r"[a-z]+: [a-z_]+", c)],
)
def test_key_that_is_mentioned_exists(place: str, block: str, key: str) -> None:
    """Inline code such as `privacy: dates` names a block of the configuration and a key of it."""
    if block not in StudyFile.model_fields:
        return  # a key of a rule with its value, loaded above
    if block == "sources":
        assert any(key in cls.Settings.model_fields for cls in kinds("dsmbot.sources").values()), place
        return
    keys = getattr(StudyFile.model_fields[block].annotation, "model_fields", None)
    if keys is not None:  # else names that the study chooses itself
        assert key in keys, f"{place}: {block} has no key {key!r}"


def test_source_keys_are_those_of_the_sdtm_source() -> None:
    text = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(\w+)` \|", text.split("| key |")[1].split("\n\n")[0], re.MULTILINE))
    fields = set(kinds("dsmbot.sources")["sdtm"].Settings.model_fields)
    assert described <= fields
    assert fields - described <= {"id", "kind"}, "a key of the sdtm source that the page does not explain"


def test_rule_keys_are_those_of_the_kinds() -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    for name, kind in kinds("dsmbot.rules").items():
        for field, info in kind.model_fields.items():
            key = info.alias or field
            assert re.search(rf"`{key}\b|^\s*{key}:|^- {key}:", text, re.MULTILINE), f"{name}: {key} is not explained"


@pytest.mark.parametrize("block", [b for b in blocks("python") if not b.text.startswith(">>> ")], ids=str)
def test_code_that_is_shown_runs(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block.text, str(block), "exec"), {})
    assert capsys.readouterr().out


def test_boundary_in_the_statisticians_page_is_the_computed_one() -> None:
    text = (ROOT / "docs/for-statisticians.md").read_text(encoding="utf-8")
    boundary = calibrate("beta_binomial", null_rate=0.20, alpha=0.10, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
    spans: dict[int, list[int]] = {}
    for look, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if stop is not None:
            spans.setdefault(stop, []).append(look)
    first, *others = [f"{stop}{{}} at {{}}{looks[0]}–{looks[-1]}" for stop, looks in spans.items()]
    sentence = ", ".join([first.format(" events", "looks "), *(other.format("", "") for other in others)])
    assert f"stop at {sentence}." in text
    assert f"{boundary.attained_alpha:.4f}".removeprefix("0") in text
