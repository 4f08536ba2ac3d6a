"""What an exposure boundary does at a true event rate: how often it stops, after which events and exposures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from scipy.optimize import brentq

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.boundary import ExposureBoundary, hazard
from rules.statistics.exposure.process import first_passage, stopped_within

ROUNDING = 1e-12
"""Cumulative probability this close below a quantile's level has reached it."""

SMALLEST = 1e-290
"""Probabilities below are not told apart from 0."""


@dataclass(frozen=True, slots=True)
class ExposureCharacteristics:
    """One row of operating characteristics, for events that are a Poisson process of constant hazard.

    Parameters
    ----------
    rate: true probability that a subject followed through the window has an event.
    p_stop: probability that the boundary is crossed within max_n × window.
    expected_events: events at the crossing, or at the end where there is none; mean.
    expected_exposure: total exposure then, in the unit of the window; mean.
    events: numbers of the events at which the boundary can stop.
    stage_probabilities: probability of stopping with each, of the same length; they sum to `p_stop`.
    unstopped: probability of ending without a crossing and with 0, 1, … events.
    """

    rate: float
    p_stop: float
    expected_events: float
    expected_exposure: float
    events: tuple[int, ...]
    stage_probabilities: tuple[float, ...]
    unstopped: tuple[float, ...]
    boundary: ExposureBoundary = field(repr=False)

    @property
    def median_events(self) -> int:
        """Median number of events at the end of the trial, however it ends: `quantile_events(0.5)`."""
        return self.quantile_events(0.5)

    @property
    def median_exposure(self) -> float:
        """Median exposure at the end of the trial, however it ends: `quantile_exposure(0.5)`."""
        return self.quantile_exposure(0.5)

    def quantile_events(self, q: float) -> int:
        """The smallest number of events with P(events ≤ it) ≥ q, counted as `expected_events` counts them.

        Raises
        ------
        DesignError: q outside (0, 1).
        """
        level = checks.probability("q", q)
        totals = np.zeros(max(len(self.unstopped), self.events[-1] + 1))
        totals[: len(self.unstopped)] += self.unstopped
        totals[self.events[0] : self.events[-1] + 1] += self.stage_probabilities
        reached = accumulate(totals.tolist())
        return next((k for k, total in enumerate(reached) if total >= level * (1 - ROUNDING)), len(totals) - 1)

    def quantile_exposure(self, q: float) -> float:
        """The exposure x with P(stopped by x) = q, all of max_n × window where no more than q of trials stop.

        Raises
        ------
        DesignError: q outside (0, 1).
        """
        level = checks.probability("q", q)
        end = self.boundary.total_exposure
        if self.p_stop <= level:
            return end
        start = self.boundary.first_exposure
        if self.stopped_by(start) >= level:
            return start
        return float(brentq(lambda x: self.stopped_by(x) - level, start, end, xtol=1e-12 * end, rtol=1e-14))

    def stopped_by(self, exposure: float) -> float:
        """Probability of having stopped at a total exposure of at most this, in the unit of the window."""
        if exposure <= 0:
            return 0.0
        b = self.boundary
        events, up_to = np.array(b.events, dtype=np.int64), np.array(b.up_to_exposure)
        return stopped_within(events, up_to, hazard(self.rate, b.window), b.first_exposure, float(exposure))


def exposure_characteristics(boundary: ExposureBoundary, rates: Iterable[float]) -> tuple[ExposureCharacteristics, ...]:
    """Exact characteristics at each true rate, in the order given, for a Poisson process of constant hazard.

    The hazard is that of the rate over the window, λ = −ln(1 − p) / window, and the process runs to max_n × window
    whatever alpha was calibrated over. Expected exposure is expected events / λ (Wald's identity). A trial has one
    first event a subject and stops contributing then: see `simulated_alpha` for what that changes.

    Parameters
    ----------
    boundary: the design.
    rates: true event probabilities within the window, from 0 to below 1.

    Raises
    ------
    DesignError: a rate outside [0, 1).
    """
    if isinstance(rates, (str, bytes)) or not isinstance(rates, Iterable):
        raise DesignError("rates", rates, "numbers from 0 to below 1")
    return tuple(_row(boundary, _rate(rate)) for rate in rates)


def _row(boundary: ExposureBoundary, rate: float) -> ExposureCharacteristics:
    events, up_to = np.array(boundary.events, dtype=np.int64), np.array(boundary.up_to_exposure)
    true = hazard(rate, boundary.window)
    passage = first_passage(events, up_to, true, boundary.first_exposure)
    expected = passage.expected_events
    return ExposureCharacteristics(
        rate=rate,
        p_stop=passage.p_stop,
        expected_events=expected,
        expected_exposure=min(expected / true, boundary.total_exposure) if true > SMALLEST else boundary.total_exposure,
        events=tuple(passage.events.tolist()),
        stage_probabilities=tuple(passage.stopped.tolist()),
        unstopped=tuple(passage.running.tolist()),
        boundary=boundary,
    )


def _rate(value: object) -> float:
    checked = checks.rate("rates", value)
    if checked == 1 or math.isinf(hazard(checked, 1.0)):
        raise DesignError("rates", value, "numbers from 0 to below 1: a certain event has no hazard")
    return checked
