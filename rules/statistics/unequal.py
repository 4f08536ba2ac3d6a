"""First crossing of a boundary when subjects have probabilities of their own: known, pending, or still to come."""

from __future__ import annotations

import numpy as np

from rules.statistics.boundary import Boundary
from rules.statistics.recursion import Counts, Floats, as_counts


def stops_by_subject(boundary: Boundary) -> Counts:
    """The count that stops at each subject 1 … max_n; `max_n` + 1, which nobody reaches, where none can.

    Returns
    -------
    Counts, shape (max_n,).
    """
    stops = np.full(boundary.max_n, boundary.max_n + 1, dtype=np.int64)
    looks = np.array(boundary.looks, dtype=np.int64)
    counts = as_counts(boundary.looks, boundary.stop_at)
    stops[looks - 1] = np.where(counts > looks, boundary.max_n + 1, counts)
    return stops


def first_crossing(probabilities: Floats, stops: Counts) -> Floats:
    """P(first crossing at each subject), for subjects that are independent with probabilities of their own.

    The forward recursion of Schultz et al. (Biometrics 1973;29:293) with a probability for each subject; 0 and 1
    are subjects whose outcome is known, so that the path so far needs no case of its own. Whoever has the count of
    the next look stops there for certain and waits.

    Parameters
    ----------
    probabilities: event probability of each subject in order of first dose, shape (rows, subjects); one row a
        scenario.
    stops: count that stops at each subject, shape (subjects,); above the number of subjects where none can.

    Returns
    -------
    Probabilities, shape (rows, subjects).
    """
    rows, subjects = probabilities.shape
    crossed = np.zeros((rows, subjects))
    reachable = stops[stops <= np.arange(1, subjects + 1)]
    if reachable.size == 0:
        return crossed
    alive = np.zeros((int(reachable.max()) + 1, rows))
    alive[0] = 1.0
    barrier = np.minimum(np.minimum.accumulate(stops[::-1])[::-1], len(alive) - 1)
    with np.errstate(under="ignore"):
        for subject, (stop, top) in enumerate(zip(stops.tolist(), barrier.tolist(), strict=True)):
            one_more_subject(alive[: top + 1], probabilities[:, subject])
            if stop == top:
                crossed[:, subject] = alive[top]
                alive[top] = 0.0
    return crossed


def one_more_subject(alive: Floats, probability: Floats) -> None:
    """Carry P(s events, not crossed) over one subject, in place; the last row holds "so many or more".

    Parameters
    ----------
    alive: shape (counts, rows).
    probability: of an event in this subject, shape (rows,).
    """
    moved = alive * probability
    alive *= 1.0 - probability
    alive[1:] += moved[:-1]
    alive[-1] += moved[-1]
