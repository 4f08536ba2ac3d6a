"""Tail odds of the beta distribution, exact on both sides and never underflowing to a false tie.

Both designs built on it need one number: the binomial tail P(X ≥ s | k, p) equals I_p(s, k − s + 1), and the
posterior P(rate ≤ p | s of k) under a Beta(a, b) prior equals I_p(a + s, b + k − s)
(Abramowitz & Stegun 26.5.24; Geller et al. 2003).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, betaln

_SMALLEST = 1e-290

Floats = NDArray[np.float64]


def log_odds_below(a: ArrayLike, b: ArrayLike, x: float) -> Floats:
    """log(I / (1 − I)) with I = I_x(a, b), the probability that a Beta(a, b) variable is at most x.

    The odds keep full relative accuracy in both tails, where I or 1 − I alone would round to 0 or 1 and make
    different statistics look tied.

    Parameters
    ----------
    a, b: positive, of shapes that broadcast together.
    x: in (0, 1).
    """
    first, second = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    below = np.asarray(betainc(first, second, x))
    above = np.where(below > 0.5, 0.0, 1.0 - below)
    high = below > 0.5
    above[high] = betaincc(first[high], second[high], x)
    below = np.where(high, 1.0 - above, below)
    log_x, log_rest = math.log(x), math.log1p(-x)
    return _log(below, first, second, log_x, log_rest) - _log(above, second, first, log_rest, log_x)


def _log(tail: Any, a: Floats, b: Floats, log_x: float, log_rest: float) -> Floats:
    """Log of a tail I_x(a, b), by its series where the tail itself is too small to represent."""
    tiny = np.asarray(tail) < _SMALLEST
    result = np.array(np.log(np.where(tiny, 1.0, tail)))
    if tiny.any():
        result[tiny] = _log_series(a[tiny], b[tiny], log_x, log_rest)
    return result


def _log_series(a: Floats, b: Floats, log_x: float, log_rest: float) -> Floats:
    """log I_x(a, b) = log(x^a (1 − x)^b / (a B(a, b)) · Σ_j x^j (a + b)_j / (a + 1)_j), DLMF 8.17.8.

    Only called far below the mean of the distribution, where the terms fall from the first.
    """
    x, j = math.exp(log_x), 0
    term = np.ones_like(a)
    total = np.ones_like(a)
    while np.any(term > 1e-17 * total):
        term = term * x * (a + b + j) / (a + 1 + j)
        total += term
        j += 1
    return np.asarray(a * log_x + b * log_rest - np.log(a) - betaln(a, b) + np.log(total))
