"""The least conservative boundary of a nested family, found over the finite set of boundaries that exist.

A family is a statistic `evidence(n, s)` that rises with the events s; the boundary at a cutoff stops wherever
the evidence reaches it. As the cutoff falls, the boundary changes only where it passes the evidence of some
(n, s). Those values are enumerated, values that are equal but for rounding are merged into one *level*, and
the search runs over levels: mathematically tied statistics stop all or none, and no root finder's tolerance
or comparison of floats decides a count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from rules.errors import DesignError
from rules.statistics.recursion import stopping_probabilities

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Evidence: TypeAlias = Callable[[Counts, Counts], Floats]
"""(numbers of subjects n ≥ 1, events 0 ≤ s ≤ n) → evidence against the null rate, strictly rising in s."""

TIE = 1e-9
"""Evidence closer than this is tied: 10⁴ times the rounding error of the tails, far below the spacing of levels."""

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


def attained(looks: Sequence[int], stop_at: Sequence[int | None], null_rate: float) -> float:
    """Exact P(stop) at the null rate."""
    return float(stopping_probabilities(looks, stop_at, np.array([null_rate])).sum())


def least_conservative(evidence: Evidence, null_rate: float, alpha: float, looks: Sequence[int]) -> Fit:
    """The boundary of the family with the largest attained alpha that does not exceed `alpha`.

    Raises
    ------
    DesignError: on alpha, when even the most conservative boundary of the family exceeds it; the message
        holds the smallest alpha that can be reached.
    """
    subjects = np.array(looks, dtype=np.int64)
    first = _first_count(lambda s: _tail(s, subjects, null_rate) <= alpha * (1 + TIE), subjects)

    def false_alarm(grid: _Grid, cutoff: float) -> float:
        return attained(looks, grid.boundary(cutoff), null_rate)

    for ceiling in (_safe_evidence(evidence, null_rate, alpha, subjects), np.inf):
        grid = _grid(evidence, subjects, first, ceiling)
        cutoff = _last_within(lambda c: false_alarm(grid, c) <= alpha * (1 + ROUNDING), grid.cutoffs())  # noqa: B023
        if cutoff is not None:
            return Fit(grid.boundary(cutoff), cutoff, min(false_alarm(grid, cutoff), alpha))
    raise DesignError("alpha", alpha, _reachable(evidence, null_rate, subjects))


@dataclass(frozen=True, slots=True)
class _Grid:
    """The evidence of every (look, count) that can decide the search.

    A count whose own tail probability exceeds alpha can stop in no boundary that keeps alpha, so that each
    look begins at its first other count and every cutoff lies above the strongest evidence left out (`floor`).

    Parameters
    ----------
    subjects: looks.   first: first count of each look, n + 1 where none is left.
    values: evidence at count first + column, +inf where it is above `ceiling` or beyond n; shape (looks, columns).
    """

    subjects: Counts
    first: Counts
    values: Floats
    floor: float
    ceiling: float

    def boundary(self, cutoff: float) -> tuple[int | None, ...]:
        """The smallest count of each look whose evidence reaches the cutoff."""
        stops = self.first + (self.values < cutoff).sum(axis=1)
        return tuple(int(s) if s <= n else None for s, n in zip(stops, self.subjects, strict=True))

    def cutoffs(self) -> Floats:
        """One cutoff a level, falling: each in the middle of the gap below its level."""
        levels = np.minimum(self.values, self.ceiling)
        levels = np.unique(levels[np.isfinite(levels) & (levels > self.floor + TIE)])[::-1]
        below = np.append(levels[1:], max(self.floor, levels[-1] - 1)) if levels.size else levels
        return np.asarray(((levels + below) / 2)[levels - below > TIE])


def _grid(evidence: Evidence, subjects: Counts, first: Counts, ceiling: float) -> _Grid:
    floor = float(evidence(subjects, first - 1).max())
    last = subjects
    if np.isfinite(ceiling):
        last = np.minimum(_first_count(lambda s: evidence(subjects, s) >= ceiling, subjects), subjects)
    columns = np.arange(max(int((last - first).max()) + 1, 0))
    counts = first[:, np.newaxis] + columns
    row, column = np.nonzero(counts <= last[:, np.newaxis])
    values = np.full(counts.shape, np.inf)
    values[row, column] = evidence(subjects[row], counts[row, column])
    return _Grid(subjects, first, values, floor, ceiling)


def _safe_evidence(evidence: Evidence, null_rate: float, alpha: float, subjects: Counts) -> float:
    """Evidence at which every look's tail is at most alpha / looks, so that alpha is kept (union bound).

    Stronger evidence need not be told apart: this only bounds the search. +inf where no look has such a count.
    """
    safe = _first_count(lambda s: _tail(s, subjects, null_rate) <= alpha / len(subjects), subjects)
    some = safe <= subjects
    return float(evidence(subjects[some], safe[some]).max()) if some.any() else float(np.inf)


def _tail(events: Counts, subjects: Counts, rate: float) -> Floats:
    """P(X ≥ events) for X binomial (subjects, rate), 1 ≤ events ≤ subjects."""
    return np.asarray(betainc(events, subjects - events + 1.0, rate))


def _first_count(holds: Callable[[Counts], NDArray[np.bool_]], subjects: Counts) -> Counts:
    """The smallest count from 1 to n at which a condition holds that holds ever after; n + 1 where it never does."""
    low, high = np.ones_like(subjects), subjects + 1
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, subjects)
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


def _reachable(evidence: Evidence, null_rate: float, subjects: Counts) -> str:
    strongest = evidence(subjects, subjects)
    top = strongest.max() - TIE
    stop_at = [int(n) if value >= top else None for n, value in zip(subjects, strongest, strict=True)]
    smallest = attained(subjects.tolist(), stop_at, null_rate)
    return f"the most conservative boundary of this design attains {smallest:.6g}; ask for at least that, or look later"
