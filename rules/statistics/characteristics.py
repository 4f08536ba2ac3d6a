"""What a boundary does at a true event rate: how often it stops, and after how many subjects and events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.recursion import as_counts, stopping_probabilities


@dataclass(frozen=True, slots=True)
class Characteristics:
    """One row of operating characteristics.

    Parameters
    ----------
    rate: true event probability per subject.
    p_stop: probability that the boundary is crossed at some look.
    expected_n: subjects observed when the boundary is crossed, or the last look where it never is; mean.
    expected_events: events among them; mean.
    """

    rate: float
    p_stop: float
    expected_n: float
    expected_events: float


def operating_characteristics(boundary: Boundary, rates: Iterable[float]) -> tuple[Characteristics, ...]:
    """Exact characteristics at each true rate, in the order given, for independent and immediate outcomes.

    With staggered entry more subjects have been dosed when a crossing becomes known than are counted here.
    Expected events are rate × expected subjects (Wald's identity, exact for stopping times).

    Raises
    ------
    DesignError: a rate outside 0 to 1.
    """
    if isinstance(rates, (str, bytes)) or not isinstance(rates, Iterable):
        raise DesignError("rates", rates, "numbers from 0 to 1")
    checked = np.array([checks.rate("rates", rate) for rate in rates], dtype=np.float64)
    looks = np.array(boundary.looks, dtype=np.int64)
    stopped = stopping_probabilities(looks, as_counts(boundary.looks, boundary.stop_at), checked)
    p_stop = np.minimum(stopped.sum(axis=1), 1.0)
    saved = stopped @ (boundary.max_n - looks)
    return tuple(
        Characteristics(rate, p, n, rate * n)
        for rate, p, n in zip(checked.tolist(), p_stop.tolist(), (boundary.max_n - saved).tolist(), strict=True)
    )


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
