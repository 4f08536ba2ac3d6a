"""Alive, ready, and what a watchdog outside is told: over HTTP on loopback."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from bot.health import LOOP_SILENT_AFTER, Health, HealthServer, Readiness, send_heartbeat, serve

NOW = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)


class Hand:
    """A clock and an answer, both set by the test."""

    def __init__(self) -> None:
        self.now = NOW
        self.ready = Readiness(True, True, (), None)


@pytest.fixture
def served() -> Iterator[tuple[Hand, Health, HealthServer]]:
    hand = Hand()
    health = Health(lambda: hand.now, lambda _now: hand.ready)
    server = serve(health, host="127.0.0.1", port=0)
    deadline = threading.Event()
    while not server.server.started and not deadline.wait(0.01):
        pass
    yield hand, health, server
    server.stop()


def asked(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_alive_only_while_the_loop_turns(served: tuple[Hand, Health, HealthServer]) -> None:
    hand, health, server = served
    assert asked(server, "/healthz")[0] == 503  # it never turned
    health.beat()
    assert asked(server, "/healthz")[0] == 200
    hand.now += LOOP_SILENT_AFTER + timedelta(seconds=1)
    assert asked(server, "/healthz")[0] == 503


@pytest.mark.parametrize(
    ("ready", "says"),
    [
        (Readiness(False, True, (), None), "the database cannot be read"),
        (Readiness(True, False, (), None), "the Slack socket is not connected"),
        (Readiness(True, True, ("SITE-1/edc",), None), "source SITE-1/edc has no recent complete poll"),
        (Readiness(True, True, (), timedelta(minutes=11)), "a notification has waited 660 s"),
        (Readiness(True, True, (), None, unwritable="disk full"), "nothing can be written: disk full"),
    ],
)
def test_not_ready_says_why(served: tuple[Hand, Health, HealthServer], ready: Readiness, says: str) -> None:
    hand, _, server = served
    assert asked(server, "/readyz") == (200, '{"ready":true,"problems":[]}')
    hand.ready = ready
    status, body = asked(server, "/readyz")
    assert status == 503
    assert json.loads(body) == {"ready": False, "problems": [says]}
    hand.ready = Readiness(True, True, (), timedelta(minutes=9))
    assert asked(server, "/readyz")[0] == 200


def test_metrics_in_prometheus_text(served: tuple[Hand, Health, HealthServer]) -> None:
    _, health, server = served
    health.metrics.polls.labels("SITE-1", "edc", "failed").inc()
    status, text = asked(server, "/metrics")
    assert status == 200
    assert 'dsmbot_polls_total{outcome="failed",source="edc",study="SITE-1"} 1.0' in text


def test_a_port_that_is_taken(served: tuple[Hand, Health, HealthServer]) -> None:
    _, health, server = served
    with pytest.raises(OSError, match="in use"):
        serve(health, host="127.0.0.1", port=server.port)


class Watchdog(http.server.BaseHTTPRequestHandler):
    """Counts calls; refuses those to /broken."""

    called: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.called.append(self.path)
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_heartbeat_that_fails_stops_nothing() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), Watchdog)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert send_heartbeat(f"{address}/beat") is True
        assert send_heartbeat(f"{address}/broken") is False
        assert Watchdog.called == ["/beat", "/broken"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert send_heartbeat(f"{address}/beat", timeout=1) is False
    with pytest.raises(ValueError, match="must begin with https"):
        send_heartbeat("file:///etc/passwd")
