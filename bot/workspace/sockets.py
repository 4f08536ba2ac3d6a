"""Socket Mode: the connections of the bot, envelopes out, acknowledgements in, redelivery of what nobody acknowledged.

Sources: https://docs.slack.dev/apis/events-api/using-socket-mode (hello, envelopes, disconnect, at most ten
connections, each payload to any one of them) and https://docs.slack.dev/apis/events-api (retries: at once, after a
minute, after five). Everything here runs on the server's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace.errors import ApiError
from bot.workspace.people import APP_ID

MOST_CONNECTIONS = 10
EVENTS = "events_api"
REFRESH = "refresh_requested"


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of one envelope: acknowledged in time or not, and the payload that came with it."""

    acked: bool
    payload: dict[str, Any] = field(default_factory=dict)


class Hub:
    """All Socket Mode connections of the app.

    Parameters
    ----------
    seed: of the choice among connections.
    ack_seconds: time to acknowledge an envelope.
    retry_after: seconds before each redelivery of an unacknowledged event.
    changed: called when a connection comes or goes.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        ack_seconds: float = 3.0,
        retry_after: Sequence[float] = (0.0, 60.0, 300.0),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - spreads envelopes over connections, keeps no secret
        self._ack_seconds = ack_seconds
        self._retry_after = tuple(retry_after)
        self._changed = changed
        self._tickets: set[str] = set()
        self._open: dict[int, WebSocket] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lost_until = 0.0
        self._number = 0
        self.phantoms = 0
        """Connections of an imagined second process, counted in hello."""
        self.repeats: dict[str, int] = {}
        """Kind of envelope → how many of the next ones are delivered twice."""
        self.delivered: list[dict[str, Any]] = []
        """Every envelope sent, redeliveries too, in order."""

    @property
    def connections(self) -> int:
        """Open connections, an imagined second process's among them."""
        return len(self._open) + self.phantoms

    def ticket(self) -> str:
        """A one-time ticket for a new connection; raises ApiError while the socket is lost."""
        if asyncio.get_running_loop().time() < self._lost_until:
            raise ApiError("internal_error")
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, websocket: WebSocket) -> None:
        """Carry one connection from its ticket to its end."""
        ticket = websocket.query_params.get("ticket", "")
        lost = asyncio.get_running_loop().time() < self._lost_until
        if ticket not in self._tickets or lost or len(self._open) >= MOST_CONNECTIONS:
            await websocket.close(code=1008)
            return
        self._tickets.discard(ticket)
        await websocket.accept()
        self._number += 1
        number = self._number
        self._open[number] = websocket
        self._changed()
        try:
            await websocket.send_json(self._hello(number))
            await self._receive(websocket)
        finally:
            self._open.pop(number, None)
            self._changed()

    async def _receive(self, websocket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # RuntimeError: closed by us in between
            while True:
                body = await websocket.receive_json()
                waiting = self._waiting.get(str(body.get("envelope_id")))
                if waiting is not None and not waiting.done():
                    waiting.set_result(body.get("payload") or {})

    def _hello(self, number: int) -> dict[str, Any]:
        debug = {"host": f"practice-{number}", "build_number": 1, "approximate_connection_time": 18_060}
        return {
            "type": "hello",
            "num_connections": self.connections,
            "debug_info": debug,
            "connection_info": {"app_id": APP_ID},
        }

    async def deliver(self, kind: str, payload: dict[str, Any], *, accepts_payload: bool = False) -> Ack:
        """Send one envelope to any one connection and wait for its acknowledgement.

        An event that nobody acknowledges is sent again later, as Slack does; an interaction is not.
        """
        envelope = {
            "envelope_id": secrets.token_hex(16),
            "type": kind,
            "accepts_response_payload": accepts_payload,
            "payload": payload,
        }
        if kind == EVENTS:
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        ack = await self._attempt(envelope)
        if not ack.acked and kind == EVENTS:
            self._later(self._redeliver(envelope))
        elif self.repeats.get(kind, 0) > 0:
            self.repeats[kind] -= 1
            self._later(self._attempt(_again(envelope, 1)))
        return ack

    async def _redeliver(self, envelope: dict[str, Any]) -> None:
        for attempt, pause in enumerate(self._retry_after, start=1):
            await asyncio.sleep(pause)
            if (await self._attempt(_again(envelope, attempt))).acked:
                return

    async def _attempt(self, envelope: dict[str, Any]) -> Ack:
        websocket = self._choose()
        if websocket is None:
            return Ack(acked=False)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        self.delivered.append(envelope)
        try:
            await websocket.send_json(envelope)
            return Ack(acked=True, payload=await asyncio.wait_for(waiting, self._ack_seconds))
        except (TimeoutError, WebSocketDisconnect, RuntimeError):  # RuntimeError: the socket closed while sending
            return Ack(acked=False)
        finally:
            self._waiting.pop(envelope["envelope_id"], None)

    def _choose(self) -> WebSocket | None:
        return self._random.choice(list(self._open.values())) if self._open else None

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def disconnect(self, reason: str = REFRESH) -> None:
        """Ask every connection to reconnect, as Slack does some minutes before it closes one, then close those.

        One that is asked to go gets no further envelope and is not counted beside its successor.
        """
        told = dict(self._open)
        self._open.clear()
        for websocket in told.values():
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "practice"}})
        await asyncio.sleep(0.05)
        await self._close(told)

    async def lose(self, seconds: float) -> None:
        """Close every connection without a word and take no new one for some seconds."""
        self._lost_until = asyncio.get_running_loop().time() + seconds
        await self._close(dict(self._open))

    async def _close(self, these: dict[int, WebSocket]) -> None:
        for number, websocket in these.items():
            self._open.pop(number, None)
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close(code=1012)
        self._changed()

    async def stop(self) -> None:
        """Close everything and forget redeliveries."""
        for task in list(self._tasks):
            task.cancel()
        await self._close(dict(self._open))


def _again(envelope: dict[str, Any], attempt: int) -> dict[str, Any]:
    """The same payload in a new envelope: a late acknowledgement of the first does not count for the second."""
    fresh = {**envelope, "envelope_id": secrets.token_hex(16)}
    return fresh | ({"retry_attempt": attempt, "retry_reason": "timeout"} if envelope["type"] == EVENTS else {})
