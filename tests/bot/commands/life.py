"""A study that lives: composed as `dsmbot run` composes it, its time moved by hand, clicks over a real socket."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from bot.app import Connection, connect, now_utc, opened
from bot.config import Secrets
from bot.cycle import Cycle, deliver, run_cycle
from bot.demo.stage import QUICK
from bot.slack.blocks import ActionId, Choice
from bot.slack.history import Pace
from bot.study import Clock, Study
from bot.views import Mode
from storage import outbox
from tests.bot.commands.site import CHANNELS, Site, events

START = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)


@dataclass
class Life:
    """A composed study and the hand on its clock."""

    site: Site
    study: Study
    connection: Connection
    hand: list[datetime]

    def put(self, *rows: Mapping[str, str], dm: pd.DataFrame | None = None) -> None:
        """Write AE, and DM where it is given, long ago in the study's time."""
        written = [self.site.write("ae.csv", events(*rows))]
        written += [self.site.write("dm.csv", dm)] if dm is not None else []
        for path in written:
            os.utime(path, (0, 0))

    def cycle(self, **later: float) -> Cycle:
        """One cycle after some time (as of timedelta); everything is delivered when it returns."""
        self.hand[0] += timedelta(**later)
        found = run_cycle(self.study, self.hand[0], sources=self.study.sources.values())
        self.settle()
        return found

    def settle(self) -> None:
        """Deliver until nothing waits."""
        pause = threading.Event()
        for _ in range(200):
            deliver(self.study)
            with self.study.database.reading() as conn:
                if not outbox.counts(conn, self.study.id)["pending"]:
                    return
            pause.wait(0.02)
        raise AssertionError("messages still wait")

    def press(self, who: str, message: Mapping[str, Any], action: ActionId, choice: Choice | None = None) -> Any:
        """A person presses a button, or chooses in the menu; what follows is delivered."""
        value = None
        if choice is not None:
            found = [e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"] if "options" in e]
            options = [option["value"] for element in found for option in element["options"]]
            value = next(option for option in options if option.split("|")[0].split(":")[0] == choice.value)
        done = self.site.workspace.click(who, CHANNELS["open"], message["ts"], action.value, value, settle=0.5)
        self.settle()
        return done


@contextmanager
def life(site: Site, start: datetime = START, mode: Mode = Mode.LIVE, **secrets: Any) -> Iterator[Life]:
    """Compose a site's study over its database and connect it; closed at the end."""
    hand = [start]
    workspace = site.workspace
    given = Secrets(workspace.bot_token, workspace.app_token, api_url=workspace.base_url, **secrets)
    clock = Clock(study=lambda: hand[0], wall=now_utc)
    with opened([site.study()], mode=mode, secrets=given, clock=clock) as composed:
        connection = connect(composed, given, needs_socket=True, timing=QUICK, pace=Pace(page=100, seconds=0))
        assert connection.link is not None
        connection.link.connect()
        try:
            yield Life(site, composed.studies[0], connection, hand)
        finally:
            connection.close()
