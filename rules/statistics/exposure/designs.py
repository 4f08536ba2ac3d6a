"""The exposure designs: each says by when, in expected events, an event number is early enough at a cutoff.

With μ = λ0 × exposure, the events expected at the null hazard, every design here is a statistic of (e, μ) that
falls in μ: event number e stops as long as μ ≤ μ_e, the μ at which the statistic equals the cutoff.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from scipy.special import gammainccinv, gammaincinv, lambertw

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.boundary import hazard
from rules.statistics.exposure.process import Floats


@dataclass(frozen=True, slots=True)
class Setting:
    """What a trial fixes before a design is chosen: the null rate, the number of subjects and their window."""

    null_rate: float
    max_n: int
    window: float

    @property
    def hazard(self) -> float:
        """Events per unit of exposure at the null rate."""
        return hazard(self.null_rate, self.window)

    @property
    def horizon(self) -> float:
        """Events expected at the null hazard when every subject is followed through the window."""
        return -self.max_n * math.log1p(-self.null_rate)

    @property
    def expected_horizon(self) -> float:
        """Events expected when exposure ends with a subject's event: n p0."""
        return self.max_n * self.null_rate


class ExposureDesign(ABC):
    """A way to a boundary on exposure. A subclass is a frozen dataclass; its fields are its parameters, in order."""

    optional: ClassVar[tuple[str, ...]] = ()
    """Parameters that may be left out of the stored rule because the setting decides them."""

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Names of the parameters, as in YAML and Python, in the order of the command line."""
        return tuple(f.name for f in fields(cls))  # type: ignore[arg-type]

    @abstractmethod
    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:
        """μ_e: expected events at or before which each event number stops; 0 or below where none is early enough.

        Parameters
        ----------
        events: event numbers ≥ 1, increasing.
        strictness: above 0; the boundary falls everywhere as it grows.
        setting: the trial.
        """

    def on_paper(self, strictness: float) -> float:
        """The cutoff on the scale in which the design's paper states it."""
        return strictness

    def check(self, setting: Setting, end: float) -> None:  # noqa: B027
        """Refuse parameters that this trial cannot have when alpha is calibrated up to `end` expected events.

        Raises
        ------
        DesignError: naming the parameter.
        """

    @property
    def first_event(self) -> int:
        """Events before this number never stop."""
        return 1

    @property
    def delay(self) -> float:
        """Expected events before which nothing is judged."""
        return 0.0

    def values(self) -> Mapping[str, float]:
        """The parameters as given, for the stored rule version."""
        given = {name: getattr(self, name) for name in self.parameters()}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ExposurePocock(ExposureDesign):
    """Stop when (e − μ) / √μ ≥ c, one c for all exposures; `critical_value` is c.

    The score statistic of a Poisson rate against Pocock's constant boundary (Wang-Tsiatis with Δ = 1/2): Martens,
    Lian, Geller, Leifer & Logan, Clinical Trials 2025, doi 10.1177/17407745241304119.
    """

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:  # noqa: ARG002
        """μ_e = (2e / (c + √(c² + 4e)))², the root of μ + c √μ = e."""
        root = 2.0 * events / (strictness + np.hypot(strictness, 2.0 * np.sqrt(events)))
        return np.asarray(root**2)


@dataclass(frozen=True, slots=True)
class ExposureOBrienFleming(ExposureDesign):
    """Stop when (e − μ) / √μ ≥ c √(μ_max / μ), that is e − μ ≥ c √μ_max; `critical_value` is c.

    Wang-Tsiatis with Δ = 0 (O'Brien & Fleming, Biometrics 1979;35:549) on the information μ / μ_max, with
    μ_max = λ0 × max_n × window whichever exposure alpha is calibrated over.
    """

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:
        """μ_e = e − c √μ_max."""
        return events - strictness * math.sqrt(setting.horizon)


@dataclass(frozen=True, slots=True)
class ExposureWangTsiatis(ExposureDesign):
    """Stop when (e − μ) / √μ ≥ c (μ / μ_max)^(Δ − 1/2); `critical_value` is c.

    Wang & Tsiatis, Biometrics 1987;43:193, section 2, with the score statistic of a Poisson rate; μ_max as in
    `ExposureOBrienFleming`.

    Parameters
    ----------
    delta: Δ, from 0 (O'Brien-Fleming) through 1/2 (Pocock) to 1, which asks ever more as exposure grows.
    """

    delta: float

    def __post_init__(self) -> None:
        allowed = "a number from 0 (O'Brien-Fleming) through 0.5 (Pocock) to 1"
        delta = checks.number("delta", self.delta, allowed)
        if not 0 <= delta <= 1:
            raise DesignError("delta", self.delta, allowed)
        object.__setattr__(self, "delta", delta)

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:
        """The root of μ + c μ_max^(1/2 − Δ) μ^Δ = e."""
        if self.delta < _NO_POWER:
            return ExposureOBrienFleming().stop_by(events, strictness, setting)
        weight = math.log(strictness) + (0.5 - self.delta) * math.log(setting.horizon)
        return _sum_of_powers(events, weight, self.delta)


_NO_POWER = 1e-12
"""Δ below which μ^Δ is 1 to more digits than a boundary has, and a root by Δ would overflow."""


def _sum_of_powers(total: Floats, weight: float, power: float) -> Floats:
    """The root of x + e^weight x^power = total, by Newton's method on log x from above: convex, so it never overshoots.

    Roots below the smallest float are 0.
    """
    log_total = np.log(total)
    y = np.minimum(log_total, (log_total - weight) / power)
    for _ in range(100):
        x, rest = np.exp(y), np.exp(weight + power * y)
        step = (x + rest - total) / (x + power * rest)
        y = np.maximum(y - step, -1e4)
        if np.all(np.abs(step) <= 1e-15 * np.maximum(np.abs(y), 1.0)):
            break
    return np.exp(y)


@dataclass(frozen=True, slots=True)
class ExposureGammaPoisson(ExposureDesign):
    """Stop when the posterior P(λ > λ0) ≥ c under a Gamma(shape, rate) prior on the hazard; `critical_value` is c.

    The posterior after e events in exposure u is Gamma(shape + e, rate + u). Geller, Follmann, Leifer & Carter,
    "Design of early trials in stem cell transplantation", 2003 (ISBN 9781135524388), with the conjugate prior of a
    Poisson rate; c is calibrated.

    Parameters
    ----------
    shape: positive, in events; how much the prior counts.
    rate: positive, in exposure (the unit of `window`). Left out, it is shape / λ0, so that the prior mean is λ0.
    """

    optional: ClassVar[tuple[str, ...]] = ("rate",)

    shape: float
    rate: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checks.prior("shape", self.shape))
        if self.rate is not None:
            allowed = "a positive exposure in the unit of the window, or left out for shape / null hazard"
            rate = checks.number("rate", self.rate, allowed)
            if rate <= 0:
                raise DesignError("rate", self.rate, allowed)
            object.__setattr__(self, "rate", rate)

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:
        """λ0 (u_e + rate) is the upper c-quantile of a Gamma(shape + e, 1) variable; strictness is −log(1 − c)."""
        prior = self.shape if self.rate is None else self.rate * setting.hazard
        below = math.exp(-strictness)
        total = self.shape + events
        quantile = gammaincinv(total, below) if below < 0.5 else gammainccinv(total, -math.expm1(-strictness))
        return np.asarray(quantile) - prior

    def on_paper(self, strictness: float) -> float:
        """The posterior probability c."""
        return -math.expm1(-strictness)


@dataclass(frozen=True, slots=True)
class ExposureSprt(ExposureDesign):
    """Stop when log LR = e log(λ1 / λ0) − (λ1 − λ0) u ≥ c; `critical_value` is c.

    Wald's sequential test of a Poisson rate truncated at the last exposure and without a lower boundary, c calibrated:
    Goldman, Controlled Clinical Trials 1987;8:185, doi 10.1016/0197-2456(87)90153-X.

    Parameters
    ----------
    p1: event probability within the window to be detected, above the null rate; λ1 = −ln(1 − p1) / window.
    """

    p1: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p1", checks.probability("p1", self.p1))

    def check(self, setting: Setting, end: float) -> None:  # noqa: ARG002
        """`p1` above the null rate."""
        if self.p1 <= setting.null_rate:
            raise DesignError("p1", self.p1, f"a number above the null rate {setting.null_rate:g} and below 1")

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:
        """μ_e = (e log r − c) / (r − 1) with r = λ1 / λ0."""
        ratio = math.log1p(-self.p1) / math.log1p(-setting.null_rate)
        return (events * math.log(ratio) - strictness) / (ratio - 1.0)


@dataclass(frozen=True, slots=True)
class ExposureMaxSprt(ExposureDesign):
    """Stop when the maximised log LR = (μ − e) + e log(e / μ) ≥ c while e > μ; `critical_value` is c.

    Kulldorff, Davis, Kolczak, Lewis, Lieu & Platt, Sequential Analysis 2011;30:58, section 2; minimum events and
    delay as in Kulldorff & Silva, REVSTAT 2015;13:373. With a delay the false alarm falls in steps, and alpha is kept
    from below.

    Parameters
    ----------
    min_events: no signal before this many events; at least 1.
    delay: no look before this many events are expected at the null; at least 0.
    """

    min_events: int = 1
    delay: float = 0.0

    def __post_init__(self) -> None:
        allowed = "a whole number of at least 1"
        least = checks.whole("min_events", self.min_events, allowed)
        if least < 1:
            raise DesignError("min_events", self.min_events, allowed)
        late = checks.number("delay", self.delay, "a number of expected events, at least 0")
        if late < 0:
            raise DesignError("delay", self.delay, "a number of expected events, at least 0")
        object.__setattr__(self, "min_events", least)
        object.__setattr__(self, "delay", late)

    def check(self, setting: Setting, end: float) -> None:
        """`min_events` that the subjects can have, and a `delay` that ends before the exposure does."""
        if self.min_events > setting.max_n:
            raise DesignError("min_events", self.min_events, f"at most one event for each of {setting.max_n} subjects")
        if self.delay >= end:
            allowed = f"below the {end:g} events expected at the null over the exposure alpha is calibrated for"
            raise DesignError("delay", self.delay, allowed)

    @property
    def first_event(self) -> int:
        """`min_events`."""
        return self.min_events

    def stop_by(self, events: Floats, strictness: float, setting: Setting) -> Floats:  # noqa: ARG002
        """μ_e = −e W(−exp(−1 − c / e)) with Lambert's W, the root below e of μ − e − e log(μ / e) = c."""
        return np.asarray(-events * lambertw(-np.exp(-1.0 - strictness / events)).real, dtype=np.float64)


EXPOSURE_METHODS: Mapping[str, type[ExposureDesign]] = MappingProxyType(
    {
        "exposure_pocock": ExposurePocock,
        "exposure_obrien_fleming": ExposureOBrienFleming,
        "exposure_wang_tsiatis": ExposureWangTsiatis,
        "exposure_gamma_poisson": ExposureGammaPoisson,
        "exposure_sprt": ExposureSprt,
        "exposure_max_sprt": ExposureMaxSprt,
    }
)
"""Name in YAML, Python and on the command line → design."""
