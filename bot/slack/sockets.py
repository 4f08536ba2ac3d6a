"""A short look at the Socket Mode address: does it open, and is somebody else connected with this app?

Source: https://docs.slack.dev/apis/events-api/using-socket-mode (`num_connections` in the hello message).
"""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import truststore
from slack_sdk import WebClient
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bot.slack.outcomes import Fate, Outcome, attempt

SECONDS = 5.0
PATIENCE = (2.0, 4.0)
"""Seconds between further looks where somebody else seems connected: a process that has just died may still count."""


@dataclass(frozen=True, slots=True)
class Socket:
    """What a look found: connections of the app, this one included (None = not said), or why it failed."""

    connections: int | None = None
    error: str = ""


def open_address(app_client: WebClient) -> str | Outcome:
    """A socket address for one connection, or what became of asking for it."""
    found = attempt(lambda: app_client.apps_connections_open(app_token=app_client.token or ""))
    if found.fate is not Fate.DONE or not found.data.get("url"):
        return found
    return str(found.data["url"])


def say_hello(address: str) -> Socket:
    """Connect, read the hello, disconnect. Events that arrive meanwhile are left unacknowledged."""
    tls = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if urlsplit(address).scheme == "wss" else None
    try:
        with connect(address, ssl=tls, open_timeout=SECONDS, close_timeout=1) as socket:
            deadline = time.monotonic() + SECONDS
            while (left := deadline - time.monotonic()) > 0:
                said = json.loads(socket.recv(timeout=left))
                if isinstance(said, dict) and said.get("type") == "hello":
                    number = said.get("num_connections")
                    return Socket(number if isinstance(number, int) else None)
    except TimeoutError:
        return Socket(error="no hello within 5 s")
    except (OSError, WebSocketException, ValueError) as error:
        return Socket(error=type(error).__name__)
    return Socket(error="no hello within 5 s")


def alone(app_client: WebClient, first: Socket) -> Socket:
    """Look again where somebody else seems connected, until they are gone or patience ends."""
    hello = first
    for seconds in PATIENCE:
        if hello.connections is None or hello.connections <= 1:
            return hello
        time.sleep(seconds)
        address = open_address(app_client)
        if isinstance(address, str):
            hello = say_hello(address)
    return hello
