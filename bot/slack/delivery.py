"""The outbox speaks to Slack: at least once, reconciled to once, one queue a channel.

Commit the attempt, post once without the SDK's own retries, store where it landed. Whatever cannot be known is
looked up in the channel before it is done again (`reconcile`); whatever a person must mend is held and told to
ops (`troubles`); a channel that must wait holds up no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from slack_sdk import WebClient

from bot.slack.filing import FILE, Filed
from bot.slack.history import Pace
from bot.slack.line import DeliveryReport, DeliveryTiming, Line, Tally
from bot.slack.outcomes import Fate, Outcome
from bot.slack.posting import Rendered, audience_verdict, prepared, send
from bot.slack.reconcile import edit_parents, look_at, look_up, repost, sweep
from bot.slack.troubles import LOOK_FIRST, Troubles
from bot.views import OpsKind
from bot.voice import Voice
from storage import outbox
from storage.database import Database
from storage.errors import DatabaseUnavailable, StaleWriter
from storage.outbox_rows import Item

__all__ = ["Delivery", "DeliveryReport", "DeliveryTiming"]

log = structlog.get_logger(__name__)

ROUNDS = 50
"""Claims in one run: a long queue does not keep edits and look-ups waiting for ever."""

_ROW_ERRORS = frozenset({"msg_too_long", "no_text", "invalid_arguments", "invalid_arg_name", "too_many_attachments"})
"""Refusals that one row is to blame for, not its channel."""


@dataclass
class Step:
    """One row on its way."""

    item: Item
    channel_id: str
    now: datetime


class Delivery:
    """Delivers the outbox of some studies through one Slack app.

    Parameters
    ----------
    db: open for writing.   client: `WebClient(retry_handlers=[])`.   voices: study id → voice.
    timing: waiting times.   pace: of reading history, as `check` measured it.
    probed: studies whose closed channel is looked at although nothing may wait for it (`Troubles.probe`).
    quiet: see `Line`.
    """

    def __init__(
        self,
        db: Database,
        client: WebClient,
        voices: Mapping[str, Voice],
        *,
        timing: DeliveryTiming | None = None,
        pace: Pace | None = None,
        probed: Collection[str] = (),
        quiet: bool = False,
    ) -> None:
        self.line = Line(db, client, voices, timing or DeliveryTiming(), pace or Pace(), quiet=quiet)
        self.troubles = Troubles(self.line, probed)
        self.wake = threading.Event()
        """Set it when something was queued or answered: the loop then does not wait out its interval."""
        self._one_at_a_time = threading.Lock()
        self._started = False

    def run_once(self, now: datetime, stop: threading.Event | None = None) -> DeliveryReport:
        """Do everything that is due: look up, post, edit, sweep.

        Parameters
        ----------
        now: aware UTC, in the time that Slack lives in.
        stop: when set, nothing new is begun; the post in flight is finished and recorded.

        Raises
        ------
        StorageError: the database cannot be used; nothing was lost.
        """
        with self._one_at_a_time:
            self.line.tally = Tally()
            self._recover(now)
            steps: tuple[Callable[[], None], ...] = (
                lambda: look_up(self.line, self.troubles, now) if self._anything_open() else None,
                lambda: self.troubles.probe(now),
                lambda: self.troubles.retry(now),
                lambda: self._post_due(now, stop),
                lambda: edit_parents(self.line, now),
                lambda: sweep(self.line, now),
            )
            for step in steps:
                if stop is None or not stop.is_set():
                    step()
            return self.line.tally.report(self._again_at(now))

    def run(
        self, clock: Callable[[], datetime], stop: threading.Event, *, interval: float = 1.0,
        heard: Callable[[DeliveryReport], None] | None = None,
    ) -> None:  # fmt: skip
        """Deliver until `stop` is set; the post in flight is finished.

        Parameters
        ----------
        clock: gives the time as aware UTC.   interval: seconds between runs unless `wake` is set.
        heard: is given every report.
        """
        while not stop.is_set():
            self.wake.clear()
            report = self.run_once(clock(), stop)
            if heard is not None:
                heard(report)
            self.wake.wait(interval)

    def _anything_open(self) -> bool:
        """A look that takes no lock: the loop comes by twice a second, and mostly nothing waits."""
        with self.line.db.reading() as conn:
            return outbox.anything_open(conn, self.line.studies)

    def _recover(self, now: datetime) -> None:
        if self._started and not self._anything_open():
            return
        with self.line.db.writing() as conn:
            outbox.recover(conn, now, study_ids=self.line.studies, everything=not self._started)
        self._started = True

    def _post_due(self, now: datetime, stop: threading.Event | None) -> None:
        for _ in range(ROUNDS):
            if not self._anything_open():
                return
            blocked = self.line.busy(now)
            items = outbox.claim(self.line.db, now, study_ids=self.line.studies, blocked=blocked, limit=1)
            if not items:
                return
            for item in items:
                self._deliver(item, now)
            if stop is not None and stop.is_set():
                return

    def _deliver(self, item: Item, now: datetime) -> None:
        """Take one claimed row to its end for now: sent, unknown, queued again or held."""
        self.line.paced(item.lane, now)
        if item.last_error == LOOK_FIRST:
            return self._unknown(item, now, LOOK_FIRST)
        channel_id = self.line.channel_of(item, now)
        if not channel_id:
            fix = f"Name a channel for {item.audience} in slack.channels"
            return self._hold(item, now, "no channel is configured", fix, whole_lane=True)
        step = Step(item, channel_id, now)
        if not self._audience_allows(step):
            return None
        try:
            ready = prepared(self.line, item)
        except (DatabaseUnavailable, StaleWriter):
            raise
        except Exception as error:  # one row that cannot be rendered must not stop the others: it is held and told
            if not self.line.quiet:
                log.exception("a notification cannot be rendered", delivery_key=item.delivery_key)
            reason = f"a notification cannot be rendered ({type(error).__name__})"
            return self._hold(item, now, reason, "Please report this fault of the program", whole_lane=False)
        outcome, ready = send(self.line, item, channel_id, ready)
        return self._ended(step, outcome, ready)

    def _audience_allows(self, step: Step) -> bool:
        verdict, asked = audience_verdict(self.line, step.item, step.channel_id)
        if verdict.allowed:
            return True
        if asked.fate in (Fate.NOT_SENT, Fate.UNKNOWN, Fate.RATE_LIMITED):
            self._again(step.item, step.now, asked)
            return False
        reason = f"{verdict.reason} ({asked.error})" if asked.error else verdict.reason
        fix = asked.fix or verdict.fix
        self._hold(step.item, step.now, reason, fix, whole_lane=True, kind=OpsKind.CHANNEL_BLOCKED)
        return False

    def _ended(self, step: Step, outcome: Outcome, rendered: Rendered | Filed) -> None:
        item, now = step.item, step.now
        if outcome.fate is Fate.DONE:
            self._sent(step, outcome, rendered)
        elif outcome.fate is Fate.UNKNOWN:
            self._unknown(item, now, outcome.error)
        elif outcome.fate in (Fate.NOT_SENT, Fate.RATE_LIMITED):
            self._again(item, now, outcome)
        elif outcome.fate is Fate.GONE and item.thread_key:
            self._parent_is_gone(item, now, outcome)
        else:
            fix = outcome.fix or "Please report this fault of the program"
            whole = outcome.error not in _ROW_ERRORS and item.kind != FILE  # a file that is refused stops no alert
            self._hold(item, now, f"Slack answered {outcome.error}", fix, whole_lane=whole)

    def _sent(self, step: Step, outcome: Outcome, rendered: Rendered | Filed) -> None:
        item, data = step.item, outcome.data
        channel_id = str(data.get("channel") or step.channel_id)
        assert item.lease is not None
        with self.line.db.writing() as conn:
            outbox.mark_sent(
                conn, item.outbox_id, item.lease, channel_id=channel_id, ts=str(data.get("ts") or ""), at=step.now,
                rendered_version=rendered.revision, rendered_hash=rendered.digest(),
            )  # fmt: skip
        self.line.directory.learn(step.channel_id, channel_id)
        self.line.tally.sent += 1
        self.troubles.recovered(item, step.now)

    def _unknown(self, item: Item, now: datetime, error: str) -> None:
        assert item.lease is not None
        with self.line.db.writing() as conn:
            look = look_at(self.line, item, now)
            outbox.mark_ambiguous(conn, item.outbox_id, item.lease, look_at=look, error=error)
        self.line.tally.ambiguous += 1

    def _again(self, item: Item, now: datetime, outcome: Outcome) -> None:
        """Certainly not posted: queue it again; the channel waits as long as Slack asks, or backs off."""
        assert item.lease is not None
        wait = timedelta(seconds=outcome.wait) if outcome.fate is Fate.RATE_LIMITED else self._backoff(item)
        with self.line.db.writing() as conn:
            outbox.requeue(conn, item.outbox_id, item.lease, not_before=now + wait, error=outcome.error)
        self.line.occupy(item.lane, now + wait)
        if outcome.fate is not Fate.RATE_LIMITED:
            self.line.tally.problems.append(f"Slack is not reached ({outcome.error}); trying again")

    def _backoff(self, item: Item) -> timedelta:
        doubled: timedelta = self.line.timing.retry * 2 ** min(item.attempts - 1, 10)
        return min(doubled, self.line.timing.retry_most)

    def _parent_is_gone(self, item: Item, now: datetime, outcome: Outcome) -> None:
        with self.line.db.reading() as conn:
            parent = outbox.find(conn, item.thread_key or "")
        if parent is not None:
            repost(self.line, parent, now)
        self._again(item, now, outcome)

    def _hold(
        self, item: Item, now: datetime, reason: str, fix: str, *, whole_lane: bool, kind: OpsKind = OpsKind.OUTBOX_HELD
    ) -> None:
        self.troubles.hold(item, now, kind=kind, reason=reason, fix=fix, whole_lane=whole_lane)

    def _again_at(self, now: datetime) -> datetime | None:
        """When there is something to do next, None when nothing waits."""
        with self.line.db.reading() as conn:
            waiting = [outbox.counts(conn, study_id, pages=False)["pending"] for study_id in self.line.studies]
        if not any(waiting):
            return None
        return max(now, self.line.next_free() or now + self.line.timing.post)
