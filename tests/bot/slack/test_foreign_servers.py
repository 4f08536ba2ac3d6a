"""Servers that speak like Slack and are not Slack: what they leave out is unknown, said so, and never guessed.

The server here answers as the public ones do: POST only, no scopes header, channels without sharing flags, people
without guest flags, and 404 without an error code for methods it lacks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
from slack_sdk import WebClient

from bot.app import load_studies
from bot.config import StudyConfig
from bot.slack.directory import Directory
from bot.slack.outcomes import Fate, attempt
from bot.slack.posting import channel_verdict
from bot.slack.preflight import Preflight, examine
from bot.views import Mode
from bot.voice import voice_of
from rules.model import Audience

NOW = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
CHANNELS = {"C1": "sts-calc-safety", "C2": "sts-calc-dsmb", "C3": "sts-calc-pharmacy", "C4": "sts-calc-ops"}
PRIVATE = {"C2", "C3"}


class Foreign:
    """A server that knows the channels of the shipped configuration and everybody who is asked for.

    Parameters
    ----------
    public: channels that are public although they should not be.   members: people in a channel besides the bot.
    """

    def __init__(self) -> None:
        self.public: set[str] = set()
        self.members: dict[str, list[str]] = {}

    def answer(self, method: str, said: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer of a method; None where the server has none."""
        channel = said.get("channel", "")
        answers: dict[str, dict[str, Any]] = {
            "auth.test": {"team_id": "T1", "user": "dsmbot", "user_id": "U0BOT", "bot_id": "B0BOT"},
            "conversations.list": {"channels": [{"id": i, "name": name} for i, name in CHANNELS.items()]},
            "conversations.info": {"channel": self._channel(channel)},
            "conversations.members": {"members": ["U0BOT", *self.members.get(channel, [])]},
            "conversations.history": {"messages": [], "has_more": False},
            "users.info": {"user": {"id": said.get("user"), "team_id": "T1", "deleted": False}},
        }
        found = answers.get(method)
        return {"ok": True, **found} if found else None

    def _channel(self, channel_id: str) -> dict[str, Any]:
        private = channel_id in PRIVATE - self.public
        return {"id": channel_id, "name": CHANNELS.get(channel_id), "is_private": private, "is_member": True}


@contextmanager
def _listening(foreign: Foreign) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            said = {name: values[0] for name, values in parse_qs(body).items()}
            answer = foreign.answer(self.path.rpartition("/")[2], said)
            self._send(200 if answer else 404, answer or {"message": "Not Found"})

        def _send(self, status: int, answer: Mapping[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def foreign() -> Foreign:
    """What the server knows; a test may change it."""
    return Foreign()


@pytest.fixture
def port(foreign: Foreign) -> Iterator[int]:
    """Where the server listens."""
    with _listening(foreign) as number:
        yield number


@pytest.fixture(scope="module")
def config() -> StudyConfig:
    """The shipped configuration, four channels and all."""
    return load_studies([ROOT / "config.yaml"], {})[0]


def _there(port: int) -> WebClient:
    return WebClient(token="token", base_url=f"http://127.0.0.1:{port}/api/", retry_handlers=[])


def _as_slack(port: int) -> WebClient:
    """The same answers under Slack's own name: the server stands as the proxy."""
    return WebClient(
        token="token", base_url="http://slack.com/api/", proxy=f"http://127.0.0.1:{port}", retry_handlers=[]
    )


def _faults(found: Preflight, channel: str) -> tuple[list[str], list[str]]:
    where = f"slack.channels.{channel}"
    problems = [p.problem for p in found.problems if p.where == where]
    return problems, [p.problem for p in found.warnings if p.where == where and "wait" in p.problem]


def test_what_a_foreign_server_never_says_does_not_stop_the_watching(port: int, config: StudyConfig) -> None:
    found = examine([config], _there(port), None, starting=True)
    assert found.problems == ()
    for channel in ("closed", "pharmacy"):
        [warning] = _faults(found, channel)[1]
        assert f"every {channel} message waits" in warning
        assert "another organisation" in warning


def test_restricted_messages_still_wait_there(port: int, config: StudyConfig) -> None:
    directory, voice = Directory(_there(port)), voice_of(config, mode=Mode.LIVE, salt="salt")
    verdicts = {
        audience: channel_verdict(directory, directory.channel_id(reference, NOW), audience, voice)[0]
        for audience, reference in config.slack.channels.items()
    }
    assert {a for a, verdict in verdicts.items() if verdict.allowed} == {Audience.OPEN, Audience.OPS}
    assert verdicts[Audience.CLOSED].unknown


def test_what_a_foreign_server_does_say_still_stops_the_start(port: int, foreign: Foreign, config: StudyConfig) -> None:
    """A public channel or a stranger in it is known to be wrong, whatever else is not said."""
    foreign.public = {"C2"}
    foreign.members = {"C3": ["U0PHARMACIST", "U0SOMEBODY"]}
    found = examine([config], _there(port), None, starting=True)
    assert {p.where for p in found.problems} == {"slack.channels.closed", "slack.channels.pharmacy"}
    assert _faults(found, "closed") == (["the channel is public"], [])
    assert _faults(found, "pharmacy") == (["1 in the channel not on the roster: U0SOMEBODY"], [])


def test_the_same_silence_from_slack_itself_stops_the_start(port: int, config: StudyConfig) -> None:
    found = examine([config], _as_slack(port), None, starting=True)
    assert {p.where for p in found.problems} == {"slack.channels.closed", "slack.channels.pharmacy"}
    assert _faults(found, "closed")[1] == []


def test_a_server_without_socket_mode_is_told_apart_from_no_server(port: int, config: StudyConfig) -> None:
    found = examine([config], _there(port), _there(port), starting=True)
    [problem] = found.problems
    assert problem.where == "SLACK_APP_TOKEN"
    assert "http_404" in problem.problem
    assert "Socket Mode" in problem.fix


def test_an_answer_without_an_error_code_is_named_by_its_status(port: int) -> None:
    """And stays unknown: whoever answered 404 may be a proxy behind which the post was made."""
    found = attempt(lambda: _there(port).chat_postMessage(channel="C1", text="anything"))
    assert (found.fate, found.error) == (Fate.UNKNOWN, "http_404")


def test_a_server_that_lists_no_channels_is_told_apart_from_a_channel_that_does_not_exist(
    port: int, foreign: Foreign, config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch the advice to invite a bot that is in the channel already."""

    def answer(method: str, said: Mapping[str, str]) -> dict[str, Any] | None:
        if method == "conversations.info" and said["channel"].startswith("#"):
            return {"ok": False, "error": "channel_not_found"}
        if method == "conversations.list":
            return {"ok": False, "error": "unknown_method"}
        return Foreign.answer(foreign, method, said)

    monkeypatch.setattr(foreign, "answer", answer, raising=False)
    found = examine([config], _there(port), None, starting=True)
    told = [str(problem) for problem in found.problems if problem.where.startswith("slack.channels")]
    assert len(told) == 4
    assert all("no list of channels (conversations.list: unknown_method)" in one for one in told)
    assert all("Write the channel's id instead of its name" in one for one in told)
