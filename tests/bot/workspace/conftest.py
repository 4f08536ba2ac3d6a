"""A served workspace, the real slack-sdk client and a real Bolt app on Socket Mode."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.workspace.scopes import BOT_SCOPES
from bot.workspace.server import RunningWorkspace, Workspace, serve

OPEN, CLOSED, OPS = "#sts-calc-safety", "#sts-calc-dsmb", "#sts-calc-ops"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str = "ack", text: str = "Acknowledge", **extra: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "action_id": action_id, "text": label, "value": "1", **extra}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "block_id": "does", "elements": list(elements)}


def overflow(*values: str) -> dict[str, Any]:
    options = [{"text": {"type": "plain_text", "text": value.title()}, "value": value} for value in values]
    return {"type": "overflow", "action_id": "more", "options": options}


@pytest.fixture
def running() -> Iterator[RunningWorkspace]:
    scopes = (*BOT_SCOPES, "channels:join", "team:read")
    with serve(Workspace(seed=7, scopes=scopes, ack_seconds=0.4, retry_after=(0.05, 0.05))) as served:
        yield served


@pytest.fixture
def client(running: RunningWorkspace) -> WebClient:
    return WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[], timeout=5)


@pytest.fixture
def app(client: WebClient) -> App:
    return App(client=client)


def connect(running: RunningWorkspace, app: App) -> SocketModeHandler:
    """Connect a Bolt app and wait until the workspace has seen its hello."""
    web = WebClient(token=running.app_token, base_url=running.base_url, retry_handlers=[])
    handler = SocketModeHandler(app, running.app_token, web_client=web, ping_interval=0.3)
    before = running.workspace.hub.connections
    handler.connect()
    assert running.workspace.wait_for(lambda: running.workspace.hub.connections > before)
    return handler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """slack-sdk leaves sockets to the garbage collector when it reconnects; here that fails no test."""
    ours = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(ours)


def end(handler: SocketModeHandler) -> None:
    """Close a handler at once: its receiver is woken from a read that may take three seconds."""
    client = handler.client
    client.auto_reconnect_enabled = False
    client.current_session_state.terminated = True
    if client.current_session.sock is not None:
        with suppress(OSError):
            client.current_session.sock.shutdown(socket.SHUT_RDWR)
    handler.close()
    handler.disconnect()


@pytest.fixture
def connected(running: RunningWorkspace, app: App) -> Iterator[Callable[[], SocketModeHandler]]:
    """Call it once the listeners are registered; the sockets are closed afterwards."""
    opened: list[SocketModeHandler] = []

    def go() -> SocketModeHandler:
        opened.append(connect(running, app))
        return opened[-1]

    yield go
    for handler in opened:
        end(handler)
