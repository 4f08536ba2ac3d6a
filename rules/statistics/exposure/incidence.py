"""Cumulative incidence with competing events: Aalen-Johansen, never 1 − Kaplan-Meier.

Whoever died or left with another event can no longer have the event of interest. Treating them as censored pretends
that they still might, and 1 − Kaplan-Meier is then too high; the Aalen-Johansen estimate adds up only events of
subjects who were still free of every event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.process import Floats

CENSORED = 0
"""Cause of a time at which observation ended without any event."""


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """Estimates at each time at which an event of any cause came.

    Parameters
    ----------
    times: distinct event times, increasing; shape (times,).
    at_risk: subjects free of every event just before each; shape (times,).
    causes: the causes met, increasing.
    incidence: P(event of this cause by then), one tuple a cause.
    event_free: P(no event of any cause by then); with the incidences of all causes it sums to 1.
    error: standard error of each incidence (delta method), one tuple a cause.
    """

    times: tuple[float, ...]
    at_risk: tuple[int, ...]
    causes: tuple[int, ...]
    incidence: tuple[tuple[float, ...], ...]
    event_free: tuple[float, ...]
    error: tuple[tuple[float, ...], ...]

    def by(self, time: float, cause: int = 1) -> float:
        """P(event of this cause by `time`); 0 before the first event or for a cause never met."""
        reached = int(np.searchsorted(self.times, time, side="right"))
        if cause not in self.causes or reached == 0:
            return 0.0
        return self.incidence[self.causes.index(cause)][reached - 1]


def cumulative_incidence(time: Sequence[float], cause: Sequence[int]) -> CumulativeIncidence:
    """F_k(t) = Σ over event times t_i ≤ t of S(t_i −) d_ki / n_i, with S the survival free of every event.

    A subject censored at the time of another's event is still at risk for it.

    Parameters
    ----------
    time: time from first dose to the first event of any cause or to the end of observation, at least 0.
    cause: what ended it: 0 = censored, 1, 2, … = event of that cause; of the same length.

    Raises
    ------
    DesignError: lengths that differ, times that are negative or not finite, causes that are not whole numbers ≥ 0.

    Source: Aalen & Johansen, Scandinavian Journal of Statistics 1978;5:141; standard error by the delta method as in
    Marubini & Valsecchi, Analysing Survival Data from Clinical Trials, 1995, chapter 10.
    """
    ended, what = _observed(time, cause)
    causes = np.unique(what[what != CENSORED])
    times = np.unique(ended[what != CENSORED])
    at_risk = ended.size - np.searchsorted(np.sort(ended), times, side="left")
    counts = np.array([[np.sum((ended == t) & (what == k)) for t in times] for k in causes], dtype=np.float64)
    counts = counts.reshape(causes.size, times.size)
    hazards = counts / at_risk
    free = np.cumprod(1.0 - hazards.sum(axis=0))
    before = np.append(1.0, free[:-1])[: times.size]
    incidence = np.cumsum(before * hazards, axis=1)
    every = counts.sum(axis=0)
    pairs = zip(incidence, counts, strict=True)
    error = np.sqrt(np.array([_variance(own, events, every, at_risk, before) for own, events in pairs]))
    return CumulativeIncidence(
        times=tuple(times.tolist()),
        at_risk=tuple(at_risk.tolist()),
        causes=tuple(causes.tolist()),
        incidence=tuple(tuple(row) for row in incidence.tolist()),
        event_free=tuple(free.tolist()),
        error=tuple(tuple(row) for row in error.reshape(counts.shape).tolist()),
    )


def _variance(incidence: Floats, own: Floats, every: Floats, at_risk: NDArray[np.int64], before: Floats) -> Floats:
    """Variance of one cause's incidence at each time, from the increments up to it."""
    n = at_risk.astype(np.float64)
    left = np.where(n > every, n - every, 1.0)
    all_terms = np.where(n > every, every / (n * left), 0.0)
    own_terms = before**2 * own * (n - own) / n**3
    mixed = before * own / n**2
    total = np.zeros_like(incidence)
    for j in range(incidence.size):
        gap = incidence[j] - incidence[: j + 1]
        total[j] = np.sum(gap**2 * all_terms[: j + 1] + own_terms[: j + 1] - 2.0 * gap * mixed[: j + 1])
    return np.maximum(total, 0.0)


def _observed(time: Sequence[float], cause: Sequence[int]) -> tuple[Floats, NDArray[np.int64]]:
    times = "one time of at least 0 for each subject"
    causes = "for each time a whole number: 0 = censored, 1, 2, … = cause of the event"
    ended, what = checks.array("time", time, times), checks.array("cause", cause, causes)
    if ended.ndim != 1 or ended.dtype.kind not in "iuf" or not np.all(np.isfinite(ended)) or np.any(ended < 0):
        raise DesignError("time", time, times)
    if what.shape != ended.shape or (what.size and (what.dtype.kind not in "iu" or what.min() < 0)):
        raise DesignError("cause", cause, causes)
    return ended.astype(np.float64), what.astype(np.int64)
