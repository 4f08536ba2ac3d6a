"""The connection to Slack, or to a server that speaks like it: one web client for delivery, one for Socket Mode.

May not know what is said: `bot.slack` does.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from urllib.parse import urlsplit

import structlog
import truststore
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.slack.outcomes import Fate, attempt
from bot.slack.sockets import open_address, say_hello
from storage.errors import StorageError

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 15
"""How long one call may take; after that its outcome is unknown and looked up."""


def web_client(token: str | None, base_url: str) -> WebClient:
    """A client that never repeats a call by itself.

    slack-sdk's default handlers post again when a server accepts a message and drops the connection
    (https://docs.slack.dev/tools/python-slack-sdk/web#retryhandler); delivery reconciles instead. Certificates are
    those of the operating system, because a hospital's proxy has its own authority.
    """
    client = WebClient(
        token=token, base_url=base_url, retry_handlers=[], timeout=TIMEOUT_SECONDS, ssl=_tls(base_url),
        user_agent_prefix="dsmbot",
    )  # fmt: skip
    if is_loopback(base_url):
        client.proxy = None
    return client


def is_loopback(base_url: str) -> bool:
    """Whether the server is on this machine: no proxy stands between."""
    return (urlsplit(base_url).hostname or "") in ("127.0.0.1", "::1", "localhost")


def without_proxy(environment: MutableMapping[str, str]) -> None:
    """Take the proxy out of the environment of a process that speaks to a server on its own machine.

    slack-sdk and urllib read it at every call, and would send to the proxy what is meant for this machine.
    """
    for name in [name for name in environment if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]:
        del environment[name]


def _tls(base_url: str) -> ssl.SSLContext | None:
    if urlsplit(base_url).scheme != "https":
        return None
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


CONNECT_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to open the first socket."""

PING_SECONDS = 5.0
"""How often the socket is tried: clicks are lost to people while a dead one is taken for alive."""

LOOK_AGAIN_SECONDS = 20.0
"""After a hello that counts more than one connection, how long the one that it replaced may still be counted."""


CLOSE_SECONDS, CLOSE_AGAIN_SECONDS = 15.0, 0.05
"""How long the end of the socket is waited for, and how often it is told to end meanwhile."""

TOLD_TIMES = 3
"""Once ops was told of another process, each further look comes after so many times that pause."""


class Link:
    """Socket Mode: clicks and commands come in, without an open port.

    A hello that counts two connections may count our own last one, which Slack asks to be replaced every few hours.
    So a second process is believed in only when a further look, some seconds later, still counts it.

    Parameters
    ----------
    app: Bolt app with its listeners registered.   app_token: with the scope connections:write.
    base_url: of the Web API; the socket's own address comes from it.
    second: called once with the number of connections when more than one process is connected with this app, and
        again only after it was alone in between. Raises StorageError: it is called again after the next look.
    alone: called when the other process that was told of has gone.
    look_again: seconds until that further look.
    """

    def __init__(
        self, app: App, app_token: str, base_url: str, second: Callable[[int], None], *,
        alone: Callable[[], None] = lambda: None, look_again: float = LOOK_AGAIN_SECONDS,
    ) -> None:  # fmt: skip
        self._second, self._alone = second, alone
        self._web = web_client(app_token, base_url)
        self._handler = SocketModeHandler(app, app_token, web_client=self._web, ping_interval=PING_SECONDS)
        self._handler.client.on_message_listeners.append(self._heard)
        self._look_again = look_again
        self._closed = threading.Event()
        self._looking = threading.Lock()
        self._told = False

    def connect(self) -> None:
        """Open the socket; it reconnects by itself from then on.

        Raises
        ------
        ConnectionError: it could not be opened, tried for as long as `CONNECT_PAUSES` say.
        """
        for pause in (*CONNECT_PAUSES, None):
            self._handler.client.wss_uri = None  # an address is good for one attempt
            outcome = attempt(self._handler.connect)
            if outcome.fate is Fate.DONE:
                return
            if pause is None or self._closed.wait(pause):
                raise ConnectionError(outcome.error)

    def connected(self) -> bool:
        """Whether the socket is up now."""
        return bool(self._handler.client.is_connected())

    def looking(self) -> bool:
        """Whether it is not known yet if another process is connected."""
        return self._looking.locked() and not self._told

    def close(self) -> None:
        """Close the socket for good, within `CLOSE_SECONDS`.

        A socket that is replaced in the same moment takes back, in slack-sdk, that it was told to end; its thread then
        goes on and `close` waits for it for ever. So it is told again until it has heard. The thread sleeps in a read
        of up to three seconds; the socket is shut down, so that it wakes at once.
        """
        self._closed.set()
        self._handler.client.auto_reconnect_enabled = False
        closing = threading.Thread(target=self._end, name="close-socket", daemon=True)
        closing.start()
        for _ in range(round(CLOSE_SECONDS / CLOSE_AGAIN_SECONDS)):
            self._wake_to_end()
            closing.join(CLOSE_AGAIN_SECONDS)
            if not closing.is_alive():
                return
        log.warning("the socket did not close; it ends with the process", seconds=CLOSE_SECONDS)

    def _end(self) -> None:
        self._handler.client.close()
        self._handler.client.disconnect()  # a socket that was being replaced meanwhile has a successor by now

    def _wake_to_end(self) -> None:
        client = self._handler.client
        client.current_session_state.terminated = True
        client.message_queue.put(None)  # wakes the thread that waits for messages
        reading = getattr(client.current_session, "sock", None)
        if isinstance(reading, socket.socket):
            with suppress(OSError):  # closed already; and not TLS's own shutdown: its reader is another thread
                socket.socket.shutdown(reading, socket.SHUT_RDWR)

    def _heard(self, raw: str) -> None:
        """Look for `num_connections` in the hello (https://docs.slack.dev/apis/events-api/using-socket-mode)."""
        if '"hello"' not in raw:
            return
        try:
            number = json.loads(raw).get("num_connections")
        except ValueError:
            return
        if not isinstance(number, int):
            return
        if number <= 1:
            self._gone()
        elif self._looking.acquire(blocking=False):
            threading.Thread(target=self._look, name="second-process", daemon=True).start()

    def _look(self) -> None:
        """Ask until no other process is there: the look's own connection and ours are not counted.

        A socket that Slack replaces is counted beside its successor, so that one which was told of and has gone may
        be seen to have gone only here.
        """
        try:
            while not self._closed.wait(self._look_again * (TOLD_TIMES if self._told else 1)):
                address = open_address(self._web)
                counted = say_hello(address).connections if isinstance(address, str) else None
                if counted is None:
                    continue
                ours = 1 + self.connected()
                if counted <= ours:
                    self._gone()
                    return
                self._told = self._told or self._tell(counted - 1)
        finally:
            self._looking.release()

    def _gone(self) -> None:
        if self._told:
            self._told = False
            self._alone()

    def _tell(self, number: int) -> bool:
        try:
            self._second(number)
        except StorageError as error:
            log.error("another process shares the app and ops cannot be told", error=str(error))
            return False
        return True


def _is_news(record: logging.LogRecord) -> bool:
    """Bolt finds our token in the environment and says that the client's is used: of no use to anybody."""
    return "will be unused" not in record.getMessage()


def bolt_app(client: WebClient) -> App:
    """A Bolt app on a client that never repeats a call; listeners block, as the rest of the program does."""
    logging.getLogger("slack_bolt.App").addFilter(_is_news)
    return App(client=client, token_verification_enabled=False, process_before_response=False)
