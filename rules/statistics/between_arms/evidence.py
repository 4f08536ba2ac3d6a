"""Evidence that treatment has the higher rate, for every pair of counts at one look; what an alerting cutoff is on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.between_arms.posterior import excess

Floats = NDArray[np.float64]


class Statistic(ABC):
    """A statistic of two proportions. A subclass is a frozen dataclass; its fields are its parameters."""

    @abstractmethod
    def grid(self, n_treated: int, n_control: int) -> Floats:
        """Evidence at each (events on treatment, events on control), shape (n_treated + 1, n_control + 1).

        −∞ where the proportion on treatment is not the higher one: nothing there may alert.
        """


def _proportions(n_treated: int, n_control: int) -> tuple[Floats, Floats]:
    return np.arange(n_treated + 1)[:, np.newaxis] / n_treated, np.arange(n_control + 1)[np.newaxis] / n_control


@dataclass(frozen=True, slots=True)
class ScoreStatistic(Statistic):
    """The z at which the lower Miettinen–Nurminen limit is 0: the score test of no difference.

    Source: Miettinen & Nurminen, Statistics in Medicine 1985;4:213, equation 8 at a difference of 0.
    """

    def grid(self, n_treated: int, n_control: int) -> Floats:
        """Difference over its standard error under equal rates, with the factor N / (N − 1)."""
        p, q = _proportions(n_treated, n_control)
        total = n_treated + n_control
        pooled = (p * n_treated + q * n_control) / total
        variance = pooled * (1 - pooled) * (1 / n_treated + 1 / n_control) * total / max(total - 1, 1)
        higher = p - q > 1e-12
        return np.where(higher, (p - q) / np.sqrt(np.where(higher, variance, 1.0)), -np.inf)


@dataclass(frozen=True, slots=True)
class HybridScore(Statistic):
    """The z at which the lower Newcombe limit is 0.

    Source: Newcombe, Statistics in Medicine 1998;17:873, method 10.
    """

    def grid(self, n_treated: int, n_control: int) -> Floats:
        """By bisection: the lower limit falls as z rises."""
        p, q = np.broadcast_arrays(*_proportions(n_treated, n_control))
        low = np.zeros_like(p)
        high = np.full_like(p, 3.0 * np.sqrt(n_treated + n_control))
        for _ in range(60):
            z = (low + high) / 2
            down = p - _wilson(p, n_treated, z)
            up = 1 - _wilson(1 - q, n_control, z) - q
            positive = (p - q) ** 2 > down**2 + up**2
            low, high = np.where(positive, z, low), np.where(positive, high, z)
        return np.where(p - q > 1e-12, low, -np.inf)


def _wilson(p: Floats, n: int, z: Floats) -> Floats:
    """Lower Wilson limit, without the difference of like terms that loses digits near 0."""
    half = z * np.sqrt(p * (1 - p) * n + z**2 / 4)
    return np.asarray(n * p**2 / np.maximum(n * p + z**2 / 2 + half, 1e-300))


@dataclass(frozen=True, slots=True)
class TwoBeta(Statistic):
    """The posterior probability that the rate on treatment exceeds that on control by more than `delta`.

    Parameters
    ----------
    prior_a, prior_b: beta prior of either arm.
    delta: at least 0 and below 1.

    Source: Thall & Simon, Biometrics 1994;50:337, with both rates unknown.
    """

    prior_a: float = 0.5
    prior_b: float = 0.5
    delta: float = 0.0

    def __post_init__(self) -> None:
        checks.prior("prior_a", self.prior_a)
        checks.prior("prior_b", self.prior_b)
        if not 0 <= checks.number("delta", self.delta, "a number from 0 to below 1") < 1:
            raise DesignError("delta", self.delta, "a number from 0 to below 1")

    def grid(self, n_treated: int, n_control: int) -> Floats:
        """By quadrature, for the counts with the higher proportion on treatment."""
        p, q = _proportions(n_treated, n_control)
        treated, control = np.nonzero(p - q > 1e-12)
        a1, b1 = self.prior_a + treated, self.prior_b + n_treated - treated
        found = np.full((n_treated + 1, n_control + 1), -np.inf)
        found[treated, control] = excess(a1, b1, self.prior_a + control, self.prior_b + n_control - control, self.delta)
        return found


STATISTICS: Mapping[str, type[Statistic]] = MappingProxyType(
    {"miettinen_nurminen": ScoreStatistic, "newcombe": HybridScore, "two_beta": TwoBeta}
)
"""Name in configuration and Python → statistic."""
