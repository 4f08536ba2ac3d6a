"""The least conservative boundary of a nested family, found over the finite set of boundaries that exist.

A family is a statistic `evidence(n, s)` that rises with the events s; the boundary at a cutoff stops wherever
the evidence reaches it. As the cutoff falls, the boundary changes only where it passes the evidence of some
(n, s). Those values are enumerated, values that are equal but for rounding are merged into one *level*, and
the search runs over levels: mathematically tied statistics stop all or none, and no root finder's tolerance
or comparison of floats decides a count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.recursion import Counts, Floats, stopping_probabilities

Evidence: TypeAlias = Callable[[Counts, Counts], Floats]
"""(numbers of subjects n ≥ 1, events 0 ≤ s ≤ n) → evidence against the null rate, strictly rising in s."""

TIE = 1e-9
"""Evidence closer than this is tied: 10⁴ times the rounding error of the tails, far below the spacing of levels."""

_SHARES = (0.1, 1e-3, 1e-6, 1e-12, 1e-24, 0.0)
"""Tail probabilities, as shares of alpha, at which the search begins; it goes on to the next where that fails.

Evidence above the beginning need not be told apart, which keeps the search small: a calibrated boundary
spends a third to a tenth of alpha at a look. The last begins with the strongest evidence there is.
"""

ROUNDING = 1e-12
"""Relative excess over alpha that is rounding: P(2 of 2) at .2 is .04, though 0.2 ** 2 > 0.04."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A boundary chosen for its false alarm.

    Parameters
    ----------
    stop_at: smallest count that stops at each look, None where no count can.
    cutoff: stop where the evidence reaches it; the middle of the interval of cutoffs with the same boundary,
        so that rounding cannot change a count when the cutoff is applied again. None for a fixed table.
    attained_alpha: exact P(stop) at the null rate.
    """

    stop_at: tuple[int | None, ...]
    cutoff: float | None
    attained_alpha: float


def attained(looks: Counts, stops: Counts, null_rate: float) -> float:
    """Exact P(stop) at the null rate; `stops` as in `stopping_probabilities`."""
    return min(float(stopping_probabilities(looks, stops, np.array([null_rate])).sum()), 1.0)


def least_conservative(evidence: Evidence, null_rate: float, alpha: float, looks: Counts, least: Counts) -> Fit:
    """The boundary of the family with the largest attained alpha that does not exceed `alpha`.

    Parameters
    ----------
    evidence: the family.
    null_rate, alpha: each in (0, 1).
    looks: numbers of subjects, strictly increasing, shape (looks,).
    least: smallest count that may stop at each look whatever the evidence, never falling, shape (looks,); above its
        look where none may, but not at all looks.

    Raises
    ------
    DesignError: on alpha, when even the most conservative boundary of the family exceeds it; the message
        holds the smallest alpha that can be reached.
    """
    smallest = attained(looks, _strongest(evidence, looks, least), null_rate)
    if smallest > alpha * (1 + ROUNDING):
        shown = checks.at_least(smallest)
        remedy = "ask for that or more, or look at more subjects" if float(shown) < 1 else "look at more subjects"
        raise DesignError("alpha", alpha, f"the most conservative boundary of this design attains {shown}; {remedy}")
    rare = first_count(lambda s: _tail(s, looks, null_rate) <= alpha * (1 + TIE), looks)
    first, floor = np.minimum(np.maximum(rare, least), looks + 1), _floor(evidence, looks, rare, least)
    ceilings = (_ceiling(evidence, null_rate, alpha * share, looks) for share in _SHARES)
    grids = (_Grid(first, _values(evidence, looks, first, ceiling), floor, ceiling) for ceiling in ceilings)
    fits = (_fit(grid, looks, null_rate, alpha) for grid in grids)
    return next(fit for fit in fits if fit is not None)


def _strongest(evidence: Evidence, looks: Counts, least: Counts) -> Counts:
    """The most conservative boundary of the family: stop only at the strongest evidence that can be seen."""
    strongest = np.where(least <= looks, evidence(looks, looks), -np.inf)
    return np.where(strongest >= strongest.max() - TIE, looks, looks + 1)


def _floor(evidence: Evidence, looks: Counts, rare: Counts, least: Counts) -> float:
    """The strongest evidence of a count that may stop but is so frequent that it would exceed alpha alone."""
    frequent = rare > least
    return float(evidence(looks[frequent], rare[frequent] - 1).max()) if frequent.any() else float(-np.inf)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The evidence of every (look, count) that can decide the search.

    A count whose own tail probability exceeds alpha can stop in no boundary that keeps alpha, so that each
    look begins at its first other count that may stop, and every cutoff lies above the strongest evidence left out
    for its probability (`floor`; −inf where there is none).

    Parameters
    ----------
    first: first count of each look that can stop, n + 1 where there is none; shape (looks,).
    values: evidence at count first + column, +inf where it is above `ceiling` or beyond n; shape (looks, columns).
    """

    first: Counts
    values: Floats
    floor: float
    ceiling: float

    def boundary(self, cutoff: float) -> Counts:
        """The smallest count of each look whose evidence reaches the cutoff, above n where none does."""
        return np.asarray(self.first + (self.values < cutoff).sum(axis=1))

    def cutoffs(self) -> Floats:
        """One cutoff a level, falling: each in the middle of the gap below its level."""
        levels = np.minimum(self.values, self.ceiling)
        levels = np.unique(levels[np.isfinite(levels) & (levels > self.floor + TIE)])[::-1]
        below = np.append(levels[1:], max(self.floor, levels[-1] - 1)) if levels.size else levels
        return np.asarray(((levels + below) / 2)[levels - below > TIE])


def _fit(grid: _Grid, looks: Counts, null_rate: float, alpha: float) -> Fit | None:
    """The lowest level that keeps alpha; None where every level exceeds it, because the grid begins too low."""

    def false_alarm(cutoff: float) -> float:
        return attained(looks, grid.boundary(cutoff), null_rate)

    cutoff = _last_within(lambda c: false_alarm(c) <= alpha * (1 + ROUNDING), grid.cutoffs())
    if cutoff is None:
        return None
    counts = zip(grid.boundary(cutoff).tolist(), looks.tolist(), strict=True)
    return Fit(tuple(s if s <= n else None for s, n in counts), cutoff, min(false_alarm(cutoff), alpha))


def _values(evidence: Evidence, looks: Counts, first: Counts, ceiling: float) -> Floats:
    """`_Grid.values`; where every look's first count is above the ceiling, one column that says so."""
    last = looks
    if np.isfinite(ceiling):
        last = np.minimum(first_count(lambda s: evidence(looks, s) >= ceiling, looks), looks)
    counts = first[:, np.newaxis] + np.arange(max(int((last - first).max()) + 1, 1))
    row, column = np.nonzero(counts <= last[:, np.newaxis])
    values = np.full(counts.shape, np.inf)
    values[row, column] = evidence(looks[row], counts[row, column])
    return values


def _ceiling(evidence: Evidence, null_rate: float, tail: float, looks: Counts) -> float:
    """Evidence at which every look's tail probability is at most `tail`; +inf where no look has such a count."""
    if tail == 0:
        return float(np.inf)
    safe = first_count(lambda s: _tail(s, looks, null_rate) <= tail, looks)
    some = safe <= looks
    return float(evidence(looks[some], safe[some]).max()) if some.any() else float(np.inf)


def _tail(events: Counts, n: Counts, rate: float) -> Floats:
    """P(X ≥ events) for X binomial (n, rate), 1 ≤ events ≤ n."""
    return np.asarray(betainc(events, n - events + 1.0, rate))


def first_count(holds: Callable[[Counts], NDArray[np.bool_]], n: Counts) -> Counts:
    """The smallest count from 1 to n at which a condition holds that holds ever after; n + 1 where it never does."""
    low, high = np.ones_like(n), n + 1
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, n)
        found = holds(middle)
        high = np.where((low < high) & found, middle, high)
        low = np.where((low < high) & ~found, middle + 1, low)
    return low


def _last_within(within: Callable[[float], bool], cutoffs: Floats) -> float | None:
    """The last of the falling cutoffs that is within, by bisection; None when the first is not."""
    low, high = -1, len(cutoffs) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if within(float(cutoffs[middle])):
            low = middle
        else:
            high = middle - 1
    return float(cutoffs[low]) if low >= 0 else None
