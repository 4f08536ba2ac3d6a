"""P(rate on treatment − rate on control > δ) when each rate has a beta posterior of its own, by quadrature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, betainccinv, betaincinv, betaln, expit, logit

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.between_arms.counts import Arms
from rules.statistics.between_arms.limits import NOT_ADJUSTED

Floats = NDArray[np.float64]

_TAILS = np.array([1e-16, 1e-11, 1e-7, 1e-4, 1e-2, 0.2])
"""Probabilities whose quantiles, from either end and of either rate, divide the range of integration."""

_EPS = 1e-290
"""Rates nearer to 0 or 1 are weighed as one point: priors far below 1 keep mass there that no node reaches."""

_FIXED = np.array([_EPS, 1e-50, 1e-12, 1e-4, 0.05, 0.25, 0.5])
"""Further divisions, so that no stretch is long where no quantile lies."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)

_NOTHING = 1e-16
"""A node with less probability adds nothing that is seen: there are a thousand."""

_PAIRS = 400
"""Pairs of posteriors that are integrated at once."""


class Prior(NamedTuple):
    """A beta prior for the rate of each arm; named wherever a posterior is shown."""

    a: float = 0.5
    b: float = 0.5


JEFFREYS = Prior()
"""Beta(½, ½), worth one subject an arm."""


@dataclass(frozen=True, slots=True)
class ShownProbability:
    """A posterior probability with the priors that it rests on. A cutoff on it is no test, so this has no verdict.

    Parameters
    ----------
    value: P(p_T − p_C > delta).   delta: the difference.
    treated, control: the priors.
    """

    value: float
    delta: float
    treated: Prior
    control: Prior

    note = NOT_ADJUSTED
    """What is printed beside it."""

    @property
    def words(self) -> str:
        """The priors, as they are named beside the figure."""
        told = [f"Beta({prior.a:g}, {prior.b:g})" for prior in (self.treated, self.control)]
        return f"prior {told[0]} on either arm" if told[0] == told[1] else f"priors {told[0]} on treatment, {told[1]}"


def probability_of_excess(
    arms: Arms, delta: float = 0.0, *, treated: Prior = JEFFREYS, control: Prior = JEFFREYS
) -> ShownProbability:
    """Posterior P(p_T − p_C > delta) for independent beta priors. Shown; a cutoff on it must be calibrated to alert.

    Parameters
    ----------
    arms: the counts, of subjects whose window has closed.
    delta: difference of rates, in [−1, 1].
    treated, control: priors; both parameters within `checks.PRIOR_SIZES`.

    Returns
    -------
    The probability, within 1e-10 of the exact value, with the priors named.

    Raises
    ------
    DesignError: a prior that is not positive, a delta outside [−1, 1].

    Source: Thall & Simon, Biometrics 1994;50:337, equation 3, with both rates unknown.
    """
    allowed = "a number from -1 to 1"
    if not -1 <= checks.number("delta", delta, allowed) <= 1:
        raise DesignError("delta", delta, allowed)
    for prior in (treated, control):
        checks.prior("prior_a", prior.a)
        checks.prior("prior_b", prior.b)
    a1, b1 = treated.a + arms.events_treated, treated.b + arms.n_treated - arms.events_treated
    a0, b0 = control.a + arms.events_control, control.b + arms.n_control - arms.events_control
    value = float(excess([a1], [b1], [a0], [b0], float(delta))[0])
    return ShownProbability(value, float(delta), treated, control)


def excess(a1: ArrayLike, b1: ArrayLike, a0: ArrayLike, b0: ArrayLike, delta: float) -> Floats:
    """P(X − Y > delta) for X ~ Beta(a1, b1) and Y ~ Beta(a0, b0), independent; arrays of one shape (pairs,).

    ∫ f_Y(y) P(X > y + delta) dy from 0 to 1 − delta, on the log-odds of that range, where the integrand is smooth,
    between quantiles of both. Below 0 the probability is 1 less that of an excess of Y.
    """
    treated = np.asarray(a1, dtype=np.float64), np.asarray(b1, dtype=np.float64)
    control = np.asarray(a0, dtype=np.float64), np.asarray(b0, dtype=np.float64)
    if delta < 0:
        return np.asarray(1.0 - excess(*control, *treated, -delta))
    if delta >= 1:
        return np.zeros_like(treated[0])
    found = np.zeros_like(treated[0])
    for start in range(0, len(found), _PAIRS):
        some = slice(start, start + _PAIRS)
        found[some] = _integral(treated[0][some], treated[1][some], control[0][some], control[1][some], delta)
    return np.clip(found, 0.0, 1.0)


def _integral(a1: Floats, b1: Floats, a0: Floats, b0: Floats, delta: float) -> Floats:
    """The integral, and what lies beside it at rates of 0 and 1; shape (pairs,)."""
    width = 1.0 - delta
    cuts = _cuts((_distances(a0, b0, 0.0, delta), _distances(a1, b1, delta, 0.0)), width)
    half = np.diff(cuts, axis=1)[..., np.newaxis] / 2
    s = cuts[:, :-1, np.newaxis] + half * (1 + _NODES)
    y, remaining = width * expit(s), width * expit(-s)
    rest, x = delta + remaining, delta + y
    a0_, b0_ = (v[:, np.newaxis, np.newaxis] for v in (a0, b0))
    stretch = np.log(remaining / rest) - np.log(width)
    density = np.exp(a0_ * np.log(y) + b0_ * np.log(rest) - betaln(a0_, b0_) + stretch)
    mass = half * _WEIGHTS * density
    inside = np.zeros_like(mass)
    for first, where in ((True, x < 0.5), (False, x >= 0.5)):
        at = np.nonzero(where & (mass > _NOTHING))
        one = betaincc(a1[at[0]], b1[at[0]], x[at]) if first else betainc(b1[at[0]], a1[at[0]], remaining[at])
        inside[at] = mass[at] * one
    return np.asarray(inside.sum(axis=(1, 2)) + _points(a1, b1, a0, b0, delta))


def _cuts(distances: tuple[tuple[Floats, Floats], ...], width: float) -> Floats:
    """Sorted log-odds within the range at which the integral is divided; shape (pairs, cuts)."""
    fixed = np.broadcast_to(_FIXED, (len(distances[0][0]), len(_FIXED)))
    lows, highs = (
        np.concatenate([*(np.clip(one[side] / width, _EPS, 0.5) for one in distances), fixed], axis=1)
        for side in (0, 1)
    )
    return np.sort(np.concatenate([logit(lows), -logit(highs)], axis=1), axis=1)


def _distances(a: Floats, b: Floats, below: float, above: float) -> tuple[Floats, Floats]:
    """How far quantiles of a beta variable lie above `below` and under 1 − `above`; each (pairs, 2 · tails)."""
    a, b = a[:, np.newaxis], b[:, np.newaxis]
    values = np.concatenate([betaincinv(a, b, _TAILS), betainccinv(a, b, _TAILS)], axis=1)
    others = np.concatenate([betainccinv(b, a, _TAILS), betaincinv(b, a, _TAILS)], axis=1)
    return values - below, others - above


def _points(a1: Floats, b1: Floats, a0: Floats, b0: Floats, delta: float) -> Floats:
    """The share of Y that lies so near to 0 or 1 that no node is there, times P(X > Y + delta) there."""
    near_0, near_1 = betainc(a0, b0, _EPS), betainc(b0, a0, _EPS)
    if delta > 0:
        return np.asarray(near_0 * betaincc(a1, b1, delta))
    below = near_0 * (1 - betainc(a1, b1, _EPS) * a0 / (a0 + a1))
    return np.asarray(below + near_1 * betainc(b1, a1, _EPS) * b0 / (b0 + b1))
