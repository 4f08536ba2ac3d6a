"""Exact probability that two binomial arms ever enter a stopping region at given looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Looks = Sequence[tuple[int, int]]
"""Subjects on treatment and on control at each look; neither falls and their sum rises."""


def stopping_probability(looks: Looks, regions: Sequence[Bools], treated: Floats, control: Floats) -> Floats:
    """P(some look's counts lie in its region), by carrying the joint distribution of both counts from look to look.

    Parameters
    ----------
    looks: subjects on each arm.
    regions: where each look stops, shape (n_treated + 1, n_control + 1).
    treated, control: event rates in [0, 1], one pair a scenario, shape (rates,).

    Returns
    -------
    Probabilities, shape (rates,); every term is positive, so that small ones keep their digits.
    """
    alive = np.ones((len(treated), 1, 1))
    stopped = np.zeros(len(treated))
    at = (0, 0)
    with np.errstate(under="ignore"):
        for (n_treated, n_control), region in zip(looks, regions, strict=True):
            for _ in range(at[0], n_treated):
                alive = _one_more(alive, treated, 1)
            for _ in range(at[1], n_control):
                alive = _one_more(alive, control, 2)
            at = (n_treated, n_control)
            stopped += alive[:, region].sum(axis=1)
            alive[:, region] = 0.0
    return np.minimum(stopped, 1.0)


def _one_more(alive: Floats, rate: Floats, axis: int) -> Floats:
    """The distribution after one more subject on one arm (axis 1 treated, 2 control)."""
    shape = list(alive.shape)
    shape[axis] += 1
    moved = np.zeros(shape)
    p = rate[:, np.newaxis, np.newaxis]
    if axis == 1:
        moved[:, :-1], upward = alive * (1 - p), moved[:, 1:]
    else:
        moved[:, :, :-1], upward = alive * (1 - p), moved[:, :, 1:]
    upward += alive * p
    return moved
