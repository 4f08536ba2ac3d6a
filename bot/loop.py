"""The running process: a ticker that turns the cycles, delivers between them, and keeps the health answers true.

APScheduler only ticks, in memory; what is due is in the database, so that a lost tick loses nothing.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select

from bot import by_arm
from bot.cycle import Cycle, deliver, page, run_cycle
from bot.health import Health, Readiness, send_heartbeat
from bot.lookup.standing import source_lines
from bot.study import Study
from bot.telling.watching import watch
from storage import outbox
from storage.errors import StaleWriter, StorageError
from storage.outbox_rows import PAGES
from storage.schema import study_head

log = structlog.get_logger(__name__)

CYCLE_SECONDS = 2.0
"""How often a study is looked at; each source is polled as often as its `every` says."""

HEARTBEAT_EVERY = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

JOBS_OF_A_STUDY = 8
"""At most so many at once: its turn, and delivery and each way of paging, on both sides; none waits for another."""

PEOPLE_SECONDS = 600.0
"""How often Slack is asked who of the roster is still active."""

DELIVER_SECONDS = 0.5
"""How often the outbox is looked at between cycles."""

CATCH_UP_SECONDS = 15.0
"""How often requests are looked for that were kept and, because the database was locked or full, not applied."""


class Loop:
    """Turns the cycles of all studies until stopped.

    Parameters
    ----------
    studies: composed.   connected: whether the Slack socket is up; None where there is none.
    catch_up: applies requests that were received longer ago than the time given and not applied; None without a desk.
    present: tells of a member id whether the person is active in Slack, None where Slack does not say; None: nobody
        asks.
    heartbeat: calls the outside watchdog; replaced in tests.
    """

    def __init__(
        self,
        studies: Sequence[Study],
        *,
        connected: Callable[[], bool] | None = None,
        catch_up: Callable[[timedelta], int] | None = None,
        present: Callable[[str], bool | None] | None = None,
        heartbeat: Callable[[str], bool] = send_heartbeat,
    ) -> None:
        self.studies = tuple(studies)
        self.stopped = threading.Event()
        self.fatal: str = ""
        self._unwritable: dict[str, str] = {}
        self._beaten: dict[str, datetime] = {}
        self._sent: dict[str, int] = {}
        self._connected = connected
        self._catch_up, self._present = catch_up, present
        self._heartbeat = heartbeat
        self.health = Health(self.studies[0].clock.wall, self.readiness, self.studies[0].metrics)
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": {"type": "threadpool", "max_workers": 4 + JOBS_OF_A_STUDY * len(self.studies)}},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    @property
    def unwritable(self) -> str:
        """Why nothing can be written, by study; "" when everything can."""
        return "; ".join(self._unwritable.values())

    def start(self) -> None:
        """Begin ticking, at once."""
        self.health.beat()
        for study in self.studies:
            now = study.clock.wall()
            self._scheduler.add_job(self._turn, "interval", seconds=CYCLE_SECONDS, args=[study], next_run_time=now)
            self._scheduler.add_job(self._deliver, "interval", seconds=DELIVER_SECONDS, args=[study], next_run_time=now)
            if study.pager is not None:
                for way in PAGES:
                    self._scheduler.add_job(self._page, "interval", seconds=DELIVER_SECONDS, args=[study, way])
            if study.closed is not None:
                self._scheduler.add_job(self._speak, "interval", seconds=DELIVER_SECONDS, args=[study])
                for way in PAGES if study.closed.pager is not None else ():
                    self._scheduler.add_job(self._page_apart, "interval", seconds=DELIVER_SECONDS, args=[study, way])
        if self._present is not None:
            self._scheduler.add_job(self._people, "interval", seconds=PEOPLE_SECONDS, next_run_time=now)
        if self._catch_up is not None:
            self._scheduler.add_job(self._answer, "interval", seconds=CATCH_UP_SECONDS)
        self._scheduler.start()

    def stop(self) -> None:
        """Finish what is in flight, then stop. Safe to call twice."""
        self.stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def readiness(self, now: datetime) -> Readiness:
        """Whether alerts can reach people, looked up now."""
        stale: list[str] = []
        oldest = None
        try:
            for study in self.studies:
                with study.database.reading() as conn:
                    conn.execute(select(study_head.c.study_id).limit(1))
                    lines = source_lines(conn, study.config, study.clock.study())
                    stale += [f"{study.id}/{line.source_id}" for line in lines if not line.current]
                    age = outbox.oldest_open_age(conn, now, study_ids=[study.id])
                oldest = max(filter(None, (oldest, age)), default=None)
        except StorageError as error:
            return Readiness(False, self._socket(), (), None, unwritable=self.unwritable or error.what)
        return Readiness(True, self._socket(), tuple(stale), oldest, unwritable=self.unwritable)

    def _socket(self) -> bool:
        return self._connected() if self._connected else True

    def _turn(self, study: Study) -> None:
        self.health.beat()
        self._feel(study)

        def work() -> None:
            cycle = run_cycle(study, study.clock.study(), self.stopped)
            study.vitals.failing_since = None
            self._can_write(study)
            self._evaluated_and_delivered(study, cycle)

        self._attempt(study, "cycle.failed", work)
        if study.vitals.failing_since is not None:  # a cycle that fails may never have come to watching
            self._attempt(study, "watching.failed", lambda: watch(study, study.clock.study()))

    def _feel(self, study: Study) -> None:
        """Since when the socket is down, as far as it is."""
        up = self._socket()
        study.vitals.socket_lost_at = None if up else study.vitals.socket_lost_at or study.clock.wall()

    def _people(self) -> None:
        """Ask Slack who of the roster is still there; where it does not say, what it said last stands."""
        present = self._present
        assert present is not None

        def look(study: Study) -> None:
            ids = {member.id for members in study.config.slack.roles.values() for member in members}
            said = {user_id: present(user_id) for user_id in sorted(ids)}
            known = {user_id for user_id, active in said.items() if active is not None}
            gone = {user_id for user_id, active in said.items() if active is False}
            study.vitals.absent = frozenset((study.vitals.absent - known) | gone)

        for study in self.studies:
            self._attempt(study, "people.failed", lambda study=study: look(study))  # type: ignore[misc]

    def _deliver(self, study: Study) -> None:
        self._attempt(study, "delivery.failed", lambda: deliver(study, self.stopped))

    def _page(self, study: Study, way: str) -> None:
        self._attempt(study, "paging.failed", lambda: page(study, self.stopped, way))

    def _page_apart(self, study: Study, way: str) -> None:
        self._attempt(study, "paging.failed", lambda: by_arm.page(study, self.stopped, way))

    def _speak(self, study: Study) -> None:
        self._attempt(study, "delivery.failed", lambda: by_arm.speak(study, self.stopped))

    def _answer(self) -> None:
        """A request whose listener is still at work is left to it."""
        assert self._catch_up is not None
        late = timedelta(seconds=2 * CATCH_UP_SECONDS)
        catch_up = self._catch_up
        self._attempt(self.studies[0], "catching_up.failed", lambda: catch_up(late))

    def _attempt(self, study: Study, failure: str, work: Callable[[], object]) -> None:
        if self.stopped.is_set():
            return
        try:
            work()
        except StaleWriter as error:
            self._end(str(error))
        except StorageError as error:
            self._cannot_write(study, error)
        except Exception as error:  # the loop outlives any fault of one cycle: it is counted, shown, and retried
            study.metrics.errors.labels(study.id).inc()
            if failure == "cycle.failed":
                study.vitals.failing_since = study.vitals.failing_since or study.clock.wall()
                study.vitals.failure = type(error).__name__
            log.exception(failure, study=study.id, error=type(error).__name__)

    def _evaluated_and_delivered(self, study: Study, cycle: Cycle) -> None:
        self.health.beat()
        self._measure(study, cycle)
        url, now = study.config.operations.heartbeat_url, study.clock.wall()
        if url and not self.readiness(now).problems() and now - self._beaten.get(study.id, EPOCH) >= HEARTBEAT_EVERY:
            self._beaten[study.id] = now
            self._heartbeat(url)

    def _measure(self, study: Study, cycle: Cycle) -> None:
        metrics = study.metrics
        for polled in cycle.polled:
            metrics.polls.labels(study.id, polled.source_id, polled.outcome).inc()
        if cycle.recorded:
            metrics.evaluations.labels(study.id).inc()
            for reason, number in cycle.recorded.reasons.items():
                metrics.alerts.labels(study.id, reason.value).inc(number)
        with study.database.reading() as conn:
            counts = outbox.counts(conn, study.id)
            age = outbox.oldest_open_age(conn, study.clock.wall(), study_ids=[study.id])
            for line in source_lines(conn, study.config, study.clock.study()):
                if line.last_complete_at:
                    metrics.last_poll.labels(study.id, line.source_id).set(line.last_complete_at.timestamp())
        before = self._sent.setdefault(study.id, counts["sent"])
        metrics.sent.labels(study.id).inc(max(0, counts["sent"] - before))
        self._sent[study.id] = counts["sent"]
        metrics.pending.labels(study.id).set(counts["pending"])
        metrics.held.labels(study.id).set(counts["held"])
        metrics.oldest.labels(study.id).set(age.total_seconds() if age else 0)
        metrics.connected.set(self._socket())

    def _cannot_write(self, study: Study, error: StorageError) -> None:
        """Last resort: nothing can be stored, so nothing can be queued. Say it where a person or a watchdog looks."""
        study.metrics.errors.labels(study.id).inc()
        if study.id not in self._unwritable:
            _say(f"DSMBot cannot write and monitors nothing ({study.id}; {error.where}): {error.what}. {error.fix}")
        self._unwritable[study.id] = error.what

    def _can_write(self, study: Study) -> None:
        if self._unwritable.pop(study.id, ""):
            _say(f"DSMBot can write again and monitors {study.id}; it continues where it stopped.")

    def _end(self, why: str) -> None:
        self.fatal = why
        self.stopped.set()


def _say(line: str) -> None:
    """One line on stderr, which needs no database and no disk."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
