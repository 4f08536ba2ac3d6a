"""Every fault does what it is for: what the sender sees, and what is stored all the same."""

from __future__ import annotations

import socket
import threading
import time
from http.client import RemoteDisconnected
from urllib.parse import urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler

from bot.workspace.actions import fault_names
from bot.workspace.errors import WorkspaceError
from bot.workspace.faults import Fault, FaultKind, Faults
from bot.workspace.server import RunningWorkspace
from tests.bot.workspace.conftest import OPEN, OPS, section


def texts(running: RunningWorkspace, channel: str = OPEN) -> list[str]:
    return [message["text"] for message in running.messages(channel)]


def test_accept_then_drop_stores_the_message_and_says_nothing(running: RunningWorkspace, client: WebClient) -> None:
    running.faults.accept_then_drop()
    with pytest.raises(RemoteDisconnected):
        client.chat_postMessage(channel=OPEN, text="once")
    assert texts(running) == ["once"]
    assert client.chat_postMessage(channel=OPEN, text="twice")["ok"]


def test_the_sdk_posts_twice_by_default_after_a_drop(running: RunningWorkspace) -> None:
    """Why the outbox sends with `retry_handlers=[]`: the workspace shows the fault that this prevents."""
    handler = ConnectionErrorRetryHandler(max_retry_count=1)
    client = WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[handler])
    running.faults.accept_then_drop()
    blocks = [{**section("x"), "block_id": "key-1"}]
    assert client.chat_postMessage(channel=OPEN, text="x", blocks=blocks)["ok"]
    assert texts(running) == ["x", "x"]
    assert list(running.duplicates()) == ["key-1"]


def test_a_late_commit_arrives_although_the_sender_is_gone(running: RunningWorkspace) -> None:
    running.faults.commit_late(0.5)
    body = b"channel=%23sts-calc-safety&text=late"
    lines = [
        "POST /api/chat.postMessage HTTP/1.1",
        f"Host: {urlsplit(running.origin).netloc}",
        f"Authorization: Bearer {running.bot_token}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    head = "\r\n".join(lines) + "\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port)) as sender:
        sender.sendall(head.encode() + body)
        time.sleep(0.1)
    assert texts(running) == []
    assert running.workspace.wait_for(lambda: texts(running) == ["late"], 2)


def test_a_slow_answer_has_stored_the_message_at_once(running: RunningWorkspace) -> None:
    running.faults.delay(1.5)
    client = WebClient(token=running.bot_token, base_url=running.base_url, timeout=1, retry_handlers=[])
    with pytest.raises(TimeoutError):
        client.chat_postMessage(channel=OPEN, text="there")
    assert texts(running) == ["there"]


def test_refusals_store_nothing(running: RunningWorkspace, client: WebClient) -> None:
    running.faults.rate_limited(3)
    with pytest.raises(SlackApiError) as limited:
        client.chat_postMessage(channel=OPEN, text="x")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "3")
    running.faults.server_error(502)
    with pytest.raises(SlackApiError) as broken:
        client.chat_postMessage(channel=OPEN, text="x")
    assert broken.value.response.status_code == 502
    running.faults.invalid_blocks()
    with pytest.raises(SlackApiError, match="json-pointer:/blocks/0"):
        client.chat_postMessage(channel=OPEN, text="x", blocks=[section("x")])
    assert texts(running) == []
    assert running.faults.hits == [
        ("rate_limited", "chat.postMessage"),
        ("server_error", "chat.postMessage"),
        ("api_error", "chat.postMessage"),
    ]


def test_an_error_after_storing(running: RunningWorkspace, client: WebClient) -> None:
    running.faults.stored_then_error()
    with pytest.raises(SlackApiError, match="internal_error"):
        client.chat_postMessage(channel=OPEN, text="x")
    assert texts(running) == ["x"]


def test_history_stays_unreadable_until_it_is_cleared(running: RunningWorkspace, client: WebClient) -> None:
    channel = running.workspace.channel(OPEN).id
    running.faults.history_unreadable(channel=channel)
    for _ in range(3):
        with pytest.raises(SlackApiError, match="internal_error"):
            client.conversations_history(channel=channel)
    assert client.conversations_history(channel=running.workspace.channel(OPS).id)["ok"]
    running.faults.clear()
    assert client.conversations_history(channel=channel)["ok"]


def test_a_fault_strikes_only_where_it_is_meant(running: RunningWorkspace, client: WebClient) -> None:
    running.faults.server_error(503, 1, methods=["chat.update"], channel=running.workspace.channel(OPS).id)
    ts = client.chat_postMessage(channel=OPS, text="x")["ts"]
    client.chat_postMessage(channel=OPEN, text="x")
    with pytest.raises(SlackApiError):
        client.chat_update(channel=running.workspace.channel(OPS).id, ts=ts, text="y")
    client.chat_update(channel=running.workspace.channel(OPS).id, ts=ts, text="z")
    assert texts(running, OPS) == ["z"]


def test_draws_follow_the_seed_and_counts_end() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.plan(Fault(FaultKind.SERVER_ERROR, count=-1, probability=0.3))
        return [faults.draw("chat.postMessage", "C") is not None for _ in range(60)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 5 < sum(struck(1)) < 35
    faults = Faults()
    faults.server_error(count=2)
    assert [faults.draw("chat.postMessage", "C") is not None for _ in range(4)] == [True, True, False, False]
    assert faults.planned() == []
    given = Fault(FaultKind.DELAY)
    for _ in range(2):
        faults.plan(given)
        assert faults.draw("chat.postMessage", "C") is not None, "a fault can be planned again"
    with pytest.raises(WorkspaceError, match="from 0 to 1"):
        faults.plan(Fault(FaultKind.DELAY, probability=2))


def test_every_fault_of_the_page_is_one_that_exists() -> None:
    from bot.workspace.page import STATIC

    script = (STATIC / "app.js").read_text(encoding="utf-8")
    table = script.partition("const FAULTS = {")[2].partition("\n};")[0]
    named = {line.strip().partition(":")[0] for line in table.splitlines() if line.startswith("  ")}
    assert len(named) > 10
    assert named <= set(fault_names())


def test_calls_from_many_threads_get_their_own_timestamps(running: RunningWorkspace, client: WebClient) -> None:
    threads = [
        threading.Thread(target=lambda: [client.chat_postMessage(channel=OPEN, text="x") for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stamps = [m["ts"] for m in running.messages(OPEN)]
    assert len(set(stamps)) == 40
    assert stamps == sorted(stamps)
