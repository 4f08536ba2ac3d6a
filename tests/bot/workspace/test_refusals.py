"""What Slack would refuse is refused here, with Slack's code: else the bot learns it first from a live workspace."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

import bot.slack
from bot.workspace.people import BOT_USER_ID, DSMB_MEMBER, INVESTIGATOR, Channel, default_people
from bot.workspace.scopes import BOT_SCOPES
from bot.workspace.server import RunningWorkspace, Workspace, serve
from tests.bot.workspace.conftest import CLOSED, OPEN, OPS, section


def refusal(call: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        call(*args, **kwargs)
    return dict(caught.value.response.data)


def error(call: Any, *args: Any, **kwargs: Any) -> str:
    return str(refusal(call, *args, **kwargs)["error"])


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "not_authed"), ("xoxb-wrong", "invalid_auth"), ("app", "not_allowed_token_type")],
)
def test_tokens(running: RunningWorkspace, token: str, code: str) -> None:
    client = WebClient(token=running.app_token if token == "app" else token, base_url=running.base_url)
    assert error(client.chat_postMessage, channel=OPEN, text="x") == code


def test_the_bot_token_opens_no_socket_and_the_app_token_is_told_who_it_is(
    running: RunningWorkspace, client: WebClient
) -> None:
    assert error(client.apps_connections_open, app_token=running.bot_token) == "not_allowed_token_type"
    assert WebClient(token=running.app_token, base_url=running.base_url).auth_test()["app_id"] == "A0DSMBOT"


def test_a_missing_scope_names_what_is_needed_and_what_there_is() -> None:
    with serve(Workspace(scopes=["chat:write", "groups:read"])) as running:
        client = WebClient(token=running.bot_token, base_url=running.base_url)
        body = refusal(client.users_info, user=INVESTIGATOR)
        assert (body["error"], body["needed"], body["provided"]) == (
            "missing_scope",
            "users:read",
            "chat:write,groups:read",
        )
        assert client.auth_test().headers["x-oauth-scopes"] == "chat:write,groups:read"
        assert error(client.conversations_info, channel=OPEN) == "missing_scope"
        assert client.conversations_info(channel=CLOSED)["channel"]["is_private"] is True
        assert refusal(client.conversations_history, channel=CLOSED)["needed"] == "groups:history"


def test_the_token_has_what_the_manifest_asks_for_and_no_more() -> None:
    manifest = yaml.safe_load((Path(bot.slack.__file__).parent / "manifest.yaml").read_text(encoding="utf-8"))
    assert tuple(sorted(manifest["oauth_config"]["scopes"]["bot"])) == BOT_SCOPES


def test_channels_that_cannot_be_posted_to() -> None:
    people = default_people()
    channels = [
        Channel("C0IN", "in", "open", [BOT_USER_ID], is_private=False),
        Channel("C0OUT", "out", "open", [INVESTIGATOR], is_private=False),
        Channel("C0SECRET", "secret", "closed", [DSMB_MEMBER]),
        Channel("C0OLD", "old", "open", [BOT_USER_ID], is_private=False, is_archived=True),
    ]
    scopes = ["chat:write", "channels:read", "channels:history", "groups:history", "channels:join", "groups:read"]
    with serve(Workspace(channels=channels, people=people, scopes=scopes)) as running:
        client = WebClient(token=running.bot_token, base_url=running.base_url)
        codes = {
            name: error(client.chat_postMessage, channel=name, text="x")
            for name in ("#out", "secret", "C0OLD", "nowhere")
        }
        assert codes == {
            "#out": "not_in_channel",
            "secret": "channel_not_found",
            "C0OLD": "is_archived",
            "nowhere": "channel_not_found",
        }
        assert error(client.conversations_history, channel="C0OUT") == "not_in_channel"
        assert error(client.conversations_info, channel="C0SECRET") == "channel_not_found"
        assert [c["name"] for c in client.conversations_list(types="public_channel,private_channel")["channels"]] == [
            "in",
            "out",
            "old",
        ]
        client.conversations_join(channel="C0OUT")
        assert client.chat_postMessage(channel="C0OUT", text="now")["ok"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": "not json"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": ["not an object"]}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
        ({"text": "x", "blocks": [section("a" * 2_900) for _ in range(5)]}, "msg_blocks_too_long"),
    ],
)
def test_messages_that_are_refused(
    client: WebClient, running: RunningWorkspace, given: dict[str, Any], code: str
) -> None:
    assert error(client.api_call, "chat.postMessage", json={"channel": OPEN, **given}) == code
    assert running.messages(OPEN) == []


def test_editing_what_is_not_ones_own(client: WebClient, running: RunningWorkspace) -> None:
    theirs = running.workspace.say("Investigator", OPEN, "mine")
    channel = running.workspace.channel(OPEN).id
    assert error(client.chat_update, channel=channel, ts=theirs, text="x") == "cant_update_message"
    assert error(client.chat_delete, channel=channel, ts=theirs) == "cant_delete_message"
    assert error(client.chat_update, channel=channel, ts="1.000001", text="x") == "message_not_found"
    mine = client.chat_postMessage(channel=channel, text="x")["ts"]
    assert error(client.chat_update, channel=channel, ts=mine, text="x" * 4_001) == "msg_too_long"
    client.chat_delete(channel=channel, ts=mine)
    assert error(client.chat_delete, channel=channel, ts=mine) == "message_not_found"


def test_an_edit_keeps_what_it_does_not_send(client: WebClient, running: RunningWorkspace) -> None:
    metadata = {"event_type": "x", "event_payload": {"delivery_key": "k"}}
    sent = client.chat_postMessage(channel=OPEN, text="a", blocks=[section("a")], metadata=metadata)
    client.chat_update(channel=sent["channel"], ts=sent["ts"], text="b")
    kept = running.messages(OPEN)[0]
    assert (kept["text"], kept["blocks"][0]["text"]["text"], kept["metadata"]) == ("b", "a", metadata)
    assert kept["edited"]["ts"] > sent["ts"]


def test_people_and_groups_that_are_not_there(client: WebClient, running: RunningWorkspace) -> None:
    assert error(client.users_info, user="U0NOBODY") == "user_not_found"
    assert error(client.users_lookupByEmail, email="nobody@practice.invalid") == "users_not_found"
    assert error(client.conversations_open, users="U0NOBODY") == "user_not_found"
    assert error(client.usergroups_users_list, usergroup="S0") == "no_such_subteam"
    running.workspace.paid_plan = False
    assert error(client.usergroups_list) == "plan_upgrade_required"


def test_an_ephemeral_message_needs_a_member(client: WebClient, running: RunningWorkspace) -> None:
    assert error(client.chat_postEphemeral, channel=CLOSED, user=INVESTIGATOR, text="x") == "user_not_in_channel"
    client.chat_postEphemeral(channel=OPS, user=INVESTIGATOR, text="only you")
    assert [m["text"] for m in running.workspace.ephemeral("Investigator")] == ["only you"]
    assert running.messages(OPS) == []
    assert client.conversations_history(channel=running.workspace.channel(OPS).id)["messages"] == []


def test_unknown_methods_and_broken_bodies(running: RunningWorkspace, client: WebClient) -> None:
    assert error(client.api_call, "chat.postMassage") == "unknown_method"

    def raw(body: bytes, kind: str) -> str:
        headers = {"authorization": f"Bearer {running.bot_token}", "content-type": kind}
        request = urllib.request.Request(f"{running.base_url}chat.postMessage", body, headers)
        return str(json.load(urllib.request.urlopen(request))["error"])

    assert raw(b"{", "application/json") == "invalid_json"
    assert raw(b"[]", "application/json") == "json_not_object"
    assert raw(b"x", "text/plain") == "invalid_form_data"
    assert raw(b"text=x", "application/x-www-form-urlencoded") == "invalid_arguments"


def test_views_need_a_fresh_trigger_and_a_sound_view(
    client: WebClient, running: RunningWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Note"}, "blocks": [section("x")]}
    make = running.workspace.triggers.make
    assert error(client.views_open, trigger_id="1.2.three", view=view) == "invalid_trigger_id"
    used = make(INVESTIGATOR)
    first = client.views_open(trigger_id=used, view=view)["view"]
    assert error(client.views_open, trigger_id=used, view=view) == "exchanged_trigger_id"
    late = make(INVESTIGATOR)
    now = running.workspace.triggers._now()
    monkeypatch.setattr(running.workspace.triggers, "_now", lambda: now + 3.1)
    assert error(client.views_open, trigger_id=late, view=view) == "expired_trigger_id"
    client.views_update(view_id=first["id"], view=view)
    assert error(client.views_update, view_id=first["id"], hash=first["hash"], view=view) == "hash_conflict"
    assert error(client.views_update, view_id="V0NONE", view=view) == "not_found"
    for _ in range(2):
        client.views_push(trigger_id=make(INVESTIGATOR), view=view)
    assert error(client.views_push, trigger_id=make(INVESTIGATOR), view=view) == "push_limit_reached"
    long = view | {"title": {"type": "plain_text", "text": "x" * 25}}
    body = refusal(client.views_open, trigger_id=make(INVESTIGATOR), view=long)
    assert body["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


def test_one_message_a_second_and_channel_where_rate_limits_are_on() -> None:
    with serve(Workspace(rate_limits=True)) as running:
        client = WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[])
        for number in range(5):
            client.chat_postMessage(channel=OPEN, text=str(number))
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=OPEN, text="5")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        assert [m["text"] for m in running.messages(OPEN)] == ["0", "1", "2", "3", "4"]
        assert client.chat_postMessage(channel=OPS, text="another channel has its own allowance")["ok"]
