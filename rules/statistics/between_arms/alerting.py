"""A cutoff between arms that may alert: its looks, their maximum and its alpha are fixed before it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.between_arms.evidence import STATISTICS, Statistic
from rules.statistics.between_arms.multiplicity import Multiplicity
from rules.statistics.between_arms.recursion import Bools, Looks, stopping_probability
from rules.statistics.search import ROUNDING, TIE

MAX_PER_ARM = 200
"""The most subjects an arm: the joint distribution of both counts is carried exactly."""

NULL_RATES = tuple(step / 100 for step in range(1, 100))
"""Rates common to both arms at which the false alarm is computed; the worst of them is kept at alpha."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What calibrated looks say. Only `AlertingPlan.judge` gives one; limits that are merely shown never do.

    Parameters
    ----------
    alerts: some look reached the cutoff.
    look: (treated, control) subjects of the first that did, else of the last look reached, None before the first.
    events: (treated, control) events at that look.
    evidence: the statistic there; None before the first look.
    next_look: the first look that is not reached yet, None after the last.
    """

    alerts: bool
    look: tuple[int, int] | None
    events: tuple[int, int] | None
    evidence: float | None
    next_look: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class AlertingPlan:
    """Looks between two arms whose cutoff keeps alpha at the worst common rate. Made by `calibrate_between`.

    Parameters
    ----------
    method: key of `STATISTICS`.   statistic: it, with its parameters.
    looks: (treated, control) evaluable subjects at each look, in order of first dose within each arm.
    cutoff: an alert where the evidence reaches it; the middle of the interval of cutoffs with the same region.
    attained_alpha: exact false alarm of this term at `worst_null_rate`, the largest over `null_rates`.
    multiplicity: how many terms are tested, alpha of all and of each.
    grids: the evidence at every pair of counts of each look.
    """

    method: str
    statistic: Statistic
    looks: tuple[tuple[int, int], ...]
    cutoff: float
    attained_alpha: float
    worst_null_rate: float
    null_rates: tuple[float, ...]
    multiplicity: Multiplicity
    grids: tuple[NDArray[np.float64], ...] = field(repr=False, hash=False, compare=False)

    @property
    def regions(self) -> tuple[Bools, ...]:
        """Where each look alerts: flags on (events on treatment, events on control)."""
        return tuple(grid >= self.cutoff for grid in self.grids)

    def judge(
        self, treated: Sequence[bool] | NDArray[np.bool_], control: Sequence[bool] | NDArray[np.bool_]
    ) -> Verdict:
        """Look at every designed look that both arms have reached, whenever that is asked: polls are no looks.

        Parameters
        ----------
        treated, control: one flag for each *evaluable* subject (window closed) of the arm, in order of first dose.

        Raises
        ------
        DesignError: flags that are not true or false.
        """
        sums = [np.append(0, np.cumsum(_flags(name, v))) for name, v in (("treated", treated), ("control", control))]
        reached = [i for i, look in enumerate(self.looks) if all(n < len(s) for n, s in zip(look, sums, strict=True))]
        following = next((look for i, look in enumerate(self.looks) if i not in reached), None)
        found: tuple[int, tuple[int, int], bool] | None = None
        for i in reached:
            events = (int(sums[0][self.looks[i][0]]), int(sums[1][self.looks[i][1]]))
            found = (i, events, bool(self.grids[i][events] >= self.cutoff))
            if found[2]:
                break
        if found is None:
            return Verdict(False, None, None, None, following)
        at, events, alerts = found
        return Verdict(alerts, self.looks[at], events, float(self.grids[at][events]), following)

    def power(self, treated: float, control: float) -> float:
        """Exact probability of an alert at two true rates. Raises DesignError outside [0, 1]."""
        rates = [np.array([checks.rate(n, v)]) for n, v in (("treated", treated), ("control", control))]
        return float(stopping_probability(self.looks, self.regions, *rates)[0])


def calibrate_between(
    method: str,
    *,
    looks: Iterable[tuple[int, int]],
    alpha: float,
    terms: int = 1,
    null_rates: Sequence[float] = NULL_RATES,
    **parameters: Any,
) -> AlertingPlan:
    """The least conservative cutoff whose false alarm over all looks keeps alpha at every common rate of the grid.

    Parameters
    ----------
    method: a key of `STATISTICS`.
    looks: (treated, control) evaluable subjects; neither falls, at least one rises. The last is the maximum.
    alpha: one-sided false alarm wanted of all terms together, in (0, 1).
    terms: number of terms tested; each gets alpha / terms (Bonferroni).
    null_rates: rates common to both arms, in (0, 1). Between them the false alarm is not computed.
    parameters: of the statistic: `prior_a`, `prior_b`, `delta` for two_beta.

    Raises
    ------
    DesignError: names the parameter, its value and what is allowed; on alpha when no cutoff keeps it.

    Source: exact unconditional size as the maximum over the common rate, Suissa & Shuster, JRSS A 1985;148:317,
    carried over looks by the recursion of Schultz et al., Biometrics 1973;29:293.
    """
    designed, control = _looks(looks), Multiplicity(terms, alpha)
    rates = tuple(checks.probability("null_rates", rate) for rate in null_rates)
    if not rates:
        raise DesignError("null_rates", null_rates, "at least one rate above 0 and below 1")
    statistic = _statistic(method, parameters)
    grids = [statistic.grid(*look) for look in designed]

    def at(cutoff: float) -> tuple[float, float]:
        return worst_false_alarm(designed, [grid >= cutoff for grid in grids], rates)

    cutoff = _least(_cutoffs(grids), lambda c: at(c)[0] <= control.each * (1 + ROUNDING))
    if cutoff is None:
        smallest = at(_cutoffs(grids)[0])[0]
        raise DesignError(
            "alpha", alpha, f"at least {checks.at_least(smallest * terms)} for these looks, or look at more subjects"
        )
    attained, worst = at(cutoff)
    attained = min(attained, control.each)
    return AlertingPlan(method, statistic, designed, cutoff, attained, worst, rates, control, tuple(grids))


def worst_false_alarm(looks: Looks, regions: Sequence[Bools], null_rates: Sequence[float]) -> tuple[float, float]:
    """The largest P(alert) over rates common to both arms, and the rate at which it is; exact for any regions.

    Also what a limit that is not calibrated would do if it alerted: see docs/statistics.md.
    """
    rates = np.array(null_rates, dtype=np.float64)
    found = stopping_probability(looks, regions, rates, rates)
    worst = int(found.argmax())
    return float(found[worst]), float(rates[worst])


def _statistic(method: str, parameters: Mapping[str, Any]) -> Statistic:
    kind = STATISTICS[checks.known_word("method", method, tuple(STATISTICS), f"one of {', '.join(STATISTICS)}")]
    names = tuple(getattr(kind, "__dataclass_fields__", ()))
    for name, value in parameters.items():
        if name not in names:
            raise DesignError(name, value, f"no such parameter; {method} takes {', '.join(names) or 'none'}")
    return kind(**parameters)


def _looks(given: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    allowed = f"pairs of subjects on treatment and control, 1 to {MAX_PER_ARM} each, neither falling, one rising"
    looks: list[tuple[int, int]] = []
    for pair in checks.several("looks", given, allowed):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DesignError("looks", pair, allowed)
        looks.append((checks.whole("looks", pair[0], allowed), checks.whole("looks", pair[1], allowed)))
    rising = all(a[0] <= b[0] and a[1] <= b[1] and a != b for a, b in pairwise(looks))
    if not looks or not rising or min(looks[0]) < 1 or max(looks[-1]) > MAX_PER_ARM:
        raise DesignError("looks", looks[:6], allowed)
    return tuple(looks)


def _cutoffs(grids: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """One cutoff a level of evidence, falling, each in the middle of the gap below its level; ties are one level."""
    values = np.unique(np.concatenate([grid[np.isfinite(grid)] for grid in grids]))[::-1]
    below = np.append(values[1:], values[-1] - 1.0)
    return np.asarray(((values + below) / 2)[values - below > TIE])


def _least(cutoffs: NDArray[np.float64], keeps: Any) -> float | None:
    """The last of the falling cutoffs that keeps alpha, by bisection; None where the first does not."""
    low, high = -1, len(cutoffs) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if keeps(float(cutoffs[middle])) else (low, middle - 1)
    return float(cutoffs[low]) if low >= 0 else None


def _flags(name: str, flags: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.asarray(flags)
    if found.ndim != 1 or (found.size and found.dtype != np.bool_):
        raise DesignError(name, flags, "one True or False per evaluable subject, in order of first dose")
    return found.astype(np.bool_)
