"""A stated null scenario: what happens in a trial that is acceptably safe, as far as the rules of a study can see it.

Nothing here has a default that stands for a fact of the trial: a scenario that nobody stated is not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.onset import Onset as Power

Floats = NDArray[np.float64]

OnsetKind = Literal["uniform", "front_loaded", "exponential"]

MAX_DAYS = 36_500
"""The longest time after first dose that is simulated, in days."""

_EARLY = Power(0.5)


@dataclass(frozen=True, slots=True)
class OnsetDays:
    """On which day after first dose an event comes, given that it comes by `within_days`.

    Parameters
    ----------
    kind: `uniform`: every day alike. `front_loaded`: F(t) = √(t / T), half of the events in the first quarter.
        `exponential`: a constant hazard, cut at T. T is the whole of day `within_days`.
    within_days: last possible day in elapsed days, first dose = day 0.
    median_days: exponential only: the median before it is cut at T; ln 2 / hazard.

    Raises
    ------
    DesignError: days that are not positive, a median that is missing or that the kind does not have.
    """

    kind: OnsetKind
    within_days: int
    median_days: float | None = None

    def __post_init__(self) -> None:
        days = checks.whole("within_days", self.within_days, f"whole days from 0 to {MAX_DAYS}")
        if not 0 <= days <= MAX_DAYS:
            raise DesignError("within_days", self.within_days, f"whole days from 0 to {MAX_DAYS}")
        checks.known_word("onset", self.kind, ("uniform", "front_loaded", "exponential"), "uniform, front_loaded, …")
        if (self.median_days is not None) != (self.kind == "exponential"):
            raise DesignError(
                "median_days", self.median_days, "given for an exponential onset, in days, and left out for another"
            )
        if self.median_days is not None and checks.number("median_days", self.median_days, "days above 0") <= 0:
            raise DesignError("median_days", self.median_days, "days above 0")

    def days(self, share: Floats) -> NDArray[np.int32]:
        """The day by which these shares of the events have come: the inverse of F, in whole days.

        Parameters
        ----------
        share: uniform numbers in [0, 1), any shape.
        """
        end = self.within_days + 1
        if self.median_days is None:
            time = end * (share if self.kind == "uniform" else _EARLY.fraction(share))
        else:
            hazard = math.log(2) / self.median_days
            time = -np.log1p(share * math.expm1(-hazard * end)) / hazard
        return np.minimum(time, self.within_days).astype(np.int32)


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event that happens in a safe trial, at most once in a subject.

    Parameters
    ----------
    name: for people.
    rates: probability per subject that it comes by `onset.within_days`, one for each arm of the scenario.
    onset: when, given that it comes.
    grade: CTCAE grade 1..5.   related, serious, death: what its record says.
    unexpected, soc, lesion_role: likewise, None where the scenario does not say.
    terms: names of the term lists that hold its coded term; () = in no list.
    distinct_terms: number of coded terms it spreads over, alike; 1, all events alike, gives the most coincidences.

    Raises
    ------
    DesignError: rates outside [0, 1), a grade outside 1 to 5, a death that is not serious or not of grade 5.
    """

    name: str
    rates: tuple[float, ...]
    onset: OnsetDays
    grade: int
    related: bool
    serious: bool
    death: bool = False
    unexpected: bool | None = None
    soc: str | None = None
    lesion_role: Literal["treated", "control", "systemic"] | None = None
    terms: tuple[str, ...] = ()
    distinct_terms: int = 1

    def __post_init__(self) -> None:
        for rate in self.rates:
            if checks.rate("rate", rate) == 1:
                raise DesignError("rate", rate, "numbers from 0 to below 1")
        if self.grade not in range(1, 6):
            raise DesignError("grade", self.grade, "a CTCAE grade, 1 to 5")
        if self.death and not (self.serious and self.grade == 5):
            raise DesignError("death", True, "false, unless the event is serious and of grade 5")
        if checks.whole("distinct_terms", self.distinct_terms, "1 to 1,000") not in range(1, 1001):
            raise DesignError("distinct_terms", self.distinct_terms, "1 to 1,000")


@dataclass(frozen=True, slots=True)
class Scenario:
    """How safe trials of one study run.

    Parameters
    ----------
    n: subjects dosed in each trial.
    arms: arm → share of the subjects in whole numbers; subjects are dealt in permuted blocks of the sum.
    events: the types of event.
    correlation: between the latent normal variables of any two types in one subject, in [0, 1): the Gaussian copula
        with one common factor. Rates stay exactly as stated, whatever the correlation.
    accrual_per_month: subjects dosed in a month (30.4375 days), mean of a Poisson process.
    dropout: probability that a subject leaves by `followup_days`, whatever its events, on a day spread evenly.
    followup_days: how long each subject is followed after first dose.
    known_after_days: from an onset until its record is here.

    Raises
    ------
    DesignError: a number outside what is said here, an onset after `followup_days`, rates that do not fit the arms.

    Source: Emrich & Piedmonte, The American Statistician 1991;45:302 (correlated binary variables as thresholds of
    normal ones); blocks: ICH E9 §2.3.2.
    """

    n: int
    events: tuple[EventType, ...]
    correlation: float
    accrual_per_month: float
    dropout: float
    followup_days: int
    arms: Mapping[str, int] = field(default_factory=lambda: {"all": 1}, hash=False)
    known_after_days: int = 0

    def __post_init__(self) -> None:
        _check_size("n", self.n, 1, checks.MAX_SUBJECTS)
        _check_size("followup_days", self.followup_days, 0, MAX_DAYS)
        _check_size("known_after_days", self.known_after_days, 0, MAX_DAYS)
        for share in self.arms.values():
            _check_size("arms", share, 1, 100)
        for name in ("correlation", "dropout"):
            if checks.rate(name, getattr(self, name)) == 1:
                raise DesignError(name, getattr(self, name), "a number from 0 to below 1")
        if not 1e-3 <= checks.number("accrual_per_month", self.accrual_per_month, "subjects a month") <= 1e6:
            raise DesignError("accrual_per_month", self.accrual_per_month, "0.001 to 1,000,000 subjects a month")
        for one in self.events:
            if len(one.rates) != len(self.arms):
                raise DesignError("rate", one.rates, f"one for each arm: {', '.join(self.arms)}")
            if one.onset.within_days > self.followup_days:
                raise DesignError("within_days", one.onset.within_days, f"at most {self.followup_days}, the follow-up")
        if not self.events or not self.arms:
            raise DesignError("events", self.events, "at least one type of event and one arm")


def _check_size(name: str, value: object, least: int, most: int) -> None:
    allowed = f"a whole number from {least:,} to {most:,}"
    if not least <= checks.whole(name, value, allowed) <= most:
        raise DesignError(name, value, allowed)
