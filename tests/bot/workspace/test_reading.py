"""Reading back: who sees what, pages without gaps, duplicates found, state that survives a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.workspace.clock import microseconds, timestamp
from bot.workspace.errors import UnknownThing, WorkspaceError
from bot.workspace.people import INVESTIGATOR
from bot.workspace.screen import state
from bot.workspace.server import RunningWorkspace, Workspace, serve
from tests.bot.workspace.conftest import CLOSED, OPEN, section


@pytest.fixture
def ten(running: RunningWorkspace, client: WebClient) -> tuple[str, list[str]]:
    posts = [client.chat_postMessage(channel=OPEN, text=str(number)) for number in range(10)]
    client.chat_postMessage(channel=OPEN, text="reply", thread_ts=posts[3]["ts"])
    client.chat_postMessage(channel=OPEN, text="loud reply", thread_ts=posts[3]["ts"], reply_broadcast=True)
    return posts[0]["channel"], [post["ts"] for post in posts]


def everything(client: WebClient, method: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = client.api_call(method, params={**arguments, "cursor": cursor, "limit": 3})
        yield from page["messages"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
        assert bool(cursor) == page["has_more"]
        if not cursor:
            return


def test_pages_hold_every_message_once_newest_first(client: WebClient, ten: tuple[str, list[str]]) -> None:
    channel, _ = ten
    found = [message["text"] for message in everything(client, "conversations.history", channel=channel)]
    assert found == ["loud reply", *"9876543210"]
    thread = [m["text"] for m in everything(client, "conversations.replies", channel=channel, ts=ten[1][3])]
    assert thread == ["3", "reply", "loud reply"]


@pytest.mark.parametrize(("inclusive", "expected"), [(False, ["3"]), (True, ["4", "3", "2"])])
def test_bounds_of_history(client: WebClient, ten: tuple[str, list[str]], inclusive: bool, expected: list[str]) -> None:
    channel, stamps = ten
    page = client.conversations_history(channel=channel, oldest=stamps[2], latest=stamps[4], inclusive=inclusive)
    assert [message["text"] for message in page["messages"]] == expected


def test_bounds_and_cursors_that_cannot_be_read(client: WebClient, ten: tuple[str, list[str]]) -> None:
    for given, code in (
        ({"oldest": "soon"}, "invalid_ts_oldest"),
        ({"cursor": "%%"}, "invalid_cursor"),
        ({"limit": 0}, "invalid_limit"),
    ):
        answer = client.api_call
        with pytest.raises(Exception, match=code):
            answer("conversations.history", params={"channel": ten[0], **given})


def test_metadata_only_on_request(client: WebClient, running: RunningWorkspace) -> None:
    metadata = {"event_type": "dsmbot", "event_payload": {"delivery_key": "k"}}
    channel = client.chat_postMessage(channel=OPEN, text="x", metadata=metadata)["channel"]
    assert "metadata" not in client.conversations_history(channel=channel)["messages"][0]
    assert (
        client.conversations_history(channel=channel, include_all_metadata=True)["messages"][0]["metadata"] == metadata
    )


def test_duplicates_are_found_by_either_key_and_only_where_visible(
    client: WebClient, running: RunningWorkspace
) -> None:
    def post(key: str, in_metadata: bool) -> str:
        block = section("x") | ({} if in_metadata else {"block_id": key})
        metadata = {"event_type": "x", "event_payload": {"delivery_key": key}} if in_metadata else None
        return str(client.chat_postMessage(channel=OPEN, text="x", blocks=[block], metadata=metadata)["ts"])

    first, second, third = post("one", True), post("one", False), post("one", True)
    post("two", True)
    client.chat_postMessage(channel=OPEN, text="no key")
    client.chat_postMessage(channel=OPEN, text="no key", blocks=[section("made ids are no keys")])
    channel = running.workspace.channel(OPEN).id
    assert running.duplicates() == {"one": [(channel, first), (channel, second), (channel, third)]}
    client.chat_delete(channel=channel, ts=second)
    client.chat_delete(channel=channel, ts=third)
    assert running.duplicates() == {}


def test_the_closed_channel_is_on_the_board_members_screen_only(running: RunningWorkspace, client: WebClient) -> None:
    client.chat_postMessage(channel=CLOSED, text="Group A 3 of 4")
    seen = {
        person.name: state(running.workspace, person.id)
        for person in running.workspace.directory.people.values()
        if not person.is_bot
    }
    assert {
        name for name, screen in seen.items() if any("Group A" in m["payload"]["text"] for m in screen["messages"])
    } == {"DSMB member"}
    assert {name: screen["hidden"] for name, screen in seen.items()} == {
        "Investigator": 2,
        "Medical monitor": 2,
        "Research pharmacist": 2,
        "DSMB member": 2,
        "Operator": 2,
    }
    assert "sts-calc-dsmb" not in {c["name"] for c in seen["Investigator"]["channels"]}


def test_timestamps_follow_the_clock_and_never_repeat() -> None:
    now = [datetime(2026, 5, 14, 14, 0, 0, 123_456, tzinfo=UTC)]
    workspace = Workspace(clock=lambda: now[0])
    first = workspace.store.next_ts()
    assert first == "1778767200.123456"
    assert workspace.store.next_ts() == "1778767200.123457"
    now[0] -= timedelta(hours=1)
    assert workspace.store.next_ts() == "1778767200.123458"
    assert timestamp(microseconds(now[0])) == "1778763600.123456"


def test_state_survives_a_restart_and_only_its_owner_reads_it(
    running: RunningWorkspace, client: WebClient, tmp_path: Path
) -> None:
    ts = client.chat_postMessage(channel=OPEN, text="kept", blocks=[section("x")])["ts"]
    client.chat_postMessage(channel=OPEN, text="reply", thread_ts=ts)
    client.views_publish(user_id=INVESTIGATOR, view={"type": "home", "blocks": [section("home")]})
    file = tmp_path / "practice.json"
    running.workspace.snapshot(file)
    assert file.stat().st_mode & 0o077 == 0
    again = Workspace()
    again.restore(file)
    assert again.messages(OPEN) == running.messages(OPEN)
    assert again.thread(OPEN, ts) == running.thread(OPEN, ts)
    assert (again.bot_token, again.app_token) == (running.bot_token, running.app_token)
    assert again.views.homes[INVESTIGATOR].as_slack() == running.workspace.views.homes[INVESTIGATOR].as_slack()
    assert again.store.next_ts() > ts
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(WorkspaceError, match="not a snapshot"):
        again.restore(tmp_path / "broken.json")


def test_a_direct_message_is_between_one_person_and_the_bot(running: RunningWorkspace, client: WebClient) -> None:
    channel = client.conversations_open(users=INVESTIGATOR)["channel"]["id"]
    client.chat_postMessage(channel=INVESTIGATOR, text="for you")
    assert [m["text"] for m in running.messages(channel)] == ["for you"]
    assert channel in {c["id"] for c in state(running.workspace, "Investigator")["channels"]}
    assert channel not in {c["id"] for c in state(running.workspace, "Operator")["channels"]}
    assert state(running.workspace, "Investigator")["hidden"] == 2


def test_wrong_names_say_what_there_is() -> None:
    workspace = Workspace()
    with pytest.raises(UnknownThing, match="#sts-calc-safety"):
        workspace.messages("#elsewhere")
    with pytest.raises(UnknownThing, match="Investigator, Medical monitor"):
        workspace.ephemeral("Surgeon")
    with pytest.raises(WorkspaceError, match="practice, rehearsal"):
        Workspace(mark="live")
    with pytest.raises(WorkspaceError, match="nothing simulated"):
        workspace.control_time(10)
    with pytest.raises(WorkspaceError, match="not being served"):
        workspace.open_home("Investigator")


def test_waiting_ends_at_a_change_and_at_its_time(running: RunningWorkspace, client: WebClient) -> None:
    threading.Timer(0.1, lambda: client.chat_postMessage(channel=OPEN, text="x")).start()
    assert running.workspace.wait_for(lambda: running.messages(OPEN), 3)
    assert not running.workspace.wait_for(lambda: False, 0.1)


def test_a_taken_port_gives_the_next_one(running: RunningWorkspace) -> None:
    with serve(Workspace(), port=running.port) as second:
        assert running.port < second.port <= running.port + 20
    with pytest.raises(WorkspaceError, match="not a loopback address"):
        serve(Workspace(), host="0.0.0.0")
