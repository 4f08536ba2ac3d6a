"""What a count counts: subjects or events, each once, by the first qualifying event that stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from rules.columns import Bools, Days, Ints
from rules.derive import Facts
from rules.kinds.evidence import day_of, moment_of
from rules.kinds.selection import Selected
from rules.kinds.windows import earliest_days


@dataclass(frozen=True, slots=True)
class Units:
    """Subjects or events that are counted; arrays of shape (units,).

    Parameters
    ----------
    first: which of the selected events stands for the unit: a certain one before a doubtful one, then the earliest.
    certain: it counts on recorded facts alone.
    row: row of `facts.events` of that event.   subject: row of `facts.subjects`, -1 = none.
    day: its earliest possible day.   known: when it became known, microseconds since 1970 (UTC).
    """

    first: Ints
    certain: Bools
    row: Ints
    subject: Ints
    day: Days
    known: Ints

    def where(self, keep: Bools) -> Units:
        """Some of the units."""
        return Units(*(getattr(self, name)[keep] for name in self.__slots__))

    def reached(self, count: int) -> tuple[date | None, datetime | None, int]:
        """Day on which the count was reached, when that became knowable, and the row that completed it (-1 = never)."""
        if len(self.first) < count:
            return None, None, -1
        by_day = np.lexsort((self.first, self.day))[count - 1]  # NaT sorts last
        return day_of(self.day[by_day]), moment_of(int(np.sort(self.known)[count - 1])), int(self.row[by_day])


def units_of(facts: Facts, chosen: Selected, members: Ints, *, by_subject: bool) -> Units:
    """The units among selected events.

    Parameters
    ----------
    chosen: the selected events.
    members: positions in `chosen` of those that count.
    by_subject: one unit a subject, else one an event.
    """
    row = chosen.row[members]
    day, subject = earliest_days(facts, row), facts.event_column("subject")[row]
    units = Units(members, chosen.certain[members], row, subject, day, chosen.known[members])
    if not by_subject or not len(members):
        return units
    order = np.lexsort((members, day, ~units.certain, subject))
    best = order[np.r_[True, np.diff(subject[order]) != 0]]
    return units.where(np.sort(best))
