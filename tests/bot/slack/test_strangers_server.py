"""A Slack-compatible server of somebody else, which does little and ignores much: alerts arrive all the same."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk import WebClient

from bot.slack.delivery import Delivery
from bot.slack.directory import Identity
from bot.slack.history import History, Pace, Place, Reading
from rules.model import Audience, Reason, Urgency
from storage.outbox_rows import Status
from tests.bot.slack.bench import START, STUDY, Bench, bench, crossed


class Other(ThreadingHTTPServer):
    """Keeps messages; knows five methods; ignores oldest, limit and cursor; drops metadata; says nothing of itself."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.drop = 0
        self.numbers = itertools.count(1)
        self.more = False

    def answer(self, method: str, said: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        if method == "auth.test":
            return {"ok": True}
        if method == "chat.postMessage":
            ts = f"{START.timestamp() + next(self.numbers):.6f}"
            kept = {k: said[k] for k in ("text", "blocks", "thread_ts") if k in said}
            self.messages.append({"ts": ts, **kept})
            return {"ok": True, "channel": "C77", "ts": ts}
        if method == "chat.update":
            [one] = [m for m in self.messages if m["ts"] == said["ts"]]
            one.update(text=said["text"], blocks=said["blocks"])
            return {"ok": True, "channel": "C77", "ts": said["ts"]}
        if method in ("conversations.history", "conversations.replies"):
            more = {"has_more": True, "response_metadata": {"next_cursor": "same"}} if self.more else {}
            return {"ok": True, "messages": list(reversed(self.messages)), **more}
        return {"ok": False, "error": "unknown_method"}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Other

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = json.loads(raw) if raw.startswith("{") else dict(parse_qsl(raw))
        answer = self.server.answer(self.path.rsplit("/", 1)[-1], said)
        if self.server.drop and self.path.endswith("chat.postMessage"):
            self.server.drop -= 1
            self.connection.close()
            return
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def other() -> Iterator[Other]:
    server = Other()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def slack(tmp_path: Path, other: Other) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        client = WebClient(
            token="x", base_url=f"http://127.0.0.1:{other.server_port}/api/", retry_handlers=[], timeout=2
        )
        made.delivery = Delivery(made.db, client, {STUDY: made.voice}, pace=Pace(200, 0.0))
        yield made


def test_an_open_alert_arrives_and_is_edited_and_answered_in_its_thread(slack: Bench, other: Other) -> None:
    """Would catch a dependence on lists, flags, scopes or metadata that Slack has and others have not."""
    key = slack.alert()
    slack.run()
    slack.alert(crossed(5, at_n=9), reason=Reason.WORSENED, opens=False)
    slack.run_for(10)
    assert "5 events among the first 9" in other.messages[0]["text"]
    assert [m.get("thread_ts") for m in other.messages] == [None, slack.item(key).ts]
    assert slack.item(key).channel_id == "C77"


def test_a_dropped_answer_is_found_by_its_block_where_metadata_is_not_kept(slack: Bench, other: Other) -> None:
    """Would catch reconciliation that works on Slack only."""
    slack.alert()
    slack.run()
    other.drop = 1
    key = slack.note("x", audience=Audience.OPEN)
    slack.run_for(20)
    assert slack.item(key).status is Status.SENT
    assert len(other.messages) == 2


@pytest.mark.parametrize("urgency", [Urgency.CRITICAL, Urgency.URGENT])
def test_closed_content_is_held_where_a_server_does_not_say_who_reads_along(
    slack: Bench, other: Other, urgency: Urgency
) -> None:
    """Would catch the unknown taken for the safe."""
    key = slack.alert(audience=Audience.CLOSED, urgency=urgency)
    slack.run_for(10)
    assert slack.item(key).status is Status.HELD
    assert not any("first 7" in m["text"] for m in other.messages)


def test_a_cursor_that_never_ends_is_noticed(slack: Bench, other: Other) -> None:
    """Would catch an endless loop over one page."""
    other.more = True
    other.messages.append({"ts": f"{START.timestamp():.6f}", "blocks": [{"block_id": "k"}], "text": "x"})
    history = History(slack.delivery.line.client, Pace(200, 0.0))
    found = history.read(Place("C77"), START, START, Identity())
    assert found.reading is Reading.WHOLE
    assert list(found.by_key) == ["k"]
    assert other.calls.count("conversations.history") == 2


def test_messages_from_before_the_attempt_are_not_ours(slack: Bench, other: Other) -> None:
    """Would catch an old message with the same key, from a database that was made anew, being adopted."""
    from datetime import timedelta

    other.messages.append({"ts": f"{(START - timedelta(hours=1)).timestamp():.6f}", "blocks": [{"block_id": "k"}]})
    found = History(slack.delivery.line.client, Pace(200, 0.0)).read(Place("C77"), START, START, Identity())
    assert found.by_key == {}
