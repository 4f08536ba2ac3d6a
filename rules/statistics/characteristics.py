"""What a boundary does at a true event rate: how often it stops, when, and after how many subjects and events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, overload

import numpy as np

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.recursion import Floats, as_counts, stopping_probabilities

if TYPE_CHECKING:
    from rules.statistics.exposure import ExposureBoundary, ExposureCharacteristics

ROUNDING = 1e-12
"""Cumulative probability this close below a quantile's level has reached it."""


@dataclass(frozen=True, slots=True)
class Characteristics:
    """One row of operating characteristics.

    Parameters
    ----------
    rate: true event probability per subject.
    p_stop: probability that the boundary is crossed at some look.
    expected_n: subjects observed when the boundary is crossed, or the last look where it never is; mean.
    expected_events: events among them; mean.
    looks: numbers of subjects at which the boundary looks; empty where it does not count subjects.
    stage_probabilities: probability of stopping at each look, of the same length; they sum to `p_stop`.
    """

    rate: float
    p_stop: float
    expected_n: float
    expected_events: float
    looks: tuple[int, ...] = ()
    stage_probabilities: tuple[float, ...] = ()

    @property
    def median_n(self) -> int:
        """Median of the subjects observed: `quantile_n(0.5)`."""
        return self.quantile_n(0.5)

    def quantile_n(self, q: float) -> int:
        """The smallest number of subjects n with P(observed ≤ n) ≥ q, counted as `expected_n` counts them.

        A trial that never crosses counts with the last look, so that its quantiles say when a trial *ends*; of
        those that stop say `stopped_quantile_n`.

        Raises
        ------
        DesignError: q outside (0, 1), or a boundary that does not count subjects.
        """
        level = self._level(q)
        return self._first(level) or self.looks[-1]

    def stopped_quantile_n(self, q: float) -> int | None:
        """The same among the trials that stop; None where none ever does."""
        level = self._level(q) * self.p_stop
        return self._first(level) if self.p_stop > 0 else None

    def stopped_by(self, n: int) -> float:
        """Probability of having stopped at a look of at most n subjects."""
        return min(sum(p for look, p in zip(self.looks, self.stage_probabilities, strict=True) if look <= n), 1.0)

    def _level(self, q: float) -> float:
        if not self.looks:
            raise DesignError("q", q, "for boundaries that look at numbers of subjects only")
        return checks.probability("q", q)

    def _first(self, level: float) -> int | None:
        reached = zip(self.looks, accumulate(self.stage_probabilities), strict=True)
        return next((look for look, total in reached if total >= level * (1 - ROUNDING)), None)


@overload
def operating_characteristics(boundary: Boundary, rates: Iterable[float]) -> tuple[Characteristics, ...]: ...


@overload
def operating_characteristics(
    boundary: ExposureBoundary, rates: Iterable[float]
) -> tuple[ExposureCharacteristics, ...]: ...


def operating_characteristics(
    boundary: Boundary | ExposureBoundary, rates: Iterable[float]
) -> tuple[Characteristics, ...] | tuple[ExposureCharacteristics, ...]:
    """Exact characteristics at each true rate, in the order given, for independent and immediate outcomes.

    With staggered entry more subjects have been dosed when a crossing becomes known than are counted here:
    `staggered_characteristics` counts those too. Expected events are rate × expected subjects (Wald's identity,
    exact for stopping times). An exposure boundary is judged by `exposure_characteristics`.

    Parameters
    ----------
    boundary: of any design.
    rates: true event probabilities per subject, from 0 to 1.

    Raises
    ------
    DesignError: a rate outside 0 to 1.

    Source: the recursion of Schultz et al., Biometrics 1973;29:293.
    """
    if not isinstance(boundary, Boundary):
        from rules.statistics.exposure import exposure_characteristics  # that room builds on this module's types

        return exposure_characteristics(boundary, rates)
    checked = checked_rates(rates)
    looks = np.array(boundary.looks, dtype=np.int64)
    stopped = stopping_probabilities(looks, as_counts(boundary.looks, boundary.stop_at), checked)
    p_stop = np.minimum(stopped.sum(axis=1), 1.0).tolist()
    expected = (boundary.max_n - stopped @ (boundary.max_n - looks)).tolist()
    rows = zip(checked.tolist(), p_stop, expected, stopped.tolist(), strict=True)
    return tuple(Characteristics(rate, p, n, rate * n, boundary.looks, tuple(stages)) for rate, p, n, stages in rows)


def checked_rates(rates: Iterable[float]) -> Floats:
    """True event rates as an array, each from 0 to 1. Raises DesignError for anything else."""
    if isinstance(rates, (str, bytes)) or not isinstance(rates, Iterable):
        raise DesignError("rates", rates, "numbers from 0 to 1")
    return np.array([checks.rate("rates", rate) for rate in rates], dtype=np.float64)


def false_alarm_with_dropout(boundary: Boundary, dropout: float) -> float:
    """P(stop) at the null rate when subjects who leave the window without an event are taken out of the sequence.

    Leaving takes out subjects without events only, so that among those kept the event probability rises to
    p / (p + (1 − p)(1 − dropout)); kept subjects stay independent and alike, and the recursion is exact. Conservative
    twice: nobody leaves before an event that would have come, and those who leave are replaced until the last look.

    Parameters
    ----------
    boundary: the design.
    dropout: probability that a subject without an event is documented as leaving early, in [0, 1).

    Raises
    ------
    DesignError: dropout outside [0, 1).
    """
    leaving = checks.rate("dropout", dropout)
    if leaving == 1:
        raise DesignError("dropout", dropout, "a number from 0 to below 1")
    p = boundary.null_rate
    return operating_characteristics(boundary, [p / (p + (1 - p) * (1 - leaving))])[0].p_stop
