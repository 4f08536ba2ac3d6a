"""Posterior probabilities as boundaries: with a cutoff calibrated to alpha, or as a protocol states it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, expit

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.designs.design import Design, Family
from rules.statistics.recursion import Counts, Floats
from rules.statistics.search import TIE, Fit, attained, first_count
from rules.statistics.tails import log_odds_below


@dataclass(frozen=True, slots=True)
class _BetaPrior:
    """A Beta prior of the event probability.

    Parameters
    ----------
    prior_a, prior_b: positive, within `checks.PRIOR_SIZES`; the prior has mean prior_a / (prior_a + prior_b) and
        counts like prior_a + prior_b subjects.
    """

    prior_a: float
    prior_b: float

    def __post_init__(self) -> None:
        for name in ("prior_a", "prior_b"):
            object.__setattr__(self, name, checks.prior(name, getattr(self, name)))

    def reaches(self, n: Counts, events: Counts, rate: float, probability: float) -> NDArray[np.bool_]:
        """Whether P(event probability > `rate`) ≥ `probability` with `events` of `n`, rounding apart."""
        a, b = self.prior_a + events, self.prior_b + n - events
        if probability < 0.5:
            return np.asarray(betaincc(a, b, rate) >= probability * (1.0 - TIE))
        return np.asarray(betainc(a, b, rate) <= (1.0 - probability) * (1.0 + TIE))

    def first_above(self, looks: Counts, rate: float, probability: float) -> Counts:
        """The smallest count, from 0, that `reaches` the probability at each look; n + 1 where there is none."""
        first = first_count(lambda s: self.reaches(looks, s, rate, probability), looks)
        return np.where(self.reaches(looks, np.zeros_like(looks), rate, probability), 0, first)


@dataclass(frozen=True, slots=True)
class BetaBinomial(_BetaPrior, Family):
    """Stop when the posterior P(rate > null rate) ≥ c under a Beta(prior_a, prior_b) prior; `critical_value` is c.

    Geller, Follmann, Leifer & Carter, "Design of early trials in stem cell transplantation", 2003
    (ISBN 9781135524388); c is calibrated, because a posterior cutoff such as .95 says nothing of the false alarm.

    Parameters
    ----------
    prior_a, prior_b: as in `_BetaPrior`.
    """

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Posterior log odds of a rate above the null rate."""
        return -log_odds_below(self.prior_a + events, self.prior_b + n - events, null_rate)

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:  # noqa: ARG002
        """The posterior probability c."""
        return float(expit(cutoff))


@dataclass(frozen=True, slots=True)
class ChenChaloner(BetaBinomial):
    """Stop when P(rate > null rate) ≥ c and P(rate > p1) ≥ ν, both posterior; `critical_value` is the calibrated c.

    Chen & Chaloner, Statistics in Medicine 2006;25:2956, doi 10.1002/sim.2429: evidence that the rate is above the
    acceptable one, and that it may well be as bad as the rate that must not be missed. The second condition holds back
    stops on an excess too small to matter; where it holds anyway, this is `BetaBinomial`.

    Parameters
    ----------
    prior_a, prior_b: as in `_BetaPrior`.
    p1: event probability that must not be missed, above the null rate.
    nu: ν, posterior probability of a rate above p1 that is also needed, in (0, 1).
    """

    p1: float
    nu: float

    def __post_init__(self) -> None:
        _BetaPrior.__post_init__(self)
        for name in ("p1", "nu"):
            object.__setattr__(self, name, checks.probability(name, getattr(self, name)))

    def check(self, null_rate: float, looks: Counts) -> None:
        """`p1` above the null rate, and a `nu` that some count reaches."""
        checks.above_null("p1", self.p1, null_rate)
        last = int(looks[-1])
        if self.least(looks[-1:], null_rate)[0] > last:
            highest = betaincc(self.prior_a + last, self.prior_b, self.p1)
            reached = f"the posterior probability of a rate above p1 if all {last} have an event"
            allowed = f"at most {checks.at_most(highest)}, {reached}"
            raise DesignError("nu", self.nu, allowed)

    def least(self, looks: Counts, null_rate: float) -> Counts:  # noqa: ARG002
        """The smallest count with P(rate > p1) ≥ ν."""
        return self.first_above(looks, self.p1, self.nu)


@dataclass(frozen=True, slots=True)
class PosteriorCutoff(_BetaPrior, Design):
    """Stop when the posterior P(rate > null rate) ≥ cutoff; nothing is calibrated, the false alarm is computed.

    Thall & Simon, Biometrics 1994;50:337, section 3, with a null rate that is known. A cutoff is no alpha: .95 under
    Beta(.3, .7) at a null rate of .3 stops 24 % of safe trials of 40 subjects.

    Parameters
    ----------
    prior_a, prior_b: as in `_BetaPrior`.
    cutoff: posterior probability that stops, in (0, 1); above what the prior says without a single event.
    """

    states_alpha: ClassVar[bool] = False

    cutoff: float

    def __post_init__(self) -> None:
        _BetaPrior.__post_init__(self)
        object.__setattr__(self, "cutoff", checks.probability("cutoff", self.cutoff))

    def fit(self, null_rate: float, alpha: float | None, looks: Counts) -> Fit:  # noqa: ARG002
        """The counts that reach the cutoff, with their exact false alarm, whatever alpha the protocol states."""
        stops = self.first_above(looks, null_rate, self.cutoff)
        if stops[0] == 0:
            n = int(looks[0])
            without = betaincc(self.prior_a, self.prior_b + n, null_rate)
            allowed = (
                f"above {checks.at_least(without)}, the posterior after {n} without an event: "
                "no event must not be enough to stop"
            )
            raise DesignError("cutoff", self.cutoff, allowed)
        stop_at = tuple(s if s <= n else None for s, n in zip(stops.tolist(), looks.tolist(), strict=True))
        return Fit(stop_at, self.cutoff, attained(looks, stops, null_rate))
