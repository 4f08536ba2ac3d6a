"""One cycle of one study, from a record to a message: read this first.

A cycle may be killed at any instruction. Each step either committed or did not, and the next cycle takes up
from what is stored: a batch that is closed and not yet evaluated, a notification that is queued and not yet sent.
What a batch shows is judged before the next one is read: a crossing that a later correction hides is told, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from bot import by_arm
from bot.polling import Polled, due_sources, ingest_batch, poll_source
from bot.recording import Recorded, record
from bot.slack.delivery import DeliveryReport
from bot.snapshots import snapshot_if_due, snapshot_left
from bot.study import Study
from bot.telling.notes import daily_notes
from bot.telling.summaries import open_summaries
from bot.telling.watching import watch
from rules.evaluate import evaluate
from rules.model import Snapshot
from storage.sources.base import RecordSource


@dataclass(frozen=True)
class Cycle:
    """What one cycle did: each source's poll, the evaluation if one was due, and the deliveries."""

    polled: tuple[Polled, ...] = ()
    recorded: Recorded | None = None
    delivered: DeliveryReport | None = field(default=None)


def run_cycle(
    study: Study, now: datetime, stop: Event | None = None, *, sources: Iterable[RecordSource] | None = None
) -> Cycle:
    """Poll, ingest, judge, record, deliver.

    Parameters
    ----------
    study: composed by `bot.app`.   now: aware UTC, the study's time.
    stop: when set, the post in flight is finished and nothing new is begun.
    sources: asked now; None = those whose `every` has passed.

    Raises
    ------
    StorageError: nothing can be read or written; nothing was lost, the next cycle continues.
    """
    recorded = judge(study, snapshot_left(study, now), now)  # only where the last cycle was killed in between
    by_arm.judge_left(study, now)

    polled = []
    for source in due_sources(study, now) if sources is None else sources:
        batch = poll_source(study, source, now)  # 1. what the source holds; a failure is recorded, never "no events"
        polled.append(
            ingest_batch(study, source, batch, now)
        )  # 2. arms split off; a revision only where content changed

    snapshot = snapshot_if_due(study, now)  # 3. SDTM frames as known at a batch, cut at the clinical cut-off
    recorded = judge(study, snapshot, now) or recorded

    watch(study, now)  # what time alone brings: the silence of a source, a call that nobody answered
    daily_notes(study, now)  # and the note that says what was, and could not be, evaluated
    open_summaries(study, now)  # and, once a week, the whole of it in numbers, with its files
    delivered = deliver(study, stop)
    by_arm.look(study, now)  # rules by arm, on the closed side, when all that others can see is done; spoken apart
    return Cycle(tuple(polled), recorded, delivered)


def judge(study: Study, snapshot: Snapshot | None, now: datetime) -> Recorded | None:
    """Steps 4 to 6; None where there is nothing to judge."""
    if snapshot is None:
        return None
    findings = evaluate(study.rules, snapshot)  # 4. pure: rules turn the snapshot into findings
    return record(study, snapshot, findings, now)  # 5. + 6. reasons to speak, alerts, audit, outbox: one transaction


def page(study: Study, stop: Event | None = None, *ways: str) -> int:
    """Beside 7., and never in its way: call people outside Slack. Returns how many calls were taken."""
    return study.pager.run_once(study.clock.wall(), stop, *ways) if study.pager else 0


def deliver(study: Study, stop: Event | None = None) -> DeliveryReport | None:
    """7. Let the outbox speak to Slack, reconciled to once; None where nothing is posted.

    8., the answer of a person, arrives through `bot.slack.handlers` and is applied once by `bot.acting.actions`.
    """
    return study.delivery.run_once(study.clock.wall(), stop) if study.delivery else None
