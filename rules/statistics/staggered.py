"""What a boundary costs in enrolled subjects and calendar time when entry is staggered and outcomes take a window.

The boundary is replayed in order of first dose, as the rules replay it: at any moment S_k is the number of events
known so far among the first k dosed, and the trial stops when some look k has S_k ≥ stop_at(k). Since known events
only ever add up, "not stopped by time t" is a statement about one snapshot, in which subjects are independent with
event probability p F(t − entry). For entry times that are fixed, its probability is an exact recursion, and both
expectations follow from it:

    E(enrolled) = Σ_k P(not stopped before subject k enters),    E(time) = ∫ P(not stopped by t) dt.

For entries at random (a Poisson process) the subjects of a snapshot are no longer independent; those figures are
simulated, and say so with their Monte-Carlo error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.characteristics import checked_rates, operating_characteristics
from rules.statistics.onset import UNIFORM, Onset
from rules.statistics.recursion import Counts, Floats
from rules.statistics.unequal import one_more_subject, stops_by_subject

ACCRUALS = ("uniform", "poisson")
"""How subjects come: evenly spaced, or at random with the same mean rate."""

TRIALS = (100, 1_000_000)
"""Fewest and most trials that are simulated."""

MOST_APART = 1e9
"""Windows from one entry to the next, or entries within one window, beyond which a unit of time was mistaken."""

NODES = (2, 8)
"""Fewest and most Gauss-Legendre nodes between two moments at which a subject enters or a window closes."""

ENOUGH = 2_400
"""Nodes in all beyond which fewer are spent on each piece: pieces so short are all but straight."""

AT_ONCE = 512
"""Times carried through the recursion together, so that their counts stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class StaggeredCharacteristics:
    """One row of characteristics in calendar time, counted from the first subject's first dose.

    Parameters
    ----------
    rate: true event probability per subject.
    p_stop: probability that the boundary is ever crossed; exact, and the same whatever the accrual.
    expected_enrolled: subjects dosed by the time the crossing is known, or all where it never is; mean.
    expected_time: time of the crossing, or of the close of the last window where there is none; mean, in the unit
        of the window.
    enrolled_error, time_error: standard errors of the two means by simulation; 0 where they are exact.
    how: "exact", or the number of simulated trials and their seed in words.
    """

    rate: float
    p_stop: float
    expected_enrolled: float
    expected_time: float
    enrolled_error: float
    time_error: float
    how: str


def staggered_characteristics(
    boundary: Boundary,
    rates: Iterable[float],
    *,
    window: float,
    accrual_rate: float,
    accrual: str = "uniform",
    onset: Onset = UNIFORM,
    trials: int = 20_000,
    seed: int = 1,
) -> tuple[StaggeredCharacteristics, ...]:
    """Expected enrolment and calendar time at each true rate, in the order given.

    Every event is taken to be known on the day of its onset and enrolment to go on until the crossing is known;
    reporting delays come on top. The first subject enters at time 0 and is always enrolled.

    Parameters
    ----------
    boundary: a boundary that looks at numbers of subjects.
    rates: true event probabilities per subject, from 0 to 1.
    window: length of the event window, positive, in any unit of time.
    accrual_rate: subjects per that unit, positive.
    accrual: "uniform", one subject every 1 / accrual_rate, exact by recursion and quadrature; or "poisson", random
        entries, simulated.
    onset: when within the window an event comes.
    trials, seed: of the simulation; not used by "uniform".

    Raises
    ------
    DesignError: a rate outside 0 to 1, a window or accrual rate that is not positive, trials outside `TRIALS`, a seed
        below 0, an unknown accrual.

    Source: order of first dose with delayed outcomes held in place after Ivanova, Qaqish & Schell, Biometrics
    2005;61:540.
    """
    for name, value in (("window", window), ("accrual_rate", accrual_rate)):
        if checks.number(name, value, "a number above 0") <= 0:
            raise DesignError(name, value, "a number above 0")
    checks.known_word("accrual", accrual, ACCRUALS, f"one of {', '.join(ACCRUALS)}")
    checked = checked_rates(rates)
    gap = 1.0 / accrual_rate / window  # from here on the window is the unit of time
    if not 1 / MOST_APART <= gap <= MOST_APART:
        allowed = f"with which {1 / MOST_APART:g} to {MOST_APART:g} windows pass from one entry to the next"
        raise DesignError("accrual_rate", accrual_rate, allowed)
    if accrual == "uniform":
        of_rate = partial(_exact, boundary, gap=gap, onset=onset)
    else:
        least, most = TRIALS
        allowed = f"a whole number from {least} to {most:,}"
        if not least <= checks.whole("trials", trials, allowed) <= most:
            raise DesignError("trials", trials, allowed)
        checks.seed(seed)
        of_rate = partial(_simulated, boundary, gap=gap, onset=onset, trials=trials, seed=seed)
    how = "exact" if accrual == "uniform" else f"{trials:,} simulated trials, seed {seed}"
    rows = zip(operating_characteristics(boundary, checked.tolist()), map(of_rate, checked.tolist()), strict=True)
    return tuple(
        StaggeredCharacteristics(c.rate, c.p_stop, enrolled, time * window, enrolled_error, time_error * window, how)
        for c, (enrolled, time, enrolled_error, time_error) in rows
    )


Means = tuple[float, float, float, float]
"""Mean enrolled, mean time in windows, and the standard error of each."""


def _exact(boundary: Boundary, rate: float, *, gap: float, onset: Onset) -> Means:
    n = boundary.max_n
    trial = _Trial(stops_by_subject(boundary), rate, np.arange(n, dtype=np.float64) * gap, onset)
    enrolled = 1.0 + trial.running(trial.entries[1:], np.arange(1, n)).sum()
    times, weights = _nodes(trial.entries)
    dosed = np.searchsorted(trial.entries, times, side="right")
    return float(enrolled), float(weights @ trial.running(times, dosed)), 0.0, 0.0


def _nodes(entries: Floats) -> tuple[Floats, Floats]:
    """Times and weights of a quadrature from the first entry to the close of the last window.

    Between entries and closing windows the integrand is smooth, except that an early onset may begin with infinite
    slope at an entry: nodes are spread by the square of their place, which makes a square root smooth.
    """
    breaks = np.unique(np.concatenate([entries, entries + 1.0]))
    start, width = breaks[:-1, np.newaxis], np.diff(breaks)[:, np.newaxis]
    fewest, most = NODES
    place, weight = np.polynomial.legendre.leggauss(min(max(ENOUGH // len(start), fewest), most))
    place, weight = (place + 1) / 2, weight / 2
    return (start + width * place**2).ravel(), (width * 2 * place * weight).ravel()


@dataclass(frozen=True, slots=True)
class _Trial:
    """A trial with fixed entries: count that stops at each subject, event rate, times of first dose, onset."""

    stops: Counts
    rate: float
    entries: Floats
    onset: Onset

    def running(self, times: Floats, dosed: Counts) -> Floats:
        """P(not stopped in the snapshot at each time) with so many subjects dosed; shape (times,).

        Subjects whose window has closed come first and are alike at every time, so that their part of the
        recursion is done once; only those still in their window are carried for each time.
        """
        reachable = self.stops[self.stops <= np.arange(1, len(self.stops) + 1)]
        running = np.ones(len(times))
        if reachable.size == 0:
            return running
        closed = np.minimum(np.searchsorted(self.entries + 1.0, times, side="right"), dosed)
        after = self._after_closed(int(reachable.max()) + 1)
        for first in range(0, len(times), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            alive = after[:, closed[some]]
            self._carry_open(alive, times[some], closed[some], dosed[some])
            running[some] = alive.sum(axis=0)
        return running

    def _after_closed(self, counts: int) -> Floats:
        """P(s events, not stopped) after 0, 1, … subjects with closed windows; shape (counts, subjects + 1)."""
        after = np.zeros((counts, len(self.stops) + 1))
        alive = np.zeros((counts, 1))
        alive[0] = 1.0
        after[:, 0] = alive[:, 0]
        with np.errstate(under="ignore"):
            for subject, stop in enumerate(self.stops.tolist()):
                one_more_subject(alive, np.array([self.rate]))
                alive[stop:] = 0.0
                after[:, subject + 1] = alive[:, 0]
        return after

    def _carry_open(self, alive: Floats, times: Floats, closed: Counts, dosed: Counts) -> None:
        """Carry P(s events, not stopped) over the subjects still in their window at each time, in place."""
        counts = np.arange(len(alive))[:, np.newaxis]
        with np.errstate(under="ignore"):
            for ahead in range(int((dosed - closed).max(initial=0))):
                subject = np.minimum(closed + ahead, len(self.entries) - 1)
                there = closed + ahead < dosed
                known = self.rate * self.onset.share(times - self.entries[subject])
                one_more_subject(alive, np.where(there, known, 0.0))
                alive[(counts >= self.stops[subject]) & there] = 0.0


def _simulated(boundary: Boundary, rate: float, *, gap: float, onset: Onset, trials: int, seed: int) -> Means:
    draw = np.random.default_rng(seed)
    gaps = draw.exponential(gap, size=(trials, boundary.max_n))
    gaps[:, 0] = 0.0
    entries = gaps.cumsum(axis=1)
    events = np.where(draw.random(entries.shape) < rate, entries + onset.fraction(draw.random(entries.shape)), np.inf)
    stopped = crossing_times(stops_by_subject(boundary), entries, events)
    enrolled = (entries <= stopped[:, np.newaxis]).sum(axis=1)
    time = np.minimum(stopped, entries[:, -1] + 1.0)
    enrolled_error, time_error = (float(values.std(ddof=1) / np.sqrt(trials)) for values in (enrolled, time))
    return float(enrolled.mean()), float(time.mean()), enrolled_error, time_error


def crossing_times(stops: Counts, entries: Floats, events: Floats) -> NDArray[np.float64]:
    """When each trial is stopped: the first time at which some look k is dosed and has its count of known events.

    Parameters
    ----------
    stops: count that stops at each subject, above the number of subjects where none can; shape (subjects,).
    entries, events: times of first dose, rising along the last axis, and of the event, +inf where none comes;
        shape (trials, subjects).

    Returns
    -------
    Times, shape (trials,); +inf where the boundary is never crossed.
    """
    able = [(k, stop) for k, stop in enumerate(stops.tolist()) if stop <= k + 1]
    earliest = np.full((max((stop for _, stop in able), default=0), len(entries)), np.inf)
    stopped = np.full(len(entries), np.inf)
    looks = dict(able)
    for k in range(entries.shape[1]):
        earliest[1:] = np.maximum(earliest[:-1], np.minimum(earliest[1:], events[:, k]))
        earliest[:1] = np.minimum(earliest[:1], events[:, k])
        if k in looks:
            np.minimum(stopped, np.maximum(entries[:, k], earliest[looks[k] - 1]), out=stopped)
    return stopped
