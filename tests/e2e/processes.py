"""Processes as an operator has them: a practice workspace that stays, and `dsmbot run` that is stopped and killed."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bot.workspace.remote import RemoteWorkspace
from tests.e2e.site import CHANNELS, Site

T = TypeVar("T")
PATIENCE = 180.0
"""Seconds: a deadline for a machine that has much else to do, never a time that is waited out."""


def until(true: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Ask until something holds, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return found


class Slack:
    """A practice workspace in a process of its own."""

    def __init__(self, found: Mapping[str, str], process: subprocess.Popen[str]) -> None:
        self.found, self.process = found, process
        self.remote = RemoteWorkspace(found["origin"], found["control_key"], timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """What `dsmbot` needs to reach it."""
        return {
            "SLACK_BOT_TOKEN": self.found["bot_token"],
            "SLACK_APP_TOKEN": self.found["app_token"],
            "SLACK_API_URL": self.found["base_url"],
        }

    def posted(self) -> list[dict[str, Any]]:
        """Every visible message of the bot that bears a delivery key, those in threads too."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for channel in CHANNELS:
            for message in self.remote.messages(channel):
                for one in self.remote.thread(channel, message["ts"]) or [message]:
                    if (one.get("metadata") or {}).get("event_payload"):
                        found[channel, one["ts"]] = one
        return list(found.values())

    def keys(self) -> Counter[str]:
        """Delivery key → how many visible messages bear it."""
        return Counter(message["metadata"]["event_payload"]["delivery_key"] for message in self.posted())

    def hits(self, method: str = "chat.postMessage") -> int:
        """How many faults struck calls of a method."""
        return sum(name == method for _, name in self.remote.hits())


@contextmanager
def workspace(*arguments: str) -> Iterator[Slack]:
    """A practice workspace in its own process, ended with the block."""
    command = [sys.executable, "-m", "bot.workspace", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Slack(json.loads(process.stdout.readline()), process)
        finally:
            process.kill()


class Bot:
    """`dsmbot run` in a process of its own; what it writes to stderr is kept.

    Parameters
    ----------
    site, slack: what it watches, and whom it tells.
    """

    def __init__(self, site: Site, slack: Slack) -> None:
        environment = {**_clean_environment(), **slack.environment}
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from bot.cli import app; app()", "run", "-c", str(site.config)],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, cwd=site.folder,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def said(self, text: str) -> list[str]:
        """Lines on stderr that contain a text."""
        return [line for line in self.lines if text in line]

    def watching(self) -> bool:
        """Wait until it watches. False when it ended before."""
        until(lambda: self.said("Watching ") or self.process.poll() is not None, f"watching; said {self.lines}")
        return bool(self.said("Watching "))

    @property
    def health(self) -> str:
        """Address of its health server."""
        found = re.search(r"health on (127\.0\.0\.1:\d+)", self.said("Watching ")[0])
        assert found
        return f"http://{found[1]}"

    def ready(self) -> tuple[int, list[str]]:
        """Status and problems of /readyz."""
        try:
            with urllib.request.urlopen(f"{self.health}/readyz", timeout=60) as answer:
                return answer.status, json.load(answer)["problems"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["problems"]

    def kill(self) -> None:
        """SIGKILL: not one instruction more."""
        self.process.kill()
        self._ended()

    def terminate(self) -> int:
        """SIGTERM, and the exit code once it has ended."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(10)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


@contextmanager
def running(site: Site, slack: Slack) -> Iterator[Bot]:
    """`dsmbot run`, killed at the end of the block if it is still there."""
    bot = Bot(site, slack)
    try:
        yield bot
    finally:
        if bot.process.poll() is None:
            bot.kill()


def dsmbot(site: Site, *arguments: str) -> tuple[int, str]:
    """One command on a site: its exit code and what it wrote to stdout."""
    command = [sys.executable, "-c", "from bot.cli import app; app()", *arguments, "-c", str(site.config)]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=site.folder,
        env=_clean_environment(),
        timeout=PATIENCE,
        check=False,
    )
    return ended.returncode, ended.stdout


def _clean_environment() -> dict[str, str]:
    """Without what a person has set for their own Slack, and with compiled modules kept: many starts follow."""
    ours = ("SLACK_", "DSMBOT_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def rows(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Read a SQLite file that another process may be writing; [] while there is nothing to read."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as conn:
            return list(conn.execute(query, values))
    except sqlite3.OperationalError:
        return []
