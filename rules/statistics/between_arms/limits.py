"""Limits of the difference between two proportions, for tables. Not calibrated to looks: shown, never an alert."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from rules.statistics import checks
from rules.statistics.between_arms.counts import Arms
from rules.statistics.intervals import wilson

NOT_ADJUSTED = "not adjusted for repeated looks: for reading, not for alerting"
"""What is printed beside whatever is shown and not calibrated."""


@dataclass(frozen=True, slots=True)
class ShownLimits:
    """Limits of treated less control. A limit looked at again and again is no test, so this has no verdict.

    Parameters
    ----------
    method: as a footnote writes it.   level: confidence level, both sides together.
    difference, lower, upper: in [−1, 1].
    """

    method: str
    level: float
    difference: float
    lower: float
    upper: float

    note = NOT_ADJUSTED
    """What is printed beside them."""


def newcombe(arms: Arms, level: float = 0.95) -> ShownLimits:
    """Hybrid score limits, from the Wilson limits of each arm. Easy to compute by hand; recommended by the paper.

    Parameters
    ----------
    arms: the counts.
    level: above 0 and below 1.

    Raises
    ------
    DesignError: a level outside (0, 1).

    Source: Newcombe, Statistics in Medicine 1998;17:873, method 10.
    """
    treated, control = (
        wilson(arms.events_treated, arms.n_treated, level),
        wilson(arms.events_control, arms.n_control, level),
    )
    p, q, d = arms.events_treated / arms.n_treated, arms.events_control / arms.n_control, arms.difference
    lower = d - math.hypot(p - treated.lower, control.upper - q)
    upper = d + math.hypot(treated.upper - p, q - control.lower)
    return ShownLimits("Newcombe hybrid score", level, d, max(lower, -1.0), min(upper, 1.0))


def miettinen_nurminen(arms: Arms, level: float = 0.95) -> ShownLimits:
    """Score limits: the differences that the score test with the factor N / (N − 1) does not reject.

    Keeps its level best among limits that are not exact; parameters and errors as in `newcombe`.

    Source: Miettinen & Nurminen, Statistics in Medicine 1985;4:213, equations 8 and 9 and appendix I; method 6 of
    Newcombe 1998.
    """
    critical = -float(ndtri((1 - checks.probability("level", level)) / 2))
    d = arms.difference
    lower = _limit(arms, critical, d, -1.0)
    upper = _limit(arms, -critical, d, 1.0)
    return ShownLimits("Miettinen-Nurminen score", level, d, lower, upper)


def score(arms: Arms, difference: float) -> float:
    """The score statistic of Miettinen & Nurminen 1985 (equation 8) at a hypothesised difference; ±∞ where it must be.

    Parameters
    ----------
    difference: treated less control under the hypothesis, in [−1, 1].
    """
    excess = arms.difference - difference
    p = constrained_control_rate(arms, difference)
    q = min(max(p + difference, 0.0), 1.0)
    total = arms.n_treated + arms.n_control
    variance = (q * (1 - q) / arms.n_treated + p * (1 - p) / arms.n_control) * total / (total - 1)
    if abs(excess) < 1e-15:
        return 0.0
    return math.copysign(math.inf, excess) if variance <= 0 else excess / math.sqrt(variance)


def constrained_control_rate(arms: Arms, difference: float) -> float:
    """Likeliest control rate when treated = control + difference: the root of a cubic, by its trigonometric form.

    Source: Miettinen & Nurminen 1985, appendix I, equations 27 and 28.
    """
    n1, n0, x1, x0 = arms.n_treated, arms.n_control, arms.events_treated, arms.events_control
    total, cases, d = n1 + n0, x1 + x0, difference
    least, most = max(0.0, -d), min(1.0, 1.0 - d)
    if d == 0:
        return cases / total
    l2 = ((n1 + 2 * n0) * d - total - cases) / total
    l1 = ((n0 * d - total - 2 * x0) * d + cases) / total
    l0 = x0 * d * (1 - d) / total
    q = (l2 / 3) ** 3 - l1 * l2 / 6 + l0 / 2
    p = math.copysign(math.sqrt(max((l2 / 3) ** 2 - l1 / 3, 0.0)), q)
    if p == 0:
        return min(max(-l2 / 3, least), most)
    angle = (math.pi + math.acos(min(max(q / p**3, -1.0), 1.0))) / 3
    return min(max(2 * p * math.cos(angle) - l2 / 3, least), most)


def _limit(arms: Arms, critical: float, inside: float, outside: float) -> float:
    """The difference at which the score passes the critical value, by bisection towards the limit of the range."""
    for _ in range(100):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        if abs(score(arms, middle)) <= abs(critical):
            inside = middle
        else:
            outside = middle
    return inside
