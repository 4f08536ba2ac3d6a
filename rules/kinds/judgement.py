"""Where a boundary stands for a sequence: crossed, provisional, near, too early, beyond its design; and since when."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from rules.columns import Bools
from rules.kinds.evidence import day_of, moment_of
from rules.kinds.sequence import Sequence
from rules.model import State
from rules.statistics import Boundary, Replay
from rules.statistics import replay as replayed


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a boundary was crossed.

    Parameters
    ----------
    at_n: look whose count was reached first, by clinical date.
    on: that date: the latest of the onset that completed the count and the first dose of subject `at_n`.
    known_at: when some crossing look was first knowable: the events that complete it were known and its last
        subject was dosed. Later corrections of a record can only make this later.
    last: place in the sequence of the subject whose event completed the count.
    """

    at_n: int
    on: date | None
    known_at: datetime | None
    last: int


@dataclass(frozen=True, slots=True)
class Judge:
    """A boundary with what the protocol says about its edges.

    Parameters
    ----------
    boundary: the design.
    continue_last: beyond the last look, the last count goes on stopping; else nothing is said there.
    near: NEAR when so many more events among subjects still awaited would cross; 0 = never.
    """

    boundary: Boundary
    continue_last: bool
    near: int

    def extended(self, n: int) -> Boundary:
        """The boundary as it watches n subjects."""
        b = self.boundary
        if not self.continue_last or n <= b.max_n:
            return b
        more = range(b.max_n + 1, n + 1)
        return replace(b, looks=(*b.looks, *more), stop_at=(*b.stop_at, *(b.stop_at[-1] for _ in more)))

    def replay(self, flags: Bools) -> Replay:
        """The boundary over events in order of first dose."""
        return replayed(self.extended(len(flags)), flags)

    def crossed_looks(self, flags: Bools) -> list[int]:
        """Every look reached at which the events so far stop."""
        boundary, count = self.extended(len(flags)), np.cumsum(flags)
        pairs = zip(boundary.looks, boundary.stop_at, strict=True)
        return [k for k, stop in pairs if stop is not None and k <= len(flags) and count[k - 1] >= stop]

    @property
    def needs(self) -> int:
        """Fewest subjects with which the rule can stop; beyond any number where it never can."""
        able = [k for k, s in zip(self.boundary.looks, self.boundary.stop_at, strict=True) if s is not None]
        return able[0] if able else self.boundary.max_n + 1

    def state(self, seq: Sequence, flags: Bools, n_evaluable: int) -> State:
        """The state by these events. CROSSED here says nothing about how certain they are."""
        if self.replay(flags).crossed:
            return State.CROSSED
        if len(flags) > self.boundary.max_n and not self.continue_last:
            return State.BEYOND_DESIGN
        if self._is_near(seq, flags):
            return State.NEAR
        return State.PENDING if n_evaluable < self.needs else State.WITHIN

    def _is_near(self, seq: Sequence, flags: Bools) -> bool:
        """Would the next events cross? Those of awaited subjects first, in order of dose, then of subjects to come."""
        if not self.near or not flags.any():
            return False
        awaited = np.flatnonzero((seq.pending | seq.overdue) & ~flags)[: self.near]
        more = flags.copy()
        more[awaited] = True
        return self.replay(np.append(more, np.ones(self.near - len(awaited), dtype=bool))).crossed

    def crossing(self, seq: Sequence, flags: Bools) -> Crossing | None:
        """When the boundary was first crossed by these events; None where it was not."""
        days: list[tuple[int, int]] = []
        known: list[int] = []
        found: tuple[tuple[int, int, int], int] | None = None
        first_known: int | None = None
        stops = dict(zip(*(getattr(self.extended(len(flags)), name) for name in ("looks", "stop_at")), strict=True))
        for k in range(1, len(flags) + 1):
            if flags[k - 1]:
                insort(days, (_ordinal(seq.day[k - 1]), k - 1))
                insort(known, int(seq.known[k - 1]))
            stop = stops.get(k)
            if stop is None or len(days) < stop:
                continue
            dosed = _ordinal(seq.dosed[k - 1])
            event_day, last = days[stop - 1]
            candidate = ((max(event_day, dosed), k, last), k)
            found = min(found, candidate) if found else candidate
            knowable = max(known[stop - 1], dosed * _DAY)
            first_known = knowable if first_known is None else min(first_known, knowable)
        if found is None or first_known is None:
            return None
        (on, at_n, last), _ = found
        return Crossing(at_n, day_of(np.datetime64(on, "D")), moment_of(first_known), last)

    def summary(self, seq: Sequence, flags: Bools, n_evaluable: int) -> dict[str, Any]:
        """State and counts in JSON values, for showing what another reading of the facts would give."""
        result = self.replay(flags)
        state = self.state(seq, flags, n_evaluable).value
        return {"state": state, "at_n": result.look, "events": result.events_at_look, "stop_at": result.stop_at}


_DAY = 86_400_000_000


def _ordinal(day: np.datetime64) -> int:
    return int(day.astype("datetime64[D]").astype(int))


def table(boundary: Boundary) -> list[list[int | None]]:
    """The boundary as runs of looks with one count: [first look, last look, count or null]."""
    runs: list[list[int | None]] = []
    for look, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if runs and runs[-1][2] == stop:
            runs[-1][1] = look
        else:
            runs.append([look, look, stop])
    return runs
