"""`dsmbot run` killed at random moments, under faults of Slack, while the source moves on.

Nothing is replaced: the command, its files, SQLite, Socket Mode and a Slack-compatible server in another process. The
seed fixes what is drawn; when a kill lands is up to the machine, so that each run finds other moments.

Would catch: an alert lost or told twice, a notification for ever pending, an acknowledgement forgotten or counted
twice, a hole in the audit chain, a database that a kill leaves unusable, a start that a dead process keeps out.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.slack.blocks import ActionId
from bot.workspace.errors import WorkspaceError
from bot.workspace.people import INVESTIGATOR
from tests.e2e.conftest import trial_until
from tests.e2e.processes import Bot, Slack, dsmbot, rows, running, until, workspace
from tests.e2e.site import OPEN, QUICK, Site

FIRST_DAY, LAST_DAY = 50, 190
"""Days of the trial between which the source moves: from before any rule is met to after the last event."""

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "accept_then_drop", "probability": 0.08},
    {"kind": "commit_late", "probability": 0.06, "seconds": 0.7},
    {"kind": "stored_then_error", "probability": 0.05},
    {"kind": "rate_limited", "probability": 0.06, "seconds": 1},
    {"kind": "server_error", "probability": 0.06},
    {"kind": "delay", "probability": 0.05, "seconds": 0.4},
)
LATE = {"kind": "commit_late", "probability": 0.02, "seconds": 5.0}
"""Later than delivery waits: a second copy comes about, and has to be found and deleted."""

UNREADABLE = {"kind": "api_error", "probability": 0.02, "methods": ["conversations.replies"], "error": "internal_error"}

WAITING = (
    "SELECT count(*) FROM outbox WHERE status NOT IN ('sent', 'superseded')",
    "SELECT count(*) FROM inbox WHERE applied_at IS NULL",
    "SELECT count(*) FROM study_head WHERE batch_no > evaluated_batch_no",
    """SELECT count(*) FROM outbox o JOIN alert_head h ON h.alert_id = o.alert_id WHERE o.kind = 'parent'
       AND o.status = 'sent' AND (o.rendered_version IS NULL OR o.rendered_version < h.revision)""",
)
"""What is still to be done, as counts."""


@dataclass
class Soak:
    """One study, its kills, and what must hold afterwards."""

    site: Site
    slack: Slack
    draw: random.Random
    kills: int
    acknowledged: set[str] = field(default_factory=set)
    startup: float = 3.0
    killed_while: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Monitoring begins undisturbed: what is met afterwards is news."""
        self.site.write(self.site.day(FIRST_DAY))
        with running(self.site, self.slack) as bot:
            assert bot.watching(), bot.lines
            until(lambda: self._at_rest(), "the beginning was never told")

    def round(self, number: int) -> None:
        """The source moves on, the bot is started, and killed."""
        step = (LAST_DAY - FIRST_DAY) / self.kills
        day = FIRST_DAY + round(step * (number + 1))
        before = self.draw.random() < 0.5
        if before:
            self.site.write(self.site.day(day))
        began = time.monotonic()
        with running(self.site, self.slack) as bot:
            if self.draw.random() < 0.25:
                self._kill_while_it_starts(bot)
                return
            assert bot.watching(), bot.lines
            self.startup = time.monotonic() - began
            if not before:
                self.site.write(self.site.day(day))
            self._kill_while_it_watches(bot)

    def _kill_while_it_starts(self, bot: Bot) -> None:
        threading.Event().wait(self.draw.uniform(0, self.startup))
        self.killed_while["starting"] += 1
        bot.kill()

    def _kill_while_it_watches(self, bot: Bot) -> None:
        if self.draw.random() < 0.2:
            self.slack.remote.fault("socket_loss", seconds=0.3)
        presser = threading.Thread(target=self._press) if self.draw.random() < 0.4 else None
        if presser:
            presser.start()
            if self.draw.random() < 0.5:
                presser.join()  # and the kill lands between the acknowledged envelope and its effect, or after it
        threading.Event().wait(self.draw.choice((0.0, 0.4, 1.5, 3.0)) * self.draw.random())
        self.killed_while["watching"] += 1
        bot.kill()
        if presser:
            presser.join()

    def _press(self) -> None:
        """The investigator acknowledges something; what Slack was told to have arrived must not be forgotten."""
        offered = [message for message in self.slack.remote.messages(OPEN) if _button(message)]
        if offered:
            message = self.draw.choice(offered)
            try:
                outcome = self.slack.remote.click(INVESTIGATOR, OPEN, message["ts"], ActionId.ACKNOWLEDGE)
            except WorkspaceError:  # the button was edited away in between
                return
            if outcome.acked:
                self.acknowledged.add(message["metadata"]["event_payload"]["delivery_key"])

    def drain(self) -> None:
        """Slack behaves again, and the bot comes to rest by itself; then it is stopped as an operator stops it."""
        self.slack.remote.clear_faults()
        with running(self.site, self.slack) as bot:
            assert bot.watching(), bot.lines
            until(lambda: self._at_rest() and not self.slack.remote.duplicates(), "it never came to rest", 900)
            assert bot.terminate() == 0

    def _at_rest(self) -> bool:
        counts = [rows(self.site.database, query) for query in WAITING]
        return all(count == [(0,)] for count in counts) and bool(rows(self.site.database, "SELECT 1 FROM evaluation"))

    # ------------------------------------------------------------------------------------------- what must hold

    def check(self) -> None:
        """Nothing lost, nothing twice, nothing waiting, the chain whole."""
        said = rows(self.site.database, "SELECT delivery_key, kind, alert_id FROM outbox WHERE status = 'sent'")
        assert self.slack.keys() == Counter(key for key, _, _ in said), "one visible message for each notification"
        code, text = dsmbot(self.site, "audit", "verify", "--json")
        assert code == 0, text
        code, text = dsmbot(self.site, "replay", "--as-run", "--json")
        assert (code, json.loads(text)["differences"]) == (0, [])
        self._check_alerts(said)
        self._check_acknowledgements()

    def _check_alerts(self, said: list[tuple[Any, ...]]) -> None:
        found = rows(self.site.database, "SELECT alert_id, rule_id, scope FROM alert")
        parents = Counter(alert for _, kind, alert in said if kind == "parent")
        assert {alert for alert, _, _ in found} == set(parents), "each alert has its parent message"
        assert set(parents.values()) == {1}
        told = {(rule, scope) for _, rule, scope in found}
        assert self._met("--by", "batch") <= told, "an alert was lost"
        assert self._met_in_the_files() <= told, "an alert was lost"

    def _met(self, *arguments: str) -> set[tuple[str, str]]:
        """Rules and scopes that were ever met, by the records as they were stored."""
        code, text = dsmbot(self.site, "replay", *arguments, "--json")
        assert code == 0, text
        return {(f["rule"], f["scope"]) for f in json.loads(text)["findings"] if f["first_crossed_on"]}

    def _met_in_the_files(self) -> set[tuple[str, str]]:
        """Rules and scopes that are met now, by the files alone, read by a program without this history."""
        folder = self.site.folder / "again"
        folder.mkdir()
        again = Site(folder, self.site.trial)
        again.write(self.site.day(LAST_DAY))
        code, text = dsmbot(again, "replay", "--json")
        assert code == 0, text
        met = {
            (f["rule"], f["scope"]) for f in json.loads(text)["findings"] if f["state"] in ("CROSSED", "PROVISIONAL")
        }
        assert met, "the files meet no rule: this test would prove nothing"
        return met

    def _check_acknowledgements(self) -> None:
        """A changed alert asks again, so that one alert may be acknowledged once for each version."""
        query = "SELECT o.delivery_key, r.alert_version FROM outbox o JOIN response r ON r.alert_id = o.alert_id "
        query += "AND r.kind = 'acknowledged' WHERE o.kind = 'parent'"
        counted = Counter(rows(self.site.database, query))
        assert self.acknowledged <= {key for key, _ in counted}, "acknowledged, and forgotten"
        assert set(counted.values()) <= {1}, "acknowledged, and counted twice"


def _button(message: dict[str, Any]) -> bool:
    return ActionId.ACKNOWLEDGE in json.dumps(message.get("blocks") or [])


def soak(
    folder: Path,
    kills: int,
    seed: int,
    faults: tuple[dict[str, Any], ...],
    tell: Callable[[int], None] = lambda _: None,
) -> Soak:
    """Kill, and check; `tell` hears how many kills there were."""
    site = Site(folder, trial_until(LAST_DAY), {"delivery": QUICK})
    with workspace("--seed", str(seed)) as slack:
        played = Soak(site, slack, random.Random(seed), kills)
        played.begin()
        for fault in faults:
            slack.remote.fault(**fault, count=-1)
        for number in range(kills):
            played.round(number)
            tell(number + 1)
        played.drain()
        played.check()
        assert slack.hits("chat.postMessage") > 0, "no fault ever struck"
    return played


def test_fifteen_kills(tmp_path: Path) -> None:
    played = soak(tmp_path, 15, 20260514, FAULTS)
    assert sum(played.killed_while.values()) == 15


@pytest.mark.soak
def test_two_hundred_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(kills: int) -> None:
        if kills % 10 == 0:
            with capsys.disabled():
                sys.stdout.write(f"\r{kills} of 200 kills{'' if kills < 200 else chr(10)}")
                sys.stdout.flush()

    played = soak(tmp_path, 200, 7, (*FAULTS, LATE, UNREADABLE), tell)
    assert sum(played.killed_while.values()) == 200
    assert played.killed_while["starting"] >= 20
