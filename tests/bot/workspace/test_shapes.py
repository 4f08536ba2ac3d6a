"""Every answer and envelope has the keys and JSON types of Slack's documentation: a missing key shows here."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from bot.workspace.methods.call import METHODS
from bot.workspace.people import INVESTIGATOR, UserGroup
from bot.workspace.server import RunningWorkspace
from tests.bot.workspace.conftest import OPEN, OPS, actions, button, section

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))
ENVELOPES = ("hello", "events_api", "block_actions", "slash_commands")


def differences(wanted: Any, got: Any, place: str = "") -> list[str]:
    """Where `got` lacks a key of `wanted` or has another JSON type there; extra keys are fine."""
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            return [f"{place}: not an object"]
        found = [f"{place}.{key}: missing" for key in wanted if key not in got]
        return found + [d for key in wanted if key in got for d in differences(wanted[key], got[key], f"{place}.{key}")]
    if isinstance(wanted, list):
        if not isinstance(got, list):
            return [f"{place}: not a list"]
        short = [f"{place}: has {len(got)} of {len(wanted)}"] if len(got) < len(wanted) else []
        pairs = zip(wanted, got, strict=False)
        return short + [d for i, (one, two) in enumerate(pairs) for d in differences(one, two, f"{place}/{i}")]
    same = type(wanted) is type(got)
    return [] if same else [f"{place}: {type(got).__name__} instead of {type(wanted).__name__}"]


@pytest.fixture
def answers(running: RunningWorkspace, client: WebClient) -> dict[str, Any]:
    """One good answer of every method but those that need a trigger."""
    running.workspace.directory.groups["S1"] = UserGroup("S1", "investigators", (INVESTIGATOR,))
    blocks, metadata = [section("x")], {"event_type": "x", "event_payload": {"delivery_key": "k"}}
    posted = client.chat_postMessage(channel=OPEN, text="x", blocks=blocks, metadata=metadata)
    channel, ts = posted["channel"], posted["ts"]
    client.chat_postMessage(channel=channel, text="reply", thread_ts=ts)
    other = client.chat_postMessage(channel=channel, text="other")
    home = {"type": "home", "blocks": [section("x")]}
    address = client.files_getUploadURLExternal(filename="a.txt", length=1)
    sent = urllib.request.Request(address["upload_url"], data=b"x", method="POST")
    urllib.request.urlopen(sent, timeout=5).close()
    upload = [{"id": address["file_id"], "title": "a"}]
    app_client = WebClient(token=running.app_token, base_url=running.base_url)
    return {
        "auth.test": client.auth_test().data,
        "api.test": client.api_test(foo="bar").data,
        "apps.connections.open": app_client.apps_connections_open(app_token=running.app_token).data,
        "chat.postMessage": posted.data,
        "chat.getPermalink": client.chat_getPermalink(channel=channel, message_ts=ts).data,
        "conversations.history": client.conversations_history(channel=channel).data,
        "conversations.replies": client.conversations_replies(channel=channel, ts=ts).data,
        "chat.update": client.chat_update(channel=channel, ts=other["ts"], text="new").data,
        "chat.delete": client.chat_delete(channel=channel, ts=other["ts"]).data,
        "chat.postEphemeral": client.chat_postEphemeral(channel=channel, user=INVESTIGATOR, text="x").data,
        "conversations.info": client.conversations_info(channel=channel, include_num_members=True).data,
        "conversations.list": client.conversations_list(types="public_channel,private_channel").data,
        "conversations.members": client.conversations_members(channel=channel).data,
        "conversations.open": client.conversations_open(users=INVESTIGATOR).data,
        "conversations.join": client.conversations_join(channel=channel).data,
        "users.info": client.users_info(user=INVESTIGATOR).data,
        "users.list": client.users_list().data,
        "users.lookupByEmail": client.users_lookupByEmail(email="investigator@practice.invalid").data,
        "usergroups.list": client.usergroups_list(include_users=True).data,
        "usergroups.users.list": client.usergroups_users_list(usergroup="S1").data,
        "team.info": client.team_info().data,
        "bots.info": client.bots_info(bot="B0DSMBOT").data,
        "files.getUploadURLExternal": address.data,
        "files.completeUploadExternal": client.files_completeUploadExternal(files=upload, channel_id=channel).data,
        "views.publish": client.views_publish(user_id=INVESTIGATOR, view=home).data,
    }


def test_every_method_answers_in_the_documented_shape(answers: dict[str, Any]) -> None:
    found = {name: differences(SHAPES[name]["answer"], answer) for name, answer in answers.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_method_that_needs_no_trigger_has_a_fixture_with_its_page(answers: dict[str, Any]) -> None:
    needs_trigger = {"views.open", "views.push", "views.update"}
    assert set(METHODS) - needs_trigger == set(answers)
    for name in answers:
        assert SHAPES[name]["source"] == f"https://docs.slack.dev/reference/methods/{name}"


def test_every_envelope_has_the_documented_shape(
    running: RunningWorkspace, client: WebClient, app: App, connected: Any
) -> None:
    heard: dict[str, Any] = {}
    app.action("ack")(lambda ack: ack())
    app.command("/safety")(lambda ack: ack())
    app.event("app_home_opened")(lambda: None)
    handler = connected()
    handler.client.message_listeners.append(
        lambda _client, message, _raw: heard.setdefault(message.get("type"), message)
    )
    ts = client.chat_postMessage(channel=OPS, text="x", blocks=[section("x"), actions(button())])["ts"]
    assert running.click("Investigator", OPS, ts, "ack").acked
    running.slash("Investigator", OPS, "/safety", "status", settle=0)
    running.workspace.open_home("Investigator")
    running.workspace.disconnect_sockets()
    assert running.workspace.wait_for(lambda: {"hello", "events_api", "interactive", "slash_commands"} <= heard.keys())
    heard["block_actions"] = heard["interactive"]
    found = {name: differences(SHAPES[name]["answer"], heard[name]) for name in ENVELOPES}
    assert {name: lines for name, lines in found.items() if lines} == {}
