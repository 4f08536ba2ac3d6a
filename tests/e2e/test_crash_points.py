"""A crash between every two steps: what a new process makes of what the old one left.

One short study is played: monitoring begins, a boundary is crossed, somebody acknowledges, the crossing is corrected
away while a serious event comes in and a daily note falls due. A crash is planted at one instruction; the process is
thrown away; a new one opens the same file and goes on. In the end everything must be as if nothing had happened.

Would catch: a side effect before its commit or a commit before its side effect, a row claimed and forgotten, a post
repeated without looking, a click lost between inbox and alert or applied twice, a note of a period skipped or doubled.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from sqlalchemy import URL, Engine, event, select
from sqlalchemy import Connection as SqlConnection

from bot import by_arm
from bot.app import connect, load_studies, opened
from bot.config import Secrets
from bot.cycle import run_cycle
from bot.slack.blocks import ActionId
from bot.slack.filing import FILE
from bot.slack.history import Pace
from bot.study import Clock, Study
from bot.views import Mode
from bot.workspace.people import INVESTIGATOR
from bot.workspace.server import RunningWorkspace, Workspace, serve
from storage import alerts, audit, inbox, outbox, reconcile
from storage.database import Database
from storage.engine import BEGIN
from storage.findings import last_digests
from storage.schema import outbox as outbox_table
from storage.sides import closed_side
from tests.e2e.site import CHANNELS, OPEN, STUDY, Rows, Site

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of slack-sdk


class Crash(BaseException):
    """The process dies here: nothing may catch it and carry on."""


@dataclass
class Hand:
    """The time of everybody, moved by hand: the study's, the delivery's and Slack's."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Play:
    """The study, the workspace that outlives processes, and what is planted."""

    site: Site
    hand: Hand
    workspace: RunningWorkspace
    environment: dict[str, str] = field(default_factory=dict)
    planted: Planted = field(default_factory=lambda: Planted())
    _process: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """A new process: nothing is left of the old one but its file and what it said."""
        self.stop()
        secrets = Secrets(self.workspace.bot_token, self.workspace.app_token, api_url=self.workspace.base_url)
        configs = load_studies([self.site.config], self.environment)
        clock = Clock(study=self.hand.now, wall=self.hand.now)
        composed = self._process.enter_context(opened(configs, mode=Mode.PRACTICE, secrets=secrets, clock=clock))
        self.study: Study = composed.studies[0]
        self.connection = connect(composed, secrets, needs_socket=True, pace=Pace(page=200, seconds=0))
        self._process.callback(self.connection.close)
        self.connection.desk.catch_up()

    def stop(self) -> None:
        self._process.close()
        self._process = ExitStack()

    @property
    def database(self) -> Database:
        return self.study.database

    def quiesce(self) -> None:
        """Turn cycles, half a minute apart, until nothing is to be done; long enough for every wait of delivery."""
        for _ in range(200):
            run_cycle(self.study, self.hand.now())
            by_arm.speak(self.study, None)
            if not self._waiting():
                return
            self.hand.at += timedelta(seconds=5)
        raise AssertionError(f"never came to rest: {self._waiting()}")

    def _waiting(self) -> list[Any]:
        with self.database.reading() as conn:
            later = self.hand.now() + timedelta(days=1)
            return [
                *(
                    f"{n} {name}"
                    for side in (STUDY, closed_side(STUDY))
                    for name, n in outbox.counts(conn, side).items()
                    if n and name != "sent"
                ),
                *inbox.unapplied(conn),
                *reconcile.stale_parents(conn, later),
                *reconcile.stale_notes(conn, later),
            ]

    def sweep(self) -> None:
        """Let the times pass after which second copies are looked for."""
        for minutes in (3, 8, 8):
            self.hand.at += timedelta(minutes=minutes)
            self.quiesce()

    def posted(self) -> list[dict[str, Any]]:
        """Every visible message of the bot, in threads too."""
        return [m for m in self._everything() if (m.get("metadata") or {}).get("event_payload")]

    def files(self) -> list[str]:
        """The name of every visible file, in threads too."""
        return [file["name"] for message in self._everything() for file in message.get("files") or ()]

    def _everything(self) -> list[dict[str, Any]]:
        found = []
        for channel in CHANNELS:
            for message in self.workspace.messages(channel):
                found += self.workspace.thread(channel, message["ts"]) or [message]
        return list({(m["ts"], m["text"]): m for m in found}.values())


# ---------------------------------------------------------------------------------------------------- the four acts


def begins(play: Play) -> None:
    """Monitoring begins with three reactions among seven subjects."""
    play.quiesce()


def crosses(play: Play) -> None:
    """A fourth reaction crosses the boundary."""
    play.quiesce()


def acknowledges(play: Play) -> None:
    """The investigator presses the button, and again if Slack said that it failed.

    A process that dies on a click that was taken is followed by one that finds it in the inbox.
    """
    assert play.connection.link is not None
    if not play.connection.link.connected():
        play.connection.link.connect()
    planted = play.planted
    if not _acknowledged(play):
        assert not planted.taken, "the click was taken in an earlier life, and forgotten"
        lives, told = planted.strikes, len(play.workspace.workspace.ephemeral(INVESTIGATOR))
        outcome = play.workspace.click(INVESTIGATOR, OPEN, parent_of(play, "tolerability")["ts"], ActionId.ACKNOWLEDGE)
        planted.taken = outcome.acked

        def answered() -> bool:
            return _acknowledged(play) and len(play.workspace.workspace.ephemeral(INVESTIGATOR)) > told

        assert play.workspace.workspace.wait_for(lambda: answered() or planted.strikes > lives, 30)
        if planted.strikes > lives:
            raise Crash  # the listener's thread died of it, and with it the process
    play.quiesce()


def corrected(play: Play) -> None:
    """One reaction was milder than it seemed, a serious event is entered, and a daily note is due."""
    play.quiesce()


def _acknowledged(play: Play) -> bool:
    with play.database.reading() as conn:
        return any(a.acknowledgement for a in alerts.open_alerts(conn, STUDY))


def parent_of(play: Play, rule_id: str) -> dict[str, Any]:
    with play.database.reading() as conn:
        (alert,) = [a for a in alerts.open_alerts(conn, STUDY) if a.rule_id == rule_id]
        query = select(outbox_table.c.ts).where(
            outbox_table.c.alert_id == alert.alert_id, outbox_table.c.kind == "parent"
        )
        ts = conn.execute(query).scalar_one()
    (found,) = [m for m in play.workspace.messages(OPEN) if m["ts"] == ts]
    return dict(found)


def _mend(rows: Rows) -> None:
    """P-005's reaction is graded down, and P-003 has a serious related event that ended on a day that never was."""
    for row in rows["AE"]:
        if row["USUBJID"] == "P-005" and row["LESROLE"]:
            row["AETOXGR"] = "1"
            template = row
    serious = {
        "USUBJID": "P-003", "AESEQ": "90", "AESPID": "E90", "AEDECOD": "Syncope", "AETERM": "Syncope", "AESER": "Y",
        "AESHOSP": "Y", "AETOXGR": "3", "LESROLE": "", "LESID": "", "AEENDTC": "2026-02-30",
    }  # fmt: skip
    rows["AE"].append({**template, **serious})


ACTS: tuple[tuple[Callable[[Play], None], int, Callable[[Rows], None] | None], ...] = (
    (begins, 69, lambda _rows: None),
    (crosses, 70, lambda _rows: None),
    (acknowledges, 70, None),
    (corrected, 71, _mend),
)
"""What happens, on which day, and how the files are amended before it (None = they stay)."""


BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Point:
    """One instruction to die at: before or after the n-th call of a function in one life of the process."""

    where: str
    when: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when}-{self.where.removeprefix('bot.')}" + (f"-{self.nth}" if self.nth > 1 else "")


@dataclass
class Planted:
    """Where the process dies, one life after the other: in which act, at which instructions in this order."""

    act: Callable[[Play], None] | None = None
    points: deque[Point] = field(default_factory=deque)
    armed: bool = False
    strikes: int = 0
    taken: bool = False
    calls: int = 0

    def strike(self) -> None:
        self.strikes += 1
        self.calls = 0
        raise Crash

    def reached(self, where: str, when: str) -> None:
        """An instruction is reached: die there if it is its turn."""
        if self.armed and self.points and (self.points[0].where, self.points[0].when) == (where, when):
            self.calls += 1
            if self.calls == self.points[0].nth:
                self.points.popleft()
                self.strike()


def perform(play: Play, planted: Planted) -> None:
    """Play all four acts, starting a new process wherever the crash strikes."""
    play.planted = planted
    play.start()
    for act, day, amend in ACTS:
        play.hand.at = max(play.hand.at, play.site.day(day))
        if amend is not None:
            play.site.write(play.hand.at, amend)
        planted.armed = act is planted.act
        alive = True
        for _ in range(100):
            try:
                if not alive:
                    play.start()
                alive = True
                act(play)
                break
            except Crash:
                alive = False
        planted.armed = False
    play.sweep()


@dataclass(frozen=True)
class Result:
    """All that must not depend on a crash."""

    digests: dict[tuple[str, str], str]
    alerts: Counter[tuple[str, ...]]
    said: Counter[tuple[str, ...]]
    acknowledged: tuple[str, ...]


def result_of(play: Play) -> Result:
    """Check what must always hold, and give what must be equal."""
    with play.database.reading() as conn:
        assert audit.verify(conn, STUDY).ok
        counts = outbox.counts(conn, STUDY)
        assert (counts["pending"], counts["held"]) == (0, 0)
        digests = last_digests(conn, STUDY)
        stored = [alerts.latest(conn, a.alert_id) for a in alerts.open_alerts(conn, STUDY)]
        rows = conn.execute(select(outbox_table).order_by(outbox_table.c.outbox_id)).all()
    visible = Counter(m["metadata"]["event_payload"]["delivery_key"] for m in play.posted())
    assert visible == Counter(row.delivery_key for row in rows if row.kind != FILE), (
        "each row has one visible message, and each message a row"
    )
    assert Counter(play.files()) == Counter(row.content["name"] for row in rows if row.kind == FILE), (
        "each file is in its thread once"
    )
    assert play.workspace.duplicates() == {}
    states = Counter(
        (a.rule_id, a.scope, str(a.episode), *(f"{v.reason.value}:{v.finding.state.value}" for v in a.versions))
        for a in stored
    )
    said = Counter((row.audience, row.kind, str(row.priority), str(row.broadcast)) for row in rows)
    acknowledged = tuple(r.user_id for a in stored for r in a.responses)
    return Result(digests, states, said, acknowledged)


# -------------------------------------------------------------------------------------------------------- fixtures

MakePlay = Callable[..., Play]


@pytest.fixture
def make_play(tmp_path: Path) -> Iterator[MakePlay]:
    """A function that sets the stage anew, on a SQLite file unless another database is given."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def make(url: str = "") -> Play:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            site = Site(folder, every="5 min")
            hand = Hand(site.day(69))
            workspace = stack.enter_context(serve(Workspace(seed=1, clock=hand.now)))
            play = Play(site, hand, workspace, {"DSMBOT_DATABASE_URL": url} if url else {})
            stack.callback(play.stop)
            return play

        yield make


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What comes of the study when nothing crashes."""
    site = Site(tmp_path_factory.mktemp("undisturbed"), every="5 min")
    hand = Hand(site.day(69))
    with serve(Workspace(seed=1, clock=hand.now)) as workspace:
        play = Play(site, hand, workspace)
        perform(play, Planted())
        found = result_of(play)
        play.stop()
    assert found.acknowledged == (INVESTIGATOR,)
    assert {rule for rule, *_ in found.alerts} == {"related-serious", "safety-report", "sponsor-report", "tolerability"}
    return found


# ------------------------------------------------------------------------------------------------ named instructions

POINTS: dict[Callable[[Play], None], tuple[Point, ...]] = {
    begins: (
        Point("bot.cycle.poll_source", AFTER),
        Point("bot.polling.ingest", BEFORE),
        Point("bot.cycle.ingest_batch", AFTER),
        Point("bot.recording.starting_state", AFTER),
        Point("bot.cycle.record", AFTER),
    ),
    crosses: (
        Point("bot.cycle.poll_source", AFTER),
        Point("bot.polling.ingest", BEFORE),
        Point("bot.cycle.ingest_batch", AFTER),
        Point("bot.cycle.snapshot_left", AFTER),
        Point("bot.cycle.evaluate", AFTER),
        Point("bot.recording.advance_head", BEFORE),
        Point("bot.recording.advance_head", AFTER),
        Point("bot.cycle.record", AFTER),
        Point("bot.cycle.watch", AFTER),
        Point("bot.telling.notes.periods.finish", BEFORE),
        Point("bot.telling.notes.periods.finish", AFTER),
        Point("bot.cycle.daily_notes", AFTER),
        Point("bot.slack.delivery.outbox.claim", BEFORE),
        Point("bot.slack.delivery.outbox.claim", AFTER),
        Point("bot.slack.delivery.prepared", AFTER),
        Point("bot.slack.delivery.send", AFTER),
        Point("bot.slack.delivery.outbox.mark_sent", AFTER),
        Point("bot.slack.delivery.Delivery._sent", AFTER),
        Point("bot.slack.delivery.send", AFTER, 2),
        Point("bot.slack.delivery.Delivery._sent", AFTER, 3),
    ),
    acknowledges: (
        Point("bot.slack.desk.Desk.receive", AFTER),
        Point("bot.slack.desk.inbox.applied", BEFORE),
        Point("bot.slack.desk.inbox.applied", AFTER),
        Point("bot.slack.desk.Desk.once", AFTER),
        Point("bot.slack.reconcile.edit", BEFORE),
        Point("bot.slack.reconcile.edit", AFTER),
        Point("bot.slack.reconcile.reconcile.record_edit", AFTER),
    ),
    corrected: (
        Point("bot.cycle.record", AFTER),
        Point("bot.telling.watching.queue", BEFORE),
        Point("bot.telling.watching.queue", AFTER),
        Point("bot.cycle.watch", AFTER),
        Point("bot.telling.notes.periods.finish", AFTER),
        Point("bot.slack.delivery.outbox.claim", AFTER),
        Point("bot.slack.delivery.send", AFTER),
        Point("bot.slack.delivery.Delivery._sent", AFTER, 2),
        Point("bot.slack.delivery.outbox.claim", AFTER, 2),
        Point("bot.slack.reconcile.edit", BEFORE),
        Point("bot.slack.reconcile.edit", AFTER),
        Point("bot.slack.reconcile.reconcile.record_edit", AFTER),
    ),
}
"""Act → the instructions between its steps, in the order in which one life after the other reaches them."""


def plant(monkeypatch: pytest.MonkeyPatch, planted: Planted) -> None:
    """Replace each function that a crash is planted at by itself with the crash before and after it."""
    for where in {point.where for point in planted.points}:
        owner, name = _resolved(where)
        monkeypatch.setattr(owner, name, _mortal(getattr(owner, name), where, planted))


def _mortal(original: Callable[..., Any], where: str, planted: Planted) -> Callable[..., Any]:
    @functools.wraps(original)
    def mortal(*args: Any, **kwargs: Any) -> Any:
        planted.reached(where, BEFORE)
        found = original(*args, **kwargs)
        planted.reached(where, AFTER)
        return found

    return mortal


def _resolved(where: str) -> tuple[Any, str]:
    """The module or class of a dotted name, and the name in it."""
    parts = where.split(".")
    for length in range(len(parts) - 1, 0, -1):
        with suppress(ModuleNotFoundError):
            owner: Any = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:-1]:
                owner = getattr(owner, part)
            return owner, parts[-1]
    raise AssertionError(where)


def _dies_at(
    points: Iterable[Point], act: Callable[[Play], None], play: Play, monkeypatch: pytest.MonkeyPatch
) -> Result:
    planted = Planted(act, deque(points))
    plant(monkeypatch, planted)
    perform(play, planted)
    assert not planted.points, f"never reached: {planted.points}"
    return result_of(play)


@pytest.mark.parametrize("act", list(POINTS), ids=lambda act: act.__name__)
def test_a_process_that_dies_at_every_step_gets_there_in_as_many_lives(
    act: Callable[[Play], None], make_play: MakePlay, undisturbed: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _dies_at(POINTS[act], act, make_play(), monkeypatch) == undisturbed


@pytest.mark.parametrize("act", [crosses, acknowledges], ids=lambda act: act.__name__)
def test_the_same_on_postgresql(
    act: Callable[[Play], None], make_play: MakePlay, undisturbed: Result, monkeypatch: pytest.MonkeyPatch,
    new_postgresql: Callable[[str], URL],
) -> None:  # fmt: skip
    url = new_postgresql("template_dsmbot").render_as_string(hide_password=False)
    assert _dies_at(POINTS[act], act, make_play(url), monkeypatch) == undisturbed


ALONE = [(act, point) for act, points in POINTS.items() for point in points]
QUICKLY = {("crosses", "after-cycle.ingest_batch"), ("crosses", "before-recording.advance_head"),
           ("crosses", "after-slack.delivery.outbox.claim"), ("crosses", "after-slack.delivery.send"),
           ("corrected", "after-slack.reconcile.edit"), ("acknowledges", "after-slack.desk.Desk.receive"),
           ("acknowledges", "after-slack.desk.Desk.once")}  # fmt: skip
"""Those that are tried alone each time; `make soak` tries all of them alone."""


def _marked(act: Callable[[Play], None], point: Point) -> Any:
    marks = () if (act.__name__, str(point)) in QUICKLY else (pytest.mark.soak,)
    return pytest.param(act, point, marks=marks, id=f"{act.__name__}-{point}")


@pytest.mark.parametrize(("act", "point"), [_marked(act, point) for act, point in ALONE])
def test_one_crash_loses_nothing_and_says_nothing_twice(
    act: Callable[[Play], None], point: Point,
    make_play: MakePlay, undisturbed: Result, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert _dies_at([point], act, make_play(), monkeypatch) == undisturbed


def test_a_crossing_that_was_read_and_never_judged_is_told_though_the_source_corrected_it_meanwhile(
    make_play: MakePlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make_play()
    planted = Planted(crosses, deque([Point("bot.cycle.ingest_batch", AFTER)]), armed=True)
    play.site.write(play.hand.now())
    play.start()
    play.quiesce()
    play.hand.at = play.site.day(70)
    play.site.write(play.hand.at)
    with monkeypatch.context() as patch:
        plant(patch, planted)
        with pytest.raises(Crash):
            run_cycle(play.study, play.hand.now())
    play.hand.at += timedelta(minutes=10)
    play.site.write(play.hand.at, _mend)
    play.start()
    play.quiesce()
    with play.database.reading() as conn:
        (alert,) = [a for a in alerts.open_alerts(conn, STUDY) if a.rule_id == "tolerability"]
        states = [version.finding.state.value for version in alerts.latest(conn, alert.alert_id).versions]
    assert states == ["CROSSED", "NEAR"], "the crossing of the batch that the dead process had read, then its end"


# ------------------------------------------------------------------------------------------------ every instruction


class Boundaries(Planted):
    """Every commit and every call of Slack is counted, whatever function makes it; the process dies at one of them.

    Before a commit the transaction is lost; before a call nothing was said; after it Slack has done it and nobody
    here knows. What lies between two of these has no effect outside the process.
    """

    dies_at: int = 0
    passed: int = 0

    def passes(self) -> None:
        if self.armed:
            self.passed += 1
            if self.passed == self.dies_at:
                self.strike()

    def commit(self, conn: SqlConnection) -> None:
        if conn.get_execution_options().get(BEGIN) == "BEGIN IMMEDIATE":
            self.passes()

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = WebClient.api_call

        def mortal(client: WebClient, *args: Any, **kwargs: Any) -> Any:
            self.passes()
            answer = call(client, *args, **kwargs)
            self.passes()
            return answer

        monkeypatch.setattr(WebClient, "api_call", mortal)


@pytest.mark.soak
@pytest.mark.parametrize("act", list(POINTS), ids=lambda act: act.__name__)
def test_a_crash_at_every_commit_and_at_every_call_of_slack(
    act: Callable[[Play], None], make_play: MakePlay, undisturbed: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in itertools.count(1):
        planted = Boundaries(act)
        planted.dies_at = number
        with monkeypatch.context() as patch:
            planted.plant(patch)
            event.listen(Engine, "commit", planted.commit)
            try:
                play = make_play()
                perform(play, planted)
                assert result_of(play) == undisturbed, f"died at {number}"
            finally:
                event.remove(Engine, "commit", planted.commit)
                play.stop()
        if not planted.strikes:
            break
    assert number > 5
