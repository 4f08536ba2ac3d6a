"""The manifest asks for what the code calls, and for the whole plan at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.slack.manifest import (
    APP_METHODS,
    APP_SCOPES,
    METHODS,
    SCOPES,
    command_name,
    manifest,
    manifest_yaml,
    page,
    required,
    scopes_table,
)
from bot.workspace.methods.call import METHODS as SERVED
from tests.bot.slack.bench import Bench

CALL = re.compile(r"client\.((?:[a-z]+_)+?[a-zA-Z]+)\(")
FAMILIES = ("apps_connections", "auth", "chat", "conversations", "files", "users", "views")


def called() -> set[str]:
    """Web API methods called anywhere in the bot, read from its source."""
    found = set()
    for path in Path("bot").rglob("*.py"):
        if "workspace" in path.parts:
            continue
        for name in CALL.findall(path.read_text()):
            family = next((f for f in FAMILIES if name.startswith(f"{f}_")), None)
            if family:
                found.add(f"{family.replace('_', '.')}.{name.removeprefix(f'{family}_')}")
    upload = {"files.getUploadURLExternal", "files.completeUploadExternal"}  # what files_upload_v2 calls
    found |= upload if "client.files_upload_v2(" in Path("bot/slack/handing.py").read_text() else set()
    return found | ({"auth.test"} if "client.auth_test" in Path("bot/slack/directory.py").read_text() else set())


def test_every_call_in_the_code_has_its_scope_in_the_manifest_and_none_is_left_over() -> None:
    """Would catch a new call whose scope nobody asked for, and a scope for a call that is gone."""
    assert called() == set(METHODS) | set(APP_METHODS)
    assert required() <= set(SCOPES)
    assert {scope for scopes in APP_METHODS.values() for scope in scopes} == set(APP_SCOPES)


def test_the_practice_workspace_asks_for_the_same_scopes() -> None:
    """Would catch two opinions on what a method needs; Slack's pages are named beside each."""
    for method, scopes in METHODS.items():
        served = SERVED[method].scopes
        assert set(served) <= set(scopes) | {"chat:write"}, page(method)


def test_the_bot_works_with_exactly_what_the_manifest_asks_for(slack: Bench) -> None:
    """Would catch a manifest that only works because practice is generous."""
    slack.workspace.scopes = tuple(SCOPES)
    key = slack.alert()
    slack.run()
    assert slack.item(key).ts
    slack.workspace.scopes = tuple(s for s in SCOPES if s != "chat:write")
    slack.note("x")
    assert slack.run(5).held


def test_the_shipped_file_is_the_generated_one() -> None:
    """Would catch a manifest edited by hand."""
    assert Path("bot/slack/manifest.yaml").read_text(encoding="utf-8") == manifest_yaml()
    assert yaml.safe_load(manifest_yaml("calc")) == manifest("calc")


def test_an_instance_has_its_own_name_and_command() -> None:
    """Would catch two instances that answer the same command."""
    made = manifest("calc")
    assert made["features"]["slash_commands"][0]["command"] == command_name("calc") == "/safety-calc"
    assert made["features"]["bot_user"]["display_name"] == "dsmbot-calc"
    assert made["settings"]["socket_mode_enabled"]
    for bad in ("Calc", "a b", "x" * 21, "a/b"):
        with pytest.raises(ValueError, match="suffix"):
            manifest(bad)


def test_every_scope_has_a_reason_that_it_can_read() -> None:
    """Would catch a scope that nobody can defend before an IT department."""
    assert all(len(why) > 10 for why in SCOPES.values())
    assert scopes_table().count("\n") == len(SCOPES) + 1
