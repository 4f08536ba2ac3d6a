"""Likelihood ratios as boundaries: against one rate that is named, or against whatever was observed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.designs.design import Family
from rules.statistics.recursion import Counts, Floats

_ROUNDING = 1e-15
"""Relative rounding of n p₀: 29 of 100 at .29 is not above the null rate, though 100 * 0.29 < 29."""


@dataclass(frozen=True, slots=True)
class Sprt(Family):
    """Stop when log LR = s ln(p₁ / p₀) + (n − s) ln((1 − p₁) / (1 − p₀)) ≥ c; `critical_value` is c.

    Wald's sequential test without a lower boundary, truncated at the last look, c calibrated: Goldman, Controlled
    Clinical Trials 1987;8:185, doi 10.1016/0197-2456(87)90153-X.

    Parameters
    ----------
    p1: event probability to be detected, above the null rate.
    """

    p1: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p1", checks.probability("p1", self.p1))

    def check(self, null_rate: float, looks: Counts) -> None:  # noqa: ARG002
        """`p1` above the null rate."""
        checks.above_null("p1", self.p1, null_rate)

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """s − n × slope: log LR in units of one more event, so that ties are told apart however near p₁ is to p₀."""
        step, fall = self._step(null_rate)
        return np.asarray(events - n * (fall / step))

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:  # noqa: ARG002
        """The log likelihood ratio c."""
        step, _ = self._step(null_rate)
        return cutoff * step

    def _step(self, null_rate: float) -> tuple[float, float]:
        """What an event in place of none adds to log LR, and what each subject takes from it."""
        more = self.p1 - null_rate
        fall = -math.log1p(-more / (1.0 - null_rate))
        return math.log1p(more / null_rate) + fall, fall


@dataclass(frozen=True, slots=True)
class MaxSprt(Family):
    """Stop when s/n > p₀ and log LR = s ln(s / (n p₀)) + (n − s) ln((n − s) / (n (1 − p₀))) ≥ c.

    The likelihood ratio maximised over rates above the null; `critical_value` is c. Kulldorff, Davis, Kolczak, Lewis,
    Lieu & Platt, Sequential Analysis 2011;30:58, section 4; minimum events: Kulldorff & Silva, REVSTAT 2015;13:373.

    Parameters
    ----------
    min_events: no stop before this many events; at least 1.
    """

    min_events: int = 1

    def __post_init__(self) -> None:
        allowed = "a whole number of at least 1"
        least = checks.whole("min_events", self.min_events, allowed)
        if least < 1:
            raise DesignError("min_events", self.min_events, allowed)
        object.__setattr__(self, "min_events", least)

    def check(self, null_rate: float, looks: Counts) -> None:  # noqa: ARG002
        """`min_events` that the last look can have."""
        if self.min_events > looks[-1]:
            raise DesignError("min_events", self.min_events, f"from 1 to {looks[-1]}, the subjects at the last look")

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """The log likelihood ratio; its negative at or below the null rate, so that it rises in events throughout."""
        ratio = rel_entr(events, n * null_rate) + rel_entr(n - events, n * (1.0 - null_rate))
        return np.asarray(np.where(events > n * null_rate, ratio, -ratio))

    def least(self, looks: Counts, null_rate: float) -> Counts:
        """The smallest count above n p₀ that is at least `min_events`."""
        above = np.floor(looks * null_rate * (1.0 + _ROUNDING)).astype(np.int64) + 1
        return np.asarray(np.maximum(above, self.min_events))

    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:  # noqa: ARG002
        """c; 0 where every count above the null rate stops."""
        return max(cutoff, 0.0)
