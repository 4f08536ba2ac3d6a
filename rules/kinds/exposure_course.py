"""The course of a group in person-time: its events in order of day, each at the exposure of its day.

Two readings are told apart. `possible` counts every event that may count, on its earliest possible day, with the
least person-time that the dates leave possible; `certain` counts what recorded facts alone count, on the latest
possible day, with the most. Counting an event more, or earlier, adds an event and takes exposure away, so that a
course that crosses by the certain reading crosses by every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules.columns import NAT, Bools, Days, Ints
from rules.derive import Facts
from rules.kinds.arms import Group
from rules.kinds.evidence import day_of, moment_of
from rules.kinds.person_time import PersonTime
from rules.kinds.selection import Selected
from rules.kinds.windows import earliest_days
from rules.statistics.exposure import ExposureBoundary, ExposureReplay, replay_exposure
from rules.statistics.exposure.replay import DAY_ROUNDING

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """Events of a group in order of day; arrays of shape (events,).

    Parameters
    ----------
    member: position of each event among the selected ones.
    day, known: its day in this reading, and when it became known (microseconds since 1970, UTC).
    exposure: person-days of the group up to that day.
    time: person-time of the group.   now: person-days up to the cut-off.   cutoff: that day.
    """

    member: Ints
    day: Days
    known: Ints
    exposure: NDArray[np.float64]
    time: PersonTime
    now: float
    cutoff: np.datetime64

    def replay(self, boundary: ExposureBoundary) -> ExposureReplay:
        """Where the boundary stands in this reading."""
        return replay_exposure(boundary, self.exposure.tolist(), self.now)

    def crossing(self, boundary: ExposureBoundary, at: ExposureReplay) -> tuple[date | None, datetime | None]:
        """Day of the first crossing, and when some crossing was first knowable; None where there is none."""
        if at.crossed_event is None:
            return None, None
        held = self.time.reached(boundary.first_exposure, self.cutoff)
        day = np.maximum(self.day[at.crossed_event - 1], held)
        known = np.maximum.accumulate(self.known)
        numbers = range(at.crossed_event, len(self.day) + 1)
        early = [n for n in numbers if _stops(boundary, n, float(self.exposure[n - 1]))]
        first = min(int(known[n - 1]) for n in early)
        return day_of(day), moment_of(max(first, int(day.astype("datetime64[D]").astype(np.int64)) * _DAY))


def _stops(boundary: ExposureBoundary, number: int, exposure: float) -> bool:
    up_to = boundary.up_to(number)
    return up_to is not None and exposure <= up_to * (1 + DAY_ROUNDING)


def course(
    facts: Facts,
    group: Group,
    chosen: Selected,
    counted: Bools,
    after_days: int,
    *,
    certain: bool,
    recurrent: bool = False,
    through: Days | None = None,
) -> Course:
    """The course of a group by one reading.

    Parameters
    ----------
    chosen: events the rule means, those of the group.   counted: which of them count.
    after_days: the rule's window.   recurrent: later events of a subject count too, and exposure goes on.
    certain: by recorded facts alone; else every event that may count.
    through: as `Facts.at_risk`.
    """
    members = np.flatnonzero(counted & chosen.certain if certain else counted)
    row = chosen.row[members]
    days = _latest_days(facts, row) if certain else earliest_days(facts, row)
    subject = facts.event_column("subject")[row]
    order = np.lexsort((members, days, subject))
    if not recurrent and len(order):
        order = order[np.r_[True, np.diff(subject[order]) != 0]]
    order = order[np.lexsort((members[order], days[order]))]
    time = _person_time(
        facts, group, after_days, certain, through, None if recurrent else (subject[order], days[order])
    )
    day = np.minimum(days[order], facts.cutoff)
    return Course(
        member=members[order],
        day=day,
        known=chosen.known[members[order]],
        exposure=time.upto(day),
        time=time,
        now=float(time.upto(np.array([facts.cutoff]))[0]),
        cutoff=facts.cutoff,
    )


def _latest_days(facts: Facts, row: Ints) -> Days:
    """Latest possible day of each event; the earliest where nothing bounds it."""
    latest = facts.event_column("onset_hi")[row]
    return np.where(np.isnat(latest), earliest_days(facts, row), latest)


def _person_time(
    facts: Facts, group: Group, after_days: int, certain: bool, through: Days | None, ended: tuple[Ints, Days] | None
) -> PersonTime:
    first = np.full(len(facts.subjects), NAT)
    if ended is not None:
        first[ended[0]] = ended[1]
    start: Literal["lo", "hi"] = "lo" if certain else "hi"
    stop: Literal["lo", "hi"] = "hi" if certain else "lo"
    risk = facts.at_risk(first, after_days, start=start, stop=stop, through=through)
    return PersonTime(risk.where(group.inside | group.perhaps if certain else group.inside))
