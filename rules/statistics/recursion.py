"""Exact distribution of the look at which a boundary stops, for subjects that are independent and alike.

Two ways to the same numbers. Up to `PATHS_UP_TO` subjects the paths that stop are *counted*, once for all rates
and in few long vector operations; beyond, where such counts overflow, probabilities are carried forward
subject by subject. Every term of either sum is positive, so that relative errors stay near machine precision
however small the probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

PATHS_UP_TO = 1000
"""Subjects up to which 2^n paths fit a float."""


def as_counts(looks: Sequence[int], stop_at: Sequence[int | None]) -> Counts:
    """The counts as integers, look + 1 (which nobody can reach) where no count stops."""
    pairs = zip(looks, stop_at, strict=True)
    return np.array([look + 1 if stop is None else stop for look, stop in pairs], dtype=np.int64)


def stopping_probabilities(looks: Counts, stops: Counts, rates: Floats) -> Floats:
    """P(stop at each look) for each rate (the recursion of Schultz et al., Biometrics 1973;29:293).

    Whoever has the count that stops at the next look can never fall below it again and stops there, so that
    the boundary is a barrier that is met by one event at one subject.

    Parameters
    ----------
    looks: numbers of subjects, strictly increasing, shape (looks,).
    stops: smallest count that stops at each look, above the look where none can, else never falling.
    rates: event probabilities per subject in [0, 1], shape (rates,).

    Returns
    -------
    Probabilities, shape (rates, looks).
    """
    stopped = np.zeros((len(rates), len(looks)))
    able = stops <= looks
    if able.any():
        way = _by_paths if looks[able][-1] <= PATHS_UP_TO else _by_subject
        stopped[:, able] = way(looks[able], stops[able], rates)
    return stopped


def _by_paths(looks: Counts, stops: Counts, rates: Floats) -> Floats:
    """Count the paths that meet the barrier at each subject; weigh them by each rate."""
    paths = _paths(looks, stops)
    subject = np.arange(1, looks[-1] + 1)
    barrier = stops[np.searchsorted(looks, subject)]
    met = paths > 0
    logs = np.log(np.where(met, paths, 1.0))
    events, others, rate = barrier * met, (subject - barrier) * met, rates[:, np.newaxis]
    chances = np.where(met, np.exp(logs + xlogy(events, rate) + xlog1py(others, -rate)), 0.0)
    return np.asarray(np.add.reduceat(chances, np.append(0, looks[:-1]), axis=1))


def _paths(looks: Counts, stops: Counts) -> Floats:
    """Number of event histories that first meet the barrier at subject 1, 2, … last look.

    `row[j]` counts the histories of j subjects with s events that never met it. They exist from subject
    `begin[s]` on, and each comes from one with s − 1 events and an event at a later subject: a running sum.
    """
    last, top = int(looks[-1]), int(stops[-1])
    begin = np.append(0, looks)[np.searchsorted(stops, np.arange(top + 1), side="right")] + 1
    row, following = np.ones(last + 1), np.empty(last + 1)
    met = np.zeros(last + 1)
    for s, (start, end) in enumerate(zip(begin[:-1].tolist(), begin[1:].tolist(), strict=True)):
        if s > 0:
            following[start - 1] = 0.0
            np.add.accumulate(row[start - 1 : -1], out=following[start:])
            row, following = following, row
        met[start:end] = row[start - 1 : end - 1]
    return met[1:]


def _by_subject(looks: Counts, stops: Counts, rates: Floats) -> Floats:
    """Carry the probability of s events among the trials still running forward, one subject at a time.

    Trials that have met the barrier wait in the cell above it until the look.
    """
    stopped = np.zeros((len(rates), len(looks)))
    alive, moved = np.zeros((2, len(rates), int(stops[-1]) + 1))
    alive[:, 0] = 1.0
    event, none = rates[:, np.newaxis], 1.0 - rates[:, np.newaxis]
    subjects = 0
    with np.errstate(under="ignore"):
        for index, (look, stop) in enumerate(zip(looks.tolist(), stops.tolist(), strict=True)):
            running, step, upward = alive[:, :stop], moved[:, :stop], alive[:, 1 : stop + 1]
            for _ in range(subjects, look):
                np.multiply(running, event, out=step)
                np.multiply(running, none, out=running)
                np.add(upward, step, out=upward)
            stopped[:, index] = alive[:, stop]
            alive[:, stop] = 0.0
            subjects = look
    return stopped
