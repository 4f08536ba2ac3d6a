"""The server: one loopback port for the Web API, Socket Mode, response URLs and the page.

`serve()` runs it in a thread of this process; ``python -m bot.workspace`` runs it in a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.workspace.api import Api, Dropped
from bot.workspace.errors import ApiError, WorkspaceError
from bot.workspace.faults import Faults
from bot.workspace.guard import Guard
from bot.workspace.outcome import Outcome
from bot.workspace.page import Page
from bot.workspace.responses import answer_hook
from bot.workspace.workspace import Workspace

__all__ = ["RunningWorkspace", "Workspace", "serve"]

NEXT_PORTS = 20
"""How many ports after the wanted one are tried when it is taken."""


class _Transports:
    """Open connections by the client's address, so that one can be cut without an answer."""

    def __init__(self) -> None:
        self._open: dict[Any, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """An HTTP protocol that enters its connections here."""
        opened = self._open

        class Droppable(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                opened[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                opened.pop(self.client, None)
                super().connection_lost(exc)

        return Droppable

    def cut(self, client: Any) -> None:
        """Close a connection at once, whatever is still to be sent."""
        transport = self._open.pop(tuple(client) if client else None, None)
        if transport is not None:
            transport.abort()


def build(workspace: Workspace, transports: _Transports, page: Page) -> tuple[Starlette, Api]:
    """The application of one workspace, and its Web API."""
    api = Api(workspace)

    async def web_api(request: Request) -> Response:
        try:
            return await api.answer(request)
        except ClientDisconnect:  # the bot was killed before it had asked
            return Response()
        except Dropped:
            transports.cut(request.client)
            await asyncio.sleep(0.01)
            return Response()

    async def hook(request: Request) -> Response:
        try:
            return PlainTextResponse(await answer_hook(workspace, request))
        except ApiError as error:
            return PlainTextResponse(error.code, 404)

    async def upload(request: Request) -> Response:
        content = await request.body()
        try:
            with workspace.lock:
                return PlainTextResponse(workspace.files.receive(request.path_params["secret"], content))
        except ApiError as error:
            return PlainTextResponse(error.code, 400)

    async def link(websocket: WebSocket) -> None:
        await workspace.hub.serve(websocket)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        workspace.loop = asyncio.get_running_loop()
        yield
        await workspace.hub.stop()
        workspace.loop = None

    routes = [
        Route("/api/{method}", web_api, methods=["GET", "POST"]),
        Route("/actions/{team}/{number}/{secret}", hook, methods=["POST"]),
        Route("/upload/v1/{secret}", upload, methods=["POST"]),
        WebSocketRoute("/link/", link),
        *page.routes(),
    ]
    return Starlette(routes=routes, lifespan=lifespan), api


class RunningWorkspace:
    """A workspace that is being served; `stop()` ends it.

    Parameters
    ----------
    base_url: for ``WebClient(base_url=…)``, with the slash at the end.
    bot_token, app_token: for the web client and for Socket Mode.
    page_url: one-time link to the page. control_key: bearer key for `bot.workspace.remote`.
    port: the one in use, which is not the wanted one when that was taken.
    """

    def __init__(
        self, workspace: Workspace, server: uvicorn.Server, thread: threading.Thread, page: Page, api: Api, port: int
    ) -> None:
        self.workspace = workspace
        self.port = port
        self.origin = workspace.origin
        self.base_url = f"{self.origin}/api/"
        self.bot_token, self.app_token = workspace.bot_token, workspace.app_token
        self.control_key = page.control_key
        self._server, self._thread, self._page, self._api = server, thread, page, api
        self.page_url = self.new_page_url()

    def new_page_url(self) -> str:
        """Another link to the page, good for one visit."""
        return f"{self.origin}/?key={self._page.issue_key()}"

    @property
    def faults(self) -> Faults:
        """The plan of faults."""
        return self.workspace.faults

    @property
    def calls(self) -> list[str]:
        """Web API methods called so far, in order."""
        return self._api.calls

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """See `Workspace.messages`."""
        return self.workspace.messages(channel)

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """See `Workspace.thread`."""
        return self.workspace.thread(channel, ts)

    def duplicates(self) -> dict[str, list[tuple[str, str]]]:
        """See `Workspace.duplicates`."""
        return self.workspace.duplicates()

    def click(
        self, user: str, channel: str, ts: str, action_id: str, value: str | None = None, *, settle: float = 0.0
    ) -> Outcome:
        """See `Workspace.click`."""
        return self.workspace.click(user, channel, ts, action_id, value, settle=settle)

    def slash(self, user: str, channel: str, command: str, text: str = "", *, settle: float = 2.0) -> Outcome:
        """See `Workspace.slash`."""
        return self.workspace.slash(user, channel, command, text, settle=settle)

    def submit_view(self, user: str, values: Mapping[str, Any] | None = None, *, settle: float = 0.0) -> Outcome:
        """See `Workspace.submit_view`."""
        return self.workspace.submit_view(user, values, settle=settle)

    def stop(self) -> None:
        """End the server and wait until it has ended; sockets close, pages show that they lost the connection."""
        self._page.stop()
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def __enter__(self) -> RunningWorkspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(workspace: Workspace, host: str = "127.0.0.1", port: int = 0) -> RunningWorkspace:
    """Serve a workspace from a thread of this process; returns once it takes connections.

    Parameters
    ----------
    host: a loopback address. port: 0 for any; one that is taken gives the next free one.

    Raises WorkspaceError where the address is not loopback, no port is free, or the server does not start.
    """
    bound = _bind(host, port)
    actual = bound.getsockname()[1]
    workspace.origin = f"http://{_bracketed(host)}:{actual}"
    transports, page = _Transports(), Page(workspace)
    app, api = build(workspace, transports, page)
    config = uvicorn.Config(
        Guard(app, workspace.origin, page),
        http=transports.protocol(),
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],), name="practice-workspace", daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise WorkspaceError("the practice workspace did not start; its log says why")
        time.sleep(0.005)
    return RunningWorkspace(workspace, server, thread, page, api, actual)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _bind(host: str, port: int) -> socket.socket:
    if not _is_loopback(host):
        raise WorkspaceError(f"{host} is not a loopback address; the practice workspace is for this machine only")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port == 0 else range(port, min(port + NEXT_PORTS, 65_536)):
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, candidate))
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                raise WorkspaceError(f"port {candidate} on {host} cannot be used: {error.strerror}") from error
            continue
        bound.listen(128)
        return bound
    raise WorkspaceError(f"ports {port} to {port + NEXT_PORTS - 1} on {host} are all taken; choose another with --port")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
