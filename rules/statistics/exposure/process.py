"""Exact distribution of the event at which a Poisson process crosses a boundary on exposure.

Events come at a constant hazard; the process stops at event number e if it comes at or before exposure u_e. With
u_e never falling, a process that is still running at u_(e−1) has fewer than e events, and it stops in the stage
(u_(e−1), u_e] exactly when its count reaches e. The probabilities of the counts are carried from stage to stage;
every term is positive, so that relative errors stay near machine precision however small the probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaln, xlogy

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-40
"""Low counts of smaller probability are dropped: nobody stops by way of them who would not by way of others."""

SMALLEST = 1e-290
"""High counts of smaller probability are dropped: so is a P(stop) of that size."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a Poisson process with one hazard ends.

    Parameters
    ----------
    events: numbers of events at which it can stop, consecutive.
    stopped: probability of stopping with that number; shape (events,).
    running: probability of ending with 0, 1, … events and no stop; shape (counts,).
    """

    events: Counts
    stopped: Floats
    running: Floats

    @property
    def p_stop(self) -> float:
        """Probability of stopping."""
        return min(float(self.stopped.sum()), 1.0)

    @property
    def expected_events(self) -> float:
        """Events at the stop, or at the end where there is none; mean."""
        return float(self.stopped @ self.events + self.running @ np.arange(self.running.size))


def first_passage(events: Counts, up_to: Floats, hazard: float, start: float = 0.0) -> Passage:
    """Stop probabilities by event number.

    Parameters
    ----------
    events: consecutive event numbers that stop, shape (stages,).
    up_to: exposure at or before which each stops, positive, never falling, not below `start`; the process ends at
        the last.
    hazard: events per unit of exposure, at least 0.
    start: exposure before which nothing is judged; there any count that has reached the first event number stops.

    Source: the Markov chain over the exposures at which the boundary steps up of Kulldorff et al., Sequential
    Analysis 2011;30:58, section 3.
    """
    alive, atom = _begin(int(events[0]), hazard * start)
    widths = hazard * np.diff(np.append(start, up_to))
    stages = np.zeros(events.size)
    alive, stages[0] = _first_stage(alive, int(events[0]), float(widths[0]))
    low, shares = 0, _poisson(widths[1:], _jumps(float(widths[1:].max(initial=0.0))))
    late = np.add.accumulate(shares[:, ::-1], axis=1)[:, ::-1]
    for stage, event in enumerate(events[1:].tolist()):
        alive, stages[stage + 1] = _stage(alive, event - low, shares[stage], late[stage])
        begin, end = _kept(alive)
        low, alive = low + begin, alive[begin:end]
    stopped = np.zeros(max(events.size, atom.size))
    stopped[: events.size] += stages
    stopped[: atom.size] += atom
    numbers = np.arange(events[0], events[0] + stopped.size)
    return Passage(numbers, stopped, np.concatenate((np.zeros(low), alive)))


def stopped_within(events: Counts, up_to: Floats, hazard: float, start: float, exposure: float) -> float:
    """P(stopped by this total exposure): the same recursion with the boundary cut there."""
    if exposure < start:
        return 0.0
    cut = np.minimum(up_to, exposure)
    last = int(np.searchsorted(up_to, exposure))
    kept = slice(0, min(last + 1, up_to.size))
    return first_passage(events[kept], cut[kept], hazard, start).p_stop


def _begin(first: int, mean: float) -> tuple[Floats, Floats]:
    """Counts still running when judging begins, below `first`; and those that stop there, from `first` on."""
    if mean == 0.0:
        return np.ones(1), np.zeros(0)
    shares = _poisson(np.array([mean]), max(_jumps(mean), first))[0]
    return shares[:first], shares[first:]


def _first_stage(alive: Floats, first: int, mean: float) -> tuple[Floats, float]:
    """The first stage, which may be wide and end far above the counts it began with: no jump is too long here."""
    stopped = float(alive @ gammainc(first - np.arange(alive.size, dtype=np.float64), mean))
    return np.convolve(alive, _poisson(np.array([mean]), first - 1)[0])[:first], stopped


def _kept(alive: Floats) -> tuple[int, int]:
    """First and last + 1 of the counts worth carrying on."""
    begin, end = 0, alive.size
    while begin < end - 1 and alive[begin] < NEGLIGIBLE:
        begin += 1
    while begin < end - 1 and alive[end - 1] < SMALLEST:
        end -= 1
    return begin, end


def _stage(alive: Floats, room: int, shares: Floats, late: Floats) -> tuple[Floats, float]:
    """One stage: who reaches `room` events above the lowest count stops, all others move up by their new events."""
    near = min(alive.size, late.size - 1 - (room - alive.size))
    stopped = 0.0
    if near > 0:
        needed = room - alive.size + 1
        stopped = float(alive[alive.size - near :] @ late[needed : needed + near][::-1])
    return np.convolve(alive, shares[:room])[:room], stopped


def _poisson(means: Floats, last: int) -> Floats:
    """P(0), P(1), … P(last) of Poisson variables; shape (means, last + 1)."""
    counts = np.arange(last + 1)
    column = means[:, np.newaxis]
    return np.asarray(np.exp(xlogy(counts, column) - column - gammaln(counts + 1.0)))


def _jumps(mean: float) -> int:
    """A number of events that a Poisson variable exceeds with a probability below 1e-30."""
    return math.ceil(mean + 12.0 * math.sqrt(mean) + 20.0)
