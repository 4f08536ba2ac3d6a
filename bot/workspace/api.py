"""The Web API over HTTP: from request to answer, with authentication, scopes, rate limits and faults.

Source: https://docs.slack.dev/apis/web-api (forms and JSON, tokens, answers) and
https://docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.slack import limits
from bot.workspace.errors import ApiError
from bot.workspace.faults import Fault, FaultKind
from bot.workspace.methods import chat, conversations, files, platform, users, views
from bot.workspace.methods.call import METHODS, Call, Method
from bot.workspace.workspace import Workspace

FAMILIES = (chat, conversations, files, platform, users, views)
"""Imported for what they register in `METHODS`."""

BURST = 5
"""Messages a channel takes at once before one a second is enforced †."""


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Api:
    """The Web API of one workspace.

    Parameters
    ----------
    workspace: what the calls read and change.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._allowance: dict[str, tuple[float, float]] = {}
        self._late: set[asyncio.Task[Response]] = set()
        self.calls: list[str] = []
        """Every method called, in order: what a test holds against the manifest's scopes."""

    async def answer(self, request: Request) -> Response:
        """Answer one request. Raises `Dropped` where a fault closes the connection instead."""
        name = request.path_params["method"]
        self.calls.append(name)
        try:
            arguments = await read_arguments(request)
        except ApiError as error:
            return self._json(error.body())
        fault = self.workspace.faults.draw(name, self._channel(arguments))
        if fault is not None:
            return await self._faulty(fault, name, request, arguments)
        return self._run(name, request, arguments)

    def _channel(self, arguments: Mapping[str, Any]) -> str:
        reference = str(arguments.get("channel") or "")
        found = self.workspace.directory.channel(reference) if reference else None
        return found.id if found else reference

    async def _faulty(self, fault: Fault, name: str, request: Request, arguments: Mapping[str, Any]) -> Response:
        if fault.kind is FaultKind.RATE_LIMITED:
            return self._too_many(math.ceil(fault.seconds))
        if fault.kind is FaultKind.SERVER_ERROR:
            return Response(HTTPStatus(fault.status).phrase, fault.status, media_type="text/plain")
        if fault.kind is FaultKind.API_ERROR:
            return self._json(planned_error(fault.error).body())
        if fault.kind is FaultKind.COMMIT_LATE:
            task = asyncio.create_task(self._after(fault.seconds, name, request, arguments))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return await asyncio.shield(task)
        response = self._run(name, request, arguments)
        if fault.kind is FaultKind.ACCEPT_THEN_DROP:
            raise Dropped
        if fault.kind is FaultKind.STORED_THEN_ERROR:
            return self._json({"ok": False, "error": fault.error})
        await asyncio.sleep(fault.seconds)
        return response

    async def _after(self, seconds: float, name: str, request: Request, arguments: Mapping[str, Any]) -> Response:
        await asyncio.sleep(seconds)
        return self._run(name, request, arguments)

    def _run(self, name: str, request: Request, arguments: Mapping[str, Any]) -> Response:
        method = METHODS.get(name)
        if method is None:
            return self._json({"ok": False, "error": "unknown_method", "req_method": name})
        try:
            call = Call(self.workspace, arguments, self._authenticate(method, request, arguments))
            for scope in method.scopes:
                call.need(scope)
            if (wait := self._wait(name, arguments)) > 0:
                return self._too_many(math.ceil(wait))
            with self.workspace.lock:
                return self._json({"ok": True, **method.run(call)}, method)
        except ApiError as error:
            return self._json(error.body(), method)

    def _authenticate(self, method: Method, request: Request, arguments: Mapping[str, Any]) -> str:
        kinds = {self.workspace.bot_token: "bot", self.workspace.app_token: "app"}
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else str(arguments.get("token") or "")
        if method.token == "none":  # noqa: S105 - a kind of token
            return kinds.get(token, "none")
        if not token:
            raise ApiError("not_authed")
        if token not in kinds:
            raise ApiError("invalid_auth")
        if method.token not in ("any", kinds[token]):
            raise ApiError("not_allowed_token_type")
        return kinds[token]

    def _wait(self, name: str, arguments: Mapping[str, Any]) -> float:
        """Seconds until this post is allowed: one a second and channel after a short burst; 0 = go on."""
        if not self.workspace.rate_limits or name != "chat.postMessage":
            return 0.0
        now, channel = self.workspace.clock().timestamp(), self._channel(arguments)
        left, at = self._allowance.get(channel, (float(BURST), now))
        left = min(float(BURST), left + (now - at) / limits.POST_SECONDS)
        self._allowance[channel] = (left - 1 if left >= 1 else left, now)
        return 0.0 if left >= 1 else (1 - left) * limits.POST_SECONDS

    def _too_many(self, seconds: int) -> Response:
        headers = {"retry-after": str(seconds)}
        return JSONResponse({"ok": False, "error": "ratelimited"}, HTTPStatus.TOO_MANY_REQUESTS, headers)

    def _json(self, body: dict[str, Any], method: Method | None = None) -> Response:
        headers = {"x-oauth-scopes": ",".join(self.workspace.scopes)}
        if method is not None and method.scopes:
            headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        return JSONResponse(body, headers=headers)


def planned_error(code: str) -> ApiError:
    """An error answer as a fault asks for it; `invalid_blocks` names a place, as Slack's does."""
    if code != "invalid_blocks":
        return ApiError(code)
    line = "unsupported type: planned_fault [json-pointer:/blocks/0]"
    return ApiError(code, errors=[line], response_metadata={"messages": [f"[ERROR] {line}"]})


async def read_arguments(request: Request) -> dict[str, Any]:
    """The arguments of a request: query, then form or JSON body. Raises ApiError `invalid_json` and others."""
    arguments: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return arguments
    if kind == "application/json":
        try:
            parsed = json.loads(body)
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(parsed, dict):
            raise ApiError("json_not_object")
        return arguments | parsed
    if kind == "application/x-www-form-urlencoded":
        return arguments | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    raise ApiError("invalid_form_data" if kind else "missing_post_type")
