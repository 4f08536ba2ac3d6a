"""Rules by arm: judged on the closed side of a study, when all that others can see of a cycle is done.

The records are those of the study; arms come from the sealed allocation, as masked groups, and only into snapshots
made here. In practice and rehearsal nothing is unsealed: groups are dealt at random, and every message says so. What
goes wrong with them alone is told to the closed channel: an error, a count or a pause that others could see would
tell them how the arms differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event

from bot.lookup.standing import NO_GROUP
from bot.recording import record
from bot.snapshots import snapshot_if_due, snapshot_left
from bot.study import Study
from bot.telling.notes import daily_notes
from bot.telling.watching import watch
from bot.views import Mode
from rules.evaluate import STUDY, evaluate
from rules.model import Finding, Snapshot, State
from storage.errors import AllocationKeyError, DatabaseUnavailable, StaleWriter
from storage.groups import Groups, invented_groups, masked_groups

NO_ARMS = "the allocation holds no arm (ACTARMCD, ACTARM, ARMCD or ARM in DM), or its key came after the records"
"""Why nothing can be judged by arm although there is a key."""


def judge_left(study: Study, now: datetime) -> None:
    """Judge by arm what a killed cycle stored and never judged, before a source is asked again."""
    closed = study.closed
    if closed is not None and closed.reads_arms:
        _apart(closed, lambda: _judge(closed, snapshot_left(closed, now), now))


def look(study: Study, now: datetime) -> None:
    """Judge what is due, and queue for the board: alerts, calls that nobody answered, the daily note by group."""
    closed = study.closed
    if closed is None:
        return
    if closed.reads_arms:
        _apart(closed, lambda: _judge(closed, snapshot_if_due(closed, now), now))
    _apart(closed, lambda: watch(closed, now))
    if not closed.unwatched:
        _apart(closed, lambda: daily_notes(closed, now))


def speak(study: Study, stop: Event | None = None) -> None:
    """Deliver what the closed side has to say; beside the delivery of the open side, which it may not hold up."""
    closed = study.closed
    if closed is not None and (delivery := closed.delivery) is not None:
        _apart(closed, lambda: delivery.run_once(closed.clock.wall(), stop))


def page(study: Study, stop: Event | None = None, *ways: str) -> None:
    """Call the board outside Slack; beside the open side's calls, in whose way it may not be."""
    closed = study.closed
    if closed is not None and (pager := closed.pager) is not None:
        _apart(closed, lambda: pager.run_once(closed.clock.wall(), stop, *ways))


def _judge(closed: Study, snapshot: Snapshot | None, now: datetime) -> None:
    """Judge, and record as any other evaluation is recorded."""
    if snapshot is None:
        return
    record(closed, snapshot, _findings(closed, snapshot, _groups(closed, snapshot)), now)
    closed.unwatched = ""


def _groups(closed: Study, snapshot: Snapshot) -> Groups:
    """Who is in which group: as sealed in the live study, dealt at random in practice and rehearsal."""
    subjects = snapshot.frames.get("DM")
    if subjects is None:
        return Groups({}, ())
    with closed.database.reading() as conn:
        if closed.mode is not Mode.LIVE:
            return invented_groups(conn, closed.config.id, subjects)
        assert closed.allocation_key is not None
        return masked_groups(conn, closed.config.id, closed.allocation_key, subjects, batch_no=snapshot.batch_no)


def _findings(closed: Study, snapshot: Snapshot, groups: Groups) -> tuple[Finding, ...]:
    if not groups.of:
        return tuple(Finding(rule.id, STUDY, State.NOT_EVALUABLE, reason=NO_ARMS) for rule in closed.rules)
    lacking = len(_dosed(snapshot).intersection(groups.without))
    found = evaluate(closed.rules, replace(snapshot, arms=groups.of))
    return tuple(replace(item, details={**item.details, NO_GROUP: lacking}) for item in found)


def _dosed(snapshot: Snapshot) -> set[str]:
    """USUBJID of who has a first dose in DM or a record in EX."""
    subjects, doses = snapshot.frames["DM"], snapshot.frames.get("EX")
    dosed = set(subjects["USUBJID"][subjects["RFXSTDTC"] != ""]) if "RFXSTDTC" in subjects else set()
    return dosed if doses is None else dosed | set(doses["USUBJID"])


def _apart(closed: Study, work: Callable[[], object]) -> None:
    """What fails here alone is told on the closed side; a database that cannot be used concerns everybody."""
    try:
        work()
    except (DatabaseUnavailable, StaleWriter):
        raise
    except AllocationKeyError as error:
        closed.unwatched = f"{error.what}. {error.fix}"
    except Exception as error:  # noqa: BLE001 - in the log of the process it would tell an operator that arms differ
        closed.unwatched = f"rules by arm failed by a fault of the program ({type(error).__name__}); please report it."
