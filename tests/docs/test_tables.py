"""Tables and word lists that must equal what the code holds.

Catches: a dependency nobody explained, a state or reason the glossary forgot, a grid of rights that the page
describes differently from what is enforced, a metric that was renamed.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from enum import EnumType
from pathlib import Path

import pytest

import bot
from bot import access
from bot.configuration.blocks import Operations
from bot.configuration.people import Role
from bot.configuration.secrets import NAMES
from bot.health import LOOP_SILENT_AFTER, Metrics, Readiness
from bot.slack.commands import COMMANDS
from bot.slack.manifest import APP_SCOPES, scopes_table
from bot.wording import replies
from bot.wording.replies import commands_table
from rules.model import Action, Audience, Reason, Standing, State, Urgency
from rules.sdtm import KEEP, MAPPED
from rules.statistics import METHODS
from storage.schema import APPEND_ONLY, metadata
from tests.docs.pages import ROOT, code, table


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(page("pyproject.toml"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[A-Za-z0-9_.-]+", r)[0] for r in requirements}  # type: ignore[index]


def test_dependencies_are_explained_one_line_each() -> None:
    rows = table_of_dependencies()
    assert {r[0] for r in rows} == names(PROJECT["dependencies"])
    assert all(len(r) == 3 and r[1] and r[2] for r in rows)
    assert len(rows) == len({r[0] for r in rows})


def table_of_dependencies() -> list[list[str]]:
    text = page("docs/architecture.md").split("## Dependencies")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| package")]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", table_of_dependencies(), ids=lambda row: row[0])
def test_licence_is_the_one_the_package_states(row: list[str]) -> None:
    about = importlib.metadata.metadata(row[0])
    stated = " ".join(
        [about.get("License-Expression") or "", (about.get("License") or "")[:80], *(about.get_all("Classifier") or [])]
    )
    stated += " BSD-3-Clause" if "BSD License" in stated and row[0] == "scipy" else ""  # full text in its metadata
    for word in re.findall(r"MIT|Apache-2\.0|BSD-\d-Clause", row[2]):
        assert word in stated, f"{row[0]} states {stated!r}"


@pytest.mark.parametrize("words", [State, Reason], ids=lambda e: e.__name__)
def test_glossary_defines_each_member(words: EnumType) -> None:
    first = {State: "state", Reason: "reason"}[words]
    assert [code(r[0])[0] for r in table("docs/glossary.md", first)] == [m.value for m in words]  # type: ignore[var-annotated]


def test_glossary_defines_each_standing_in_its_own_words() -> None:
    assert [r[0] for r in table("docs/glossary.md", "standing")] == [s.value for s in Standing]


@pytest.mark.parametrize("words", [Urgency, Audience, Action], ids=lambda e: e.__name__)
def test_glossary_names_each_value(words: EnumType) -> None:
    missing = [m.value for m in words if f"`{m.value}`" not in page("docs/glossary.md")]  # type: ignore[var-annotated]
    assert missing == []


WORDS = (
    "record_key", "event_key", "scope", "Episode", "Finding", "Alert", "Notification", "Acknowledgement", "Decision",
    "urgency", "severity", "seriousness", "null_rate", "alpha", "look", "n_evaluable", "stop_at", "attained_alpha",
    "tombstone", "batch", "snapshot", "watermark", "data_cutoff", "roster", "allocation", "anchor", "heartbeat",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_glossary_defines_the_words_of_the_project(word: str) -> None:
    assert re.search(
        rf"^- \*\*[^*]*\b{word}\b[^*]*\*\*|^- \*\*[^*]*\*\* \(`{word}`\)", page("docs/glossary.md"), re.MULTILINE
    )


def test_who_may_do_what_is_the_grid_that_is_enforced() -> None:
    assert access.grid_table() in page("docs/slack.md")


def test_the_commands_in_the_documentation_are_the_ones_that_are_known() -> None:
    """Would catch a word that the page names and the bot does not know, or one that nobody is told of."""
    assert commands_table() in page("docs/slack.md")
    assert {word.split()[0] for word in replies.COMMANDS} == set(COMMANDS)


def test_scopes_are_those_of_the_manifest_with_its_reasons() -> None:
    assert scopes_table() in page("docs/for-it.md")
    assert all(f"`{scope}`" in page("docs/for-it.md") for scope in APP_SCOPES)


def test_every_role_is_in_the_grid() -> None:
    assert {r[0] for r in table("docs/slack.md", "role")} == {r.value for r in Role}


def test_every_table_of_the_database_is_described_once() -> None:
    rows = table("docs/architecture.md", "table")
    described = [name for row in rows for name in code(row[0])]
    assert sorted(described) == sorted(metadata.tables)
    guarded = {name for row in rows if row[2].startswith("append-only") for name in code(row[0])}
    assert {t.name for t in APPEND_ONLY} - guarded == set()
    mixed = {"source_state"}  # in the row of `poll`, which says "append-only; mutable"
    assert guarded - {t.name for t in APPEND_ONLY} == mixed


def test_metrics_are_those_that_are_exposed() -> None:
    described = {code(row[0])[0] for row in table("docs/operations.md", "metric")}
    exposed = {
        m.name + ("_total" if m.type == "counter" else "") for m in Metrics().registry.collect() if m.type != "unknown"
    }
    assert described == exposed


def test_numbers_of_health_are_the_codes() -> None:
    text = page("docs/operations.md")
    minutes = {5: "five minutes", 10: "ten minutes"}
    assert minutes[int(LOOP_SILENT_AFTER.total_seconds() // 60)] in text
    limit = Readiness(database=True, socket=True, stale_sources=(), oldest_outbox=None).outbox_limit
    assert minutes[int(limit.total_seconds() // 60)] in text


@pytest.mark.parametrize("name", ["docs/operations.md", "docs/for-it.md", "deploy/Containerfile"])
def test_health_port_is_the_default(name: str) -> None:
    assert str(Operations().health_port) in page(name)


@pytest.mark.parametrize("variable", sorted(NAMES.values()))
def test_every_variable_of_the_environment_is_documented(variable: str) -> None:
    assert f"`{variable}`" in page("docs/operations.md")


def test_no_variable_is_documented_that_nothing_reads() -> None:
    known = {*NAMES.values(), *(f"{v}_FILE" for v in NAMES.values())}
    others = {"HTTPS_PROXY", "PIP_CONSTRAINT", "DSMBOT_REQUIRE_BROWSER"}
    for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*")]:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\b(?:SLACK|DSMBOT)_[A-Z_]*[A-Z]\b", text)) <= known | others, path.name


def test_methods_of_boundaries() -> None:
    rows = table("docs/rules.md", "`method`")
    assert [code(r[0])[0] for r in rows] == list(METHODS)
    for row in rows:
        assert code(row[1]) == list(METHODS[code(row[0])[0]].parameters()), row


def test_domains_and_mapped_words_of_sources() -> None:
    text = page("docs/sources.md")
    assert f"Domains read: {', '.join(KEEP)}" in text
    assert all(f"`{word}`" in text for word in MAPPED)


def test_changelog_knows_this_version() -> None:
    assert f"\n## {bot.__version__} " in page("CHANGELOG.md")
    assert f"\n{bot.__version__}, a first release" in page("README.md")


def test_entry_point_groups_are_those_registered() -> None:
    groups = set(PROJECT["entry-points"])
    for name in ("docs/architecture.md", "CONTRIBUTING.md"):
        assert all(f"`{g}`" in page(name) for g in groups), name


def test_lists_of_what_is_kept_in_files() -> None:
    """A path in prose that looks like one of ours must exist."""
    for path in (Path(p) for p in re.findall(r"`((?:bot|rules|storage|deploy|tests|docs)/[\w/.-]+)`", all_prose())):
        assert (ROOT / path).exists(), path


def all_prose() -> str:
    return "\n".join(p.read_text(encoding="utf-8") for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
