"""Group-sequential tests of a binomial rate: Pocock, O'Brien-Fleming, and Wang-Tsiatis between and beyond them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.designs.design import Family
from rules.statistics.recursion import Counts, Floats
from rules.statistics.tails import log_odds_below


@dataclass(frozen=True, slots=True)
class Pocock(Family):
    """Stop when P(X ≥ s | n, null rate) ≤ c, one c for all looks; `critical_value` is c.

    The binomial form of Pocock's boundary: Ivanova, Qaqish & Schell, Biometrics 2005,
    doi 10.1111/j.1541-0420.2005.00311.x; beside other designs: Martens & Logan, Clinical Trials 2024.
    """

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Log odds against the tail: rises as P(X ≥ s) falls; −inf without an event, where P(X ≥ 0) = 1."""
        some = np.maximum(events, 1)
        return np.where(events > 0, -log_odds_below(some, n - some + 1.0, null_rate), -np.inf)

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:  # noqa: ARG002
        """The tail probability c."""
        return float(expit(-cutoff))


@dataclass(frozen=True, slots=True)
class WangTsiatis(Family):
    """Stop when z = (s − n p₀) / √(n p₀ (1 − p₀)) ≥ c (n / n_max)^(Δ − 1/2); `critical_value` is c.

    Wang & Tsiatis, Biometrics 1987;43:193, section 2, with the score statistic of a binomial rate and c from its
    exact distribution: Martens & Logan, Clinical Trials 2024.

    Parameters
    ----------
    delta: Δ, from 0 (O'Brien-Fleming) through 1/2 (one z for all looks, as Pocock) to 1, which asks ever more as
        subjects come.
    """

    delta: float

    def __post_init__(self) -> None:
        allowed = "a number from 0 (O'Brien-Fleming) through 0.5 (one z for all looks, as Pocock) to 1"
        delta = checks.number("delta", self.delta, allowed)
        if not 0 <= delta <= 1:
            raise DesignError("delta", self.delta, allowed)
        object.__setattr__(self, "delta", delta)

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """(s − n p₀) / (√(p₀ (1 − p₀)) n^Δ)."""
        excess = events * (1.0 - null_rate) - (n - events) * null_rate
        return np.asarray(excess / (math.sqrt(null_rate * (1.0 - null_rate)) * np.power(n, self.delta, dtype=float)))

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:  # noqa: ARG002
        """c, the z that stops at the last look."""
        return float(cutoff * max_n ** (self.delta - 0.5))


@dataclass(frozen=True, slots=True)
class OBrienFleming(Family):
    """Stop when z ≥ c √(n_max / n), that is s − n p₀ ≥ c √(n_max p₀ (1 − p₀)); `critical_value` is c.

    Wang-Tsiatis with Δ = 0. O'Brien & Fleming, Biometrics 1979;35:549; in binomial form: Martens & Logan, Clinical
    Trials 2024. At a rate such as .10 the excess s − n p₀ is equal at many looks: they stop all or none.
    """

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """(s − n p₀) / √(p₀ (1 − p₀))."""
        return WangTsiatis(0.0).evidence(n, events, null_rate)

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:
        """c, the z that stops at the last look."""
        return WangTsiatis(0.0).on_paper(cutoff, null_rate, max_n)
