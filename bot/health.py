"""Is it alive, is it ready, and what has it done: HTTP on loopback, and the heartbeat to the outside.

`/healthz` says only that the loop turns. `/readyz` says whether alerts can reach people: database, socket, last
complete poll of each source, age of the oldest notification not yet sent. `/metrics` is Prometheus text.
May not know Slack's payloads or any record.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

if TYPE_CHECKING:
    import uvicorn
    from starlette.requests import Request
    from starlette.responses import Response

log = structlog.get_logger(__name__)

LOOP_SILENT_AFTER = timedelta(minutes=5)
"""A loop that has not turned for this long is not alive."""


@dataclass(frozen=True)
class Readiness:
    """Whether alerts can reach people, and why not.

    Parameters
    ----------
    database, socket: can be used now.
    stale_sources: ids of sources whose last complete poll is older than their `stale_after`.
    oldest_outbox: age of the oldest notification that is due and not sent, or None.
    outbox_limit: age above which deliveries count as stuck.
    unwritable: why nothing can be written, "" when it can.
    """

    database: bool
    socket: bool
    stale_sources: tuple[str, ...]
    oldest_outbox: timedelta | None
    outbox_limit: timedelta = timedelta(minutes=10)
    unwritable: str = ""

    def problems(self) -> list[str]:
        """What is wrong, in words for the person on call; empty when ready."""
        found = []
        if self.unwritable:
            found.append(f"nothing can be written: {self.unwritable}")
        if not self.database:
            found.append("the database cannot be read")
        if not self.socket:
            found.append("the Slack socket is not connected")
        found += [f"source {name} has no recent complete poll" for name in self.stale_sources]
        if self.oldest_outbox is not None and self.oldest_outbox > self.outbox_limit:
            found.append(f"a notification has waited {int(self.oldest_outbox.total_seconds())} s")
        return found


@dataclass
class Metrics:
    """Counters and gauges of one process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        study = ("study",)
        self.polls = Counter(
            "dsmbot_polls_total", "Polls by outcome", ("study", "source", "outcome"), registry=self.registry
        )
        self.evaluations = Counter("dsmbot_evaluations_total", "Evaluations recorded", study, registry=self.registry)
        self.alerts = Counter(
            "dsmbot_alert_versions_total", "Alert versions by reason", ("study", "reason"), registry=self.registry
        )
        self.sent = Counter("dsmbot_notifications_sent_total", "Notifications sent", study, registry=self.registry)
        self.errors = Counter(
            "dsmbot_cycle_errors_total", "Cycles that ended in an error", study, registry=self.registry
        )
        self.pending = Gauge(
            "dsmbot_notifications_pending", "Notifications not yet sent", study, registry=self.registry
        )
        self.held = Gauge(
            "dsmbot_notifications_held", "Notifications held for an operator", study, registry=self.registry
        )
        self.oldest = Gauge(
            "dsmbot_oldest_notification_seconds", "Age of the oldest unsent notification", study, registry=self.registry
        )
        self.last_poll = Gauge(
            "dsmbot_last_complete_poll_timestamp_seconds",
            "Last complete poll",
            ("study", "source"),
            registry=self.registry,
        )
        self.connected = Gauge(
            "dsmbot_socket_connected", "1 while the Slack socket is connected", registry=self.registry
        )


@dataclass
class Health:
    """What the HTTP answers are made from. The loop calls `beat()`; readiness is asked when a request comes.

    Parameters
    ----------
    clock: gives the time as aware UTC.
    readiness: computes `Readiness` at a time.
    metrics: what `/metrics` prints.
    """

    clock: Callable[[], datetime]
    readiness: Callable[[datetime], Readiness]
    metrics: Metrics = field(default_factory=Metrics)
    last_beat: datetime | None = None

    def beat(self) -> None:
        """The loop turned."""
        self.last_beat = self.clock()

    def alive(self) -> bool:
        """True while the loop has turned within `LOOP_SILENT_AFTER`."""
        return self.last_beat is not None and self.clock() - self.last_beat <= LOOP_SILENT_AFTER

    def application(self) -> Any:
        """The ASGI application with the three paths."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
            ]
        )

    def _healthz(self, _request: Request) -> Response:
        from starlette.responses import JSONResponse

        alive = self.alive()
        return JSONResponse({"alive": alive}, status_code=200 if alive else 503)

    def _readyz(self, _request: Request) -> Response:
        from starlette.responses import JSONResponse

        problems = self.readiness(self.clock()).problems()
        return JSONResponse({"ready": not problems, "problems": problems}, status_code=503 if problems else 200)

    def _metrics(self, _request: Request) -> Response:
        from starlette.responses import Response

        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@dataclass
class HealthServer:
    """A running HTTP server on loopback in a thread of its own."""

    server: uvicorn.Server
    thread: threading.Thread
    port: int

    def stop(self) -> None:
        """Stop listening and wait for the thread."""
        self.server.should_exit = True
        self.thread.join(timeout=5)


def serve(health: Health, *, host: str, port: int) -> HealthServer:
    """Listen on `host:port` (0 = any free port).

    Raises
    ------
    OSError: the port is taken; the message names it.
    """
    import socket

    import uvicorn

    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    config = uvicorn.Config(health.application(), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="health", daemon=True)
    thread.start()
    return HealthServer(server, thread, sock.getsockname()[1])


def send_heartbeat(url: str, *, timeout: float = 10.0) -> bool:
    """Call the outside watchdog: evaluated and delivered. Returns whether it answered.

    A heartbeat that fails is logged and never stops a cycle: the watchdog's own silence is the alarm.
    Only http and https are called.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError("heartbeat_url must begin with https:// or http://")
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - scheme checked above
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError) as problem:
        log.warning("heartbeat.failed", reason=type(problem).__name__)
        return False
