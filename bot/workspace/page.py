"""The page's own HTTP: the one-time link, the session, what one person sees, live changes, and what they do.

The same addresses serve `bot.workspace.remote` with the control key in place of a session. All of them speak JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from bot.workspace import actions, screen
from bot.workspace.errors import ApiError, WorkspaceError
from bot.workspace.workspace import Workspace

STATIC = Path(__file__).parent / "static"
KEEP_ALIVE = 15.0
PICTURES = ("image/png", "image/jpeg", "image/gif")
"""Shown in place; everything else is saved, never opened."""
USED = (
    "This link was already used, or is not one of ours. A link opens the page once: "
    "look for the newest one in the terminal, or start again."
)


class Page:
    """The page of one workspace.

    Parameters
    ----------
    workspace: what it shows.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.control_key = secrets.token_urlsafe(24)
        self._keys: set[str] = set()
        self._sessions: set[str] = set()
        self._stopped = False
        self._streams: set[Callable[[dict[str, Any]], None]] = set()

    def routes(self) -> list[BaseRoute]:
        """All addresses of the page."""
        return [
            Route("/", self._index),
            Route("/static/{name}", self._static),
            Route("/archives/{channel}/{message}", self._permalink),
            Route("/page/state", self._state),
            Route("/page/events", self._events),
            Route("/page/read/{what}", self._read),
            Route("/page/file/{file}", self._file),
            Route("/page/do/{what}", self._do, methods=["POST"]),
        ]

    def issue_key(self) -> str:
        """A key for one visit."""
        key = secrets.token_urlsafe(24)
        self._keys.add(key)
        return key

    def has_control_key(self, authorization: str) -> bool:
        """Whether a request bears the key for other processes."""
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.control_key}".encode())

    def has_session(self, cookie: str) -> bool:
        """Whether a Cookie header names a session that began with a one-time key."""
        try:
            morsel = SimpleCookie(cookie).get(self._cookie_name())
        except CookieError:
            return False
        return morsel is not None and morsel.value in self._sessions

    def stop(self) -> None:
        """End every stream of changes, so that the server can end."""
        self._stopped = True
        loop = self.workspace.loop
        for send in list(self._streams):
            if loop is not None:
                loop.call_soon_threadsafe(send, {"type": "stopping"})

    def _cookie_name(self) -> str:
        return f"practice_{urlsplit(self.workspace.origin).port}"

    async def _index(self, request: Request) -> Response:
        key = request.query_params.get("key")
        if key is None:
            if self.has_session(request.headers.get("cookie", "")):
                return FileResponse(STATIC / "index.html", media_type="text/html")
            return HTMLResponse(_plain_page(USED), 403)
        if key in self._keys:
            self._keys.discard(key)
            session = secrets.token_urlsafe(24)
            self._sessions.add(session)
            response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie_name(), session, httponly=True, samesite="strict", path="/")
            return response
        if self.has_session(request.headers.get("cookie", "")):
            return RedirectResponse("/", 303)
        return HTMLResponse(_plain_page(USED), 403)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        types = {"app.css": "text/css", "app.js": "text/javascript"}
        if name not in types:
            return PlainTextResponse("There is no such file.", 404)
        return FileResponse(STATIC / name, media_type=types[name])

    async def _permalink(self, request: Request) -> Response:
        ts = request.path_params["message"].removeprefix("p")
        return RedirectResponse(f"/#{request.path_params['channel']}/{ts[:-6]}.{ts[-6:]}", 303)

    async def _state(self, request: Request) -> Response:
        try:
            return JSONResponse(screen.state(self.workspace, request.query_params.get("as", "")))
        except WorkspaceError as error:
            return JSONResponse({"error": str(error)}, 404)

    async def _file(self, request: Request) -> Response:
        try:
            file = screen.file(self.workspace, request.query_params.get("as", ""), request.path_params["file"])
        except WorkspaceError as error:
            return JSONResponse({"error": str(error)}, 404)
        inline = "inline" if file.mimetype in PICTURES else f'attachment; filename="{file.id}"'
        return Response(file.content, media_type=file.mimetype, headers={"content-disposition": inline})

    async def _read(self, request: Request) -> Response:
        return await self._carried_out(actions.READS, request.path_params["what"], dict(request.query_params))

    async def _do(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return JSONResponse({"error": "The request is not a JSON object."}, 400)
        return await self._carried_out(actions.ACTIONS, request.path_params["what"], body)

    async def _carried_out(self, table: dict[str, actions.Act], what: str, body: dict[str, Any]) -> Response:
        act = table.get(what)
        if act is None:
            return JSONResponse({"error": f"There is no {what!r}; there are: {', '.join(table)}."}, 404)
        try:
            return JSONResponse(await run_in_threadpool(act, self.workspace, body))
        except KeyError as error:
            return JSONResponse({"error": f"{what} needs {error}."}, 400)
        except (WorkspaceError, ApiError, ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 409)

    async def _events(self, request: Request) -> Response:
        try:
            viewer = screen.viewer_named(self.workspace, request.query_params.get("as", ""))
        except WorkspaceError as error:
            return JSONResponse({"error": str(error)}, 404)
        return StreamingResponse(self._stream(viewer), media_type="text/event-stream")

    async def _stream(self, viewer: str) -> AsyncIterator[str]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any]]()

        def heard(change: dict[str, Any]) -> None:
            shown = screen.change(self.workspace, viewer, change)
            if shown is not None:
                loop.call_soon_threadsafe(queue.put_nowait, shown)

        stop = self.workspace.listen(heard)
        self._streams.add(queue.put_nowait)
        try:
            yield "retry: 1000\ndata: {}\n\n"
            while not self._stopped:
                with contextlib.suppress(TimeoutError):
                    shown = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
                    yield f"data: {json.dumps(shown)}\n\n"
                    continue
                yield ": still here\n\n"
        finally:
            stop()
            self._streams.discard(queue.put_nowait)


def _plain_page(text: str) -> str:
    return f'<!doctype html><html lang="en"><title>SIMULATED · DSMBot practice</title><p>{text}</p></html>'
