"""The connection to Slack, or to a server that speaks like it: one web client for delivery, one for Socket Mode.

May not know what is said: `bot.slack` does.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import truststore
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

TIMEOUT_SECONDS = 15
"""How long one call may take; after that its outcome is unknown and looked up."""


def web_client(token: str | None, base_url: str) -> WebClient:
    """A client that never repeats a call by itself.

    slack-sdk's default handlers post again when a server accepts a message and drops the connection
    (https://docs.slack.dev/tools/python-slack-sdk/web#retryhandler); delivery reconciles instead. Certificates are
    those of the operating system, because a hospital's proxy has its own authority.
    """
    return WebClient(
        token=token, base_url=base_url, retry_handlers=[], timeout=TIMEOUT_SECONDS, ssl=_tls(base_url),
        user_agent_prefix="dsmbot",
    )  # fmt: skip


def _tls(base_url: str) -> ssl.SSLContext | None:
    if urlsplit(base_url).scheme != "https":
        return None
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Link:
    """Socket Mode: clicks and commands come in, without an open port.

    Parameters
    ----------
    app: Bolt app with its listeners registered.   app_token: with the scope connections:write.
    base_url: of the Web API; the socket's own address comes from it.
    second: called with the number when Slack says that more than one process is connected with this app.
    """

    def __init__(self, app: App, app_token: str, base_url: str, second: Callable[[int], None]) -> None:
        self._second = second
        self._handler = SocketModeHandler(app, app_token, web_client=web_client(app_token, base_url))
        self._handler.client.on_message_listeners.append(self._heard)

    def connect(self) -> None:
        """Open the socket; it reconnects by itself from then on."""
        self._handler.connect()  # type: ignore[no-untyped-call]

    def connected(self) -> bool:
        """Whether the socket is up now."""
        return bool(self._handler.client.is_connected())

    def close(self) -> None:
        """Close the socket for good."""
        self._handler.close()  # type: ignore[no-untyped-call]

    def _heard(self, raw: str) -> None:
        """Look for `num_connections` in the hello (https://docs.slack.dev/apis/events-api/using-socket-mode)."""
        if '"hello"' not in raw:
            return
        try:
            number = json.loads(raw).get("num_connections")
        except ValueError:
            return
        if isinstance(number, int) and number > 1:
            self._second(number)


def bolt_app(client: WebClient, token: str) -> App:
    """A Bolt app on a client that never repeats a call; listeners block, as the rest of the program does."""
    return App(client=client, token=token, token_verification_enabled=False, process_before_response=False)
