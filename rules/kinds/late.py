"""What is late: events by their dates and forms, subjects by their last evidence of assessment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from rules.columns import Bools, Days
from rules.derive import Facts
from rules.kinds.evidence import day_of, moment_of, witness
from rules.kinds.matching import bit
from rules.kinds.selection import Selected, select
from rules.kinds.words import EventFilter, ExceptFilter
from rules.model import Evidence, Standing


@dataclass(frozen=True, slots=True)
class Item:
    """One event or subject that was judged.

    Parameters
    ----------
    site: of the subject, "" where it is not known.
    late, certain: late by some possible day, and by every one.   days: how many it took or has taken so far, at most.
    row: of `facts.events`, or -1 - the row of `facts.subjects`.   missing: bit mask of what it hangs on.
    """

    site: str
    late: bool
    certain: bool
    days: int | None
    row: int
    missing: int = 0

    def evidence(self, facts: Facts) -> Evidence:
        """It as counted evidence, with the number of days."""
        days = {} if self.days is None else {"late_days": self.days}
        if self.row < 0:
            return witness(facts).subject(-1 - self.row, Standing.COUNTED, **days)
        return witness(facts).event(self.row, Standing.COUNTED, self.missing, **days)


def entered_late(facts: Facts, events: EventFilter, excepted: ExceptFilter | None, days: int) -> list[Item]:
    """Events by the days from onset to the entry of what was first known of them; without an onset, perhaps late."""
    first = _first_known(facts)

    def judge(row: int, known: date) -> tuple[int | None, bool, bool, int]:
        lo, hi = (day_of(facts.event_column(f"onset_{end}")[row]) for end in ("lo", "hi"))
        longest = None if lo is None else (known - lo).days
        shortest = None if hi is None else (known - hi).days
        late = longest is None or longest > days
        return longest, late, shortest is not None and shortest > days, bit("AESTDTC")

    return list(_judged(facts, events, excepted, first, judge))


def form_unfinished(
    facts: Facts, today: date, events: EventFilter, excepted: ExceptFilter | None, days: int, complete: tuple[str, ...]
) -> list[Item]:
    """Events by the days since they were entered, late while their form is not recorded as complete."""
    done = _of_events(facts, facts.domains["AE"].isin("FORMSTAT", complete))

    def judge(row: int, known: date) -> tuple[int | None, bool, bool, int]:
        taken = (today - known).days
        late = taken > days and not done[row]
        return taken, late, late, 0

    return list(_judged(facts, events, excepted, _first_known(facts), judge))


def silent_events(
    facts: Facts, today: date, events: EventFilter, excepted: ExceptFilter | None, days: int, ended: tuple[str, ...]
) -> list[Item]:
    """Events that are not over, by the days since anybody assessed the subject; entry is the first assessment."""
    ae = facts.domains["AE"]
    over = _of_events(facts, ~ae.blank("AEENDTC") | ae.isin("AEOUT", ended))
    through = np.append(facts.subjects["followed_through"].to_numpy("datetime64[D]"), np.datetime64("NaT", "D"))
    dead = np.append(facts.subjects["dead"].to_numpy(dtype=bool), False)

    def judge(row: int, known: date) -> tuple[int | None, bool, bool, int]:
        subject = int(facts.event_column("subject")[row])
        last = day_of(through[subject])
        taken = (today - max(filter(None, (last, known)))).days
        late = taken > days and not over[row] and not dead[subject]
        return taken, late, late, 0

    return [item for item in _judged(facts, events, excepted, _first_known(facts), judge) if not over[item.row]]


def overdue_subjects(facts: Facts, today: date, after_days: int, days: int) -> list[Item]:
    """Dosed subjects whose window has ended, by the days since; late while nobody is known to have seen them after it.

    Who is documented to have left before the end of the window is not judged.
    """
    table = facts.subjects
    end: Days = facts.window_end(after_days)
    gone = table["left_hi"].to_numpy("datetime64[D]") < end
    ended = np.asarray(end < np.datetime64(today, "D")) & table["treated"].to_numpy(dtype=bool) & ~gone
    closed: Bools = facts.window_closed(after_days)
    sites = table["site"].to_numpy(dtype=object)
    found = []
    for at in np.flatnonzero(ended).tolist():
        last = day_of(end[at])
        assert last is not None
        taken = (today - last).days
        late = not bool(closed[at]) and taken > days
        found.append(Item(str(sites[at]), late, late, taken, -1 - at))
    return found


Judge = Callable[[int, date], tuple[int | None, bool, bool, int]]
"""Row and day of entry → days, late by some possible day, late by every one, what it hangs on."""


def _judged(
    facts: Facts, events: EventFilter, excepted: ExceptFilter | None, first: dict[str, int], judge: Judge
) -> Iterator[Item]:
    """The events that a rule means, each judged; an event that is meant only by a missing fact is in doubt."""
    chosen: Selected = select(facts, events, excepted)
    sites = np.append(facts.subjects["site"].to_numpy(dtype=object), "")
    keys, zone = facts.event_column("event_key"), ZoneInfo(facts.snapshot.study.timezone)
    for i, row in enumerate(chosen.row.tolist()):
        if chosen.excepted[i]:
            continue
        known = min(int(chosen.known[i]), first.get(str(keys[row]), int(chosen.known[i])))
        days, late, certain, hangs = judge(row, moment_of(known).astimezone(zone).date())
        missing = int(chosen.missing[i]) | (hangs if late and not certain else 0)
        site = str(sites[int(facts.event_column("subject")[row])])
        yield Item(site, late, certain and bool(chosen.certain[i]), days, row, missing)


def _first_known(facts: Facts) -> dict[str, int]:
    """Event → when a revision of it that is no longer current became known, microseconds since 1970."""
    earlier = facts.snapshot.earlier.get("AE")
    if earlier is None or not len(earlier):
        return {}
    first = earlier.groupby("event_key")["known_at"].min()
    return {str(key): int(at.value // 1000) for key, at in first.items()}


def _of_events(facts: Facts, flags: Bools) -> Bools:
    """Flags of AE records on the rows of `facts.events`; a death that only DS or DM records has none."""
    at = facts.event_column("ae_row")
    return np.asarray(np.append(flags, False)[at] & (at >= 0))
