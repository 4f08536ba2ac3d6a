"""Exact distribution of the look at which a boundary stops, for subjects that are independent and alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stopping_probabilities(looks: Sequence[int], stop_at: Sequence[int | None], rates: Floats) -> Floats:
    """P(stop at each look) by forward recursion over subjects (Schultz et al., Biometrics 1973;29:293-318).

    Among the trials still running, `alive[s]` is the probability of s events so far. One more subject moves
    rate × alive[s] to s + 1. Whoever reaches the count that stops at the next look can never fall below it
    again, and waits in the last cell until that look. Every term is positive, so that the relative error
    stays near machine precision however small the probability.

    Parameters
    ----------
    looks: numbers of subjects, strictly increasing, shape (looks,).
    stop_at: smallest count that stops at each look, never falling, None where no count can; shape (looks,).
    rates: event probabilities per subject in [0, 1], shape (rates,).

    Returns
    -------
    Probabilities, shape (rates, looks).
    """
    stopped = np.zeros((len(rates), len(looks)))
    width = 1 + max((stop for stop in stop_at if stop is not None), default=0)
    alive, moved = np.zeros((len(rates), width)), np.empty((len(rates), width))
    alive[:, 0] = 1.0
    event, none = rates[:, np.newaxis], 1.0 - rates[:, np.newaxis]
    subjects = 0
    with np.errstate(under="ignore"):
        for index, (look, stop) in enumerate(zip(looks, stop_at, strict=True)):
            if stop is None:
                continue
            running, step, upward = alive[:, :stop], moved[:, :stop], alive[:, 1 : stop + 1]
            for _ in range(subjects, look):
                np.multiply(running, event, out=step)
                np.multiply(running, none, out=running)
                np.add(upward, step, out=upward)
            stopped[:, index] = alive[:, stop]
            alive[:, stop] = 0.0
            subjects = look
    return stopped
