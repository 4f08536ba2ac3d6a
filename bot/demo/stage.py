"""The stage: the shipped study on a simulated source, with a time of its own, in a practice workspace."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot import by_arm
from bot.app import Connection, connect, load_studies, now_utc, opened
from bot.config import Secrets
from bot.cycle import Cycle, deliver, run_cycle
from bot.practice import workspace_for
from bot.slack.delivery import DeliveryTiming
from bot.slack.history import Pace
from bot.study import Clock, Study
from bot.views import Mode
from bot.workspace.server import RunningWorkspace, serve
from rules.model import Audience
from storage import alerts, outbox
from storage.alert_records import OpenAlert
from storage.sources.simulated import SimulatedSource

QUICK = DeliveryTiming(
    settle=timedelta(seconds=1.5), settle_critical=timedelta(seconds=1), post=timedelta(0), edit=timedelta(0),
    retry=timedelta(seconds=0.2), retry_most=timedelta(seconds=1), held=timedelta(seconds=1),
    margin=timedelta(seconds=5), apart=timedelta(0),
)  # fmt: skip
"""The practice workspace answers at once and limits nothing, so that nothing has to be waited for."""

FIRST_DOSE = date(2026, 1, 7)
"""A Wednesday: what is crossed so many weeks later is not buried under a Monday's summary."""

MORNING = time(8, 5)
"""When each simulated day is looked at, local: just after the daily note fell due."""


class SimulatedTime:
    """The study's time, moved by the script. Thread-safe enough: one writer."""

    def __init__(self, start: datetime) -> None:
        self.at = start
        self.running = threading.Event()
        self.running.set()
        self.speed = 1.0

    def now(self) -> datetime:
        """The simulated present, aware UTC."""
        return self.at

    def control(self, speed: float) -> None:
        """From the page: 0 pauses, 1 and 10 run."""
        self.speed = speed or self.speed
        if speed:
            self.running.set()
        else:
            self.running.clear()


@dataclass
class Stage:
    """Everything the script acts on.

    Parameters
    ----------
    study, workspace, connection: composed for real.   time: the simulated present.   day: day of the trial, from 0.
    began: that day when monitoring began.
    """

    study: Study
    workspace: RunningWorkspace
    connection: Connection
    time: SimulatedTime
    day: int = 0
    began: int = 0
    polls: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def source(self) -> SimulatedSource:
        """The simulated source."""
        found = next(iter(self.study.sources.values()))
        assert isinstance(found, SimulatedSource)
        return found

    def channel(self, audience: Audience) -> str:
        """Name of an audience's channel."""
        return self.study.config.slack.channels[audience]

    def next_day(self) -> Cycle:
        """One day passes: poll, evaluate, record, deliver."""
        self.day += 1
        zone = self.study.config.plan.timezone
        tomorrow = self.time.at.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
        self.time.at = _morning(tomorrow, zone)
        return self.look()

    def look(self) -> Cycle:
        """One cycle at the simulated present, delivered as far as it can be now."""
        cycle = run_cycle(self.study, self.time.now())
        self.polls += len(cycle.polled)
        if self.counts()["pending"]:
            self.settle(5.0)
        return cycle

    def settle(self, seconds: float) -> bool:
        """Deliver, parents edited too, until nothing waits; False when `seconds` were not enough."""
        until, pause = now_utc() + timedelta(seconds=seconds), threading.Event()
        while True:
            deliver(self.study)
            by_arm.speak(self.study)
            if not self.counts()["pending"]:
                return True
            if now_utc() > until:
                return False
            pause.wait(0.05)

    def counts(self) -> dict[str, int]:
        """Sent, pending and held notifications, those to the board among them."""
        total: Counter[str] = Counter()
        with self.study.database.reading() as conn:
            for side in filter(None, (self.study, self.study.closed)):
                total.update(outbox.counts(conn, side.id))
        return dict(total)

    def open_alerts(self) -> list[OpenAlert]:
        """Alerts that nobody has resolved, oldest first."""
        with self.study.database.reading() as conn:
            return alerts.open_alerts(conn, self.study.id)


@contextmanager
def set_up(*, scenario: str, seed: int, port: int, told: Callable[[str], None], begin: int = 0) -> Iterator[Stage]:
    """Compose the demo over a database that is forgotten afterwards.

    Parameters
    ----------
    scenario, seed: of the simulated trial.   port: wanted for the page; the next free one is taken and said.
    told: is given each line for the terminal.   begin: day of the trial on which monitoring begins.
    """
    with ExitStack() as stack:
        stack.enter_context(_told_once())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dsmbot-demo-")))
        configs = load_studies([_configuration(folder, scenario, seed)], {})
        workspace = serve(workspace_for(configs, seed=seed), port=port)
        stack.callback(workspace.stop)
        if workspace.port != port:
            told(f"Port {port} is in use; the page is on {workspace.port}.")
        simulated = SimulatedTime(_morning(FIRST_DOSE + timedelta(days=begin), configs[0].plan.timezone))
        secrets = Secrets(workspace.bot_token, workspace.app_token, api_url=workspace.base_url)
        clock = Clock(study=simulated.now, wall=now_utc)
        composed = stack.enter_context(opened(configs, mode=Mode.PRACTICE, secrets=secrets, clock=clock))
        connection = connect(composed, secrets, needs_socket=True, timing=QUICK, pace=Pace(page=100, seconds=0))
        stack.callback(connection.close)
        assert connection.link is not None
        connection.link.connect()
        workspace.workspace.on_time_control = simulated.control
        yield Stage(composed.studies[0], workspace, connection, simulated, day=begin, began=begin)


@contextmanager
def _told_once() -> Iterator[None]:
    """slack-sdk logs the connection that the script drops; the script says itself what came of it."""
    theirs = logging.getLogger("slack_sdk.web.base_client")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        theirs.setLevel(before)


def _morning(day: date, zone: str) -> datetime:
    return datetime.combine(day, MORNING, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def example_configuration() -> str:
    """Text of the shipped config.yaml, from the wheel or from a checkout."""
    packaged = files("bot").joinpath("example/config.yaml")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).resolve().parents[2] / "config.yaml").read_text(encoding="utf-8")


def _configuration(folder: Path, scenario: str, seed: int) -> Path:
    """The shipped configuration with a simulated source and a database of its own."""
    config: dict[str, Any] = yaml.safe_load(example_configuration())
    source = {"id": "edc", "kind": "simulated", "scenario": scenario, "seed": seed, "every": "1 s"}
    config["sources"] = [{**source, "start": FIRST_DOSE.isoformat()}]
    config["storage"] = {"url": "sqlite:///demo.db"}
    config["slack"] |= {"repeat": "7 d", "remind": "7 d"}  # a day passes in a quarter of a second
    target = folder / "config.yaml"
    target.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return target
