"""Confidence limits for one proportion and one rate, exact and approximate, as tables print them.

None of them is adjusted for stopping: after a boundary has been crossed, or where a limit is looked at again and
again, its level no longer holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betainccinv, betaincinv, gammainccinv, gammaincinv, ndtri

from rules.errors import DesignError
from rules.statistics import checks

MAX_COUNT = 10**12
"""Subjects or events beyond which no table counts, and quantiles lose their digits."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An equal-tailed interval.

    Parameters
    ----------
    method: the interval's name, as a footnote writes it.
    level: confidence level, or probability for a Bayesian interval.
    estimate: events / n or events / exposure; None where nothing was observed.
    lower, upper: limits, in the unit of the estimate.
    """

    method: str
    level: float
    estimate: float | None
    lower: float
    upper: float


def clopper_pearson(events: int, n: int, level: float = 0.95) -> Interval:
    """Exact limits of a proportion: each one-sided binomial test at (1 − level) / 2 turned round. Conservative.

    Never covers less than its level, and at small n a good deal more. Without an event the lower limit is 0, with
    nothing but events the upper is 1; nobody observed gives 0 to 1.

    Parameters
    ----------
    events, n: subjects with an event, among n ≥ 0.
    level: above 0 and below 1.

    Raises
    ------
    DesignError: events below 0 or above n, a level outside (0, 1).

    Source: Clopper & Pearson, Biometrika 1934;26:404, by the beta distribution.
    """
    tail = _checked(events, n, level)
    lower = float(betaincinv(events, n - events + 1, tail)) if events else 0.0
    upper = float(betainccinv(events + 1, n - events, tail)) if events < n else 1.0
    return Interval("Clopper-Pearson", level, _share(events, n), lower, upper)


def wilson(events: int, n: int, level: float = 0.95) -> Interval:
    """Score limits of a proportion: the rates that a test with the null's own variance does not reject.

    Covers its level on average, at some rates less; recommended for small n by Brown, Cai & DasGupta. Parameters
    and errors as in `clopper_pearson`.

    Source: Wilson, JASA 1927;22:209; Brown, Cai & DasGupta, Statistical Science 2001;16:101, equation 4.
    """
    tail = _checked(events, n, level)
    if n == 0:
        return Interval("Wilson", level, None, 0.0, 1.0)
    z2 = float(ndtri(tail)) ** 2
    half = math.sqrt(z2) * math.sqrt(events * (n - events) / n + z2 / 4)
    lower = events**2 / n / (events + z2 / 2 + half)  # the usual difference of like terms loses its digits near 0
    upper = (events + z2 / 2 + half) / (n + z2) if events < n else 1.0
    return Interval("Wilson", level, _share(events, n), lower, upper)


def jeffreys(events: int, n: int, level: float = 0.95) -> Interval:
    """Equal-tailed posterior limits of a proportion under Jeffreys' prior Beta(½, ½).

    With the usual change at the ends: without an event the lower limit is 0, with nothing but events the upper is 1,
    because the posterior's own tail would exclude the rate that was observed. Parameters and errors as in
    `clopper_pearson`.

    Source: Brown, Cai & DasGupta, Statistical Science 2001;16:101, section 3.1.
    """
    tail = _checked(events, n, level)
    lower = float(betaincinv(events + 0.5, n - events + 0.5, tail)) if events else 0.0
    upper = float(betainccinv(events + 0.5, n - events + 0.5, tail)) if events < n else 1.0
    return Interval("Jeffreys", level, _share(events, n), lower, upper)


def poisson_exact(events: int, exposure: float, level: float = 0.95) -> Interval:
    """Exact limits of an event rate per unit of exposure, the count taken as Poisson. Conservative.

    Parameters
    ----------
    events: count, at least 0.
    exposure: total time at risk, above 0, in any unit; the limits are per that unit.
    level: above 0 and below 1.

    Raises
    ------
    DesignError: a count below 0, an exposure that is not positive, a level outside (0, 1).

    Source: Garwood, Biometrika 1936;28:437, by the gamma distribution.
    """
    allowed = "a number above 0"
    if checks.number("exposure", exposure, allowed) <= 0:
        raise DesignError("exposure", exposure, allowed)
    counted = f"a whole number of events, from 0 to {MAX_COUNT:,}"
    if not 0 <= checks.whole("events", events, counted) <= MAX_COUNT:
        raise DesignError("events", events, counted)
    tail = (1.0 - checks.probability("level", level)) / 2
    lower = float(gammaincinv(events, tail)) if events else 0.0
    upper = float(gammainccinv(events + 1, tail))
    return Interval("Poisson exact (Garwood)", level, events / exposure, lower / exposure, upper / exposure)


def _checked(events: object, n: object, level: object) -> float:
    """The probability beyond each limit, once the counts are counts."""
    allowed = f"a whole number of subjects, from 0 to {MAX_COUNT:,}"
    if not 0 <= checks.whole("n", n, allowed) <= MAX_COUNT:
        raise DesignError("n", n, allowed)
    counted = f"a whole number from 0 to n = {n}"
    if not 0 <= checks.whole("events", events, counted) <= n:  # type: ignore[operator]
        raise DesignError("events", events, counted)
    return (1.0 - checks.probability("level", level)) / 2


def _share(events: int, n: int) -> float | None:
    return events / n if n else None
