"""Binomial MaxSPRT between arms: of the first events so far, too many on treatment for its share of the person-time?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.between_arms.multiplicity import Multiplicity
from rules.statistics.boundary import Boundary
from rules.statistics.calibration import calibrate
from rules.statistics.replay import Replay, replay

DRIFT = 0.10
"""Change of the person-time ratio beyond which its warning is given."""


@dataclass(frozen=True, slots=True)
class SprtVerdict:
    """Where the test stands.

    Parameters
    ----------
    replay: the boundary over the events; `replay.crossed` is the alert, `replay.first_look` the event that made it.
    ratio: control to treated person-time now.
    drift: `ratio` over the planned one, less 1.
    warning: what to say of a drift above `DRIFT`, "" within it.
    """

    replay: Replay
    ratio: float
    drift: float
    warning: str

    @property
    def alerts(self) -> bool:
        """Some event, up to the last that was designed, brought the count on treatment to the boundary."""
        return self.replay.crossed


@dataclass(frozen=True, slots=True)
class MaxSprtPlan:
    """A boundary on events in the order in which they happened. Made by `calibrate_max_sprt`.

    Parameters
    ----------
    boundary: looks are first events of both arms together, `stop_at` is the count among them on treatment.
    ratio: planned z, control to treated person-time; under the null an event is on treatment with 1 / (1 + z).
    multiplicity: how many terms are tested, alpha of all and of each.
    """

    boundary: Boundary
    ratio: float
    multiplicity: Multiplicity

    def judge(
        self,
        on_treatment: Sequence[bool] | NDArray[np.bool_],
        *,
        person_time_treated: float,
        person_time_control: float,
    ) -> SprtVerdict:
        """Replay the events. Every event is a look of its own, so that polls change nothing.

        Parameters
        ----------
        on_treatment: one flag for each *first* event of a subject, in order of onset: True = on treatment.
        person_time_treated, person_time_control: time at risk so far in one unit; a subject's ends at its first
            event, at the end of its window, when it was last assessed, withdrawn or dead. Above 0.

        Raises
        ------
        DesignError: flags that are not true or false, person-time that is not positive.
        """
        ratio = person_time_ratio(person_time_treated, person_time_control)
        drift = ratio / self.ratio - 1
        return SprtVerdict(replay(self.boundary, on_treatment), ratio, drift, self._warning(ratio, drift))

    def _warning(self, ratio: float, drift: float) -> str:
        if abs(drift) <= DRIFT:
            return ""
        effect = "alerts too rarely" if drift > 0 else "false alarms are more than planned"
        return (
            f"person-time on control is {ratio:.2f} times that on treatment, planned was {self.ratio:.2f} "
            f"({drift:+.0%}): {effect}; the plan's false alarm does not hold"
        )


def person_time_ratio(treated: float, control: float) -> float:
    """z: person-time at risk on control for each unit on treatment.

    Raises
    ------
    DesignError: person-time that is not positive.
    """
    for name, value in (("person_time_treated", treated), ("person_time_control", control)):
        if checks.number(name, value, "a number above 0") <= 0:
            raise DesignError(name, value, "a number above 0")
    ratio = control / treated
    if not 1e-6 <= ratio <= 1e6:
        raise DesignError("person_time_control", control, "within a factor of a million of the other arm's")
    return ratio


def calibrate_max_sprt(
    *, ratio: float, alpha: float, max_events: int, min_events: int = 1, terms: int = 1
) -> MaxSprtPlan:
    """The boundary for which P(alert by `max_events` first events) keeps alpha when both arms have one rate.

    Stop when s of n events are on treatment, s / n is above 1 / (1 + z), s is at least `min_events`, and the log
    likelihood ratio reaches its critical value.

    Parameters
    ----------
    ratio: z, control to treated person-time, above 0; equal arms have 1.
    alpha: one-sided false alarm of all terms together, in (0, 1).
    max_events: the last event that is looked at, both arms together.
    min_events: events *on treatment* before which nothing can alert, 1 to `max_events`; as in `MaxSprt`.
    terms: number of terms tested; each gets alpha / terms (Bonferroni).

    Raises
    ------
    DesignError: names the parameter, its value and what is allowed.

    Source: Kulldorff, Davis, Kolczak, Lewis, Lieu & Platt, Sequential Analysis 2011;30:58, section 4; minimum events:
    Kulldorff & Silva, REVSTAT 2015;13:373.
    """
    if not 1e-6 <= checks.number("ratio", ratio, "a number above 0") <= 1e6:
        raise DesignError("ratio", ratio, "control to treated person-time, from 1e-6 to 1e6")
    most = checks.whole("max_events", max_events, "a whole number of events")
    if not 1 <= most <= checks.MAX_SUBJECTS:
        raise DesignError("max_events", max_events, f"a whole number of events from 1 to {checks.MAX_SUBJECTS:,}")
    least = checks.whole("min_events", min_events, "a whole number of events")
    if not 1 <= least <= most:
        raise DesignError("min_events", min_events, f"a whole number of events from 1 to {most}, max_events")
    control = Multiplicity(terms, alpha)
    boundary = calibrate(
        "max_sprt", null_rate=1 / (1 + ratio), alpha=control.each, looks=range(1, most + 1), min_events=least
    )
    return MaxSprtPlan(boundary, float(ratio), control)


def log_likelihood_ratio(events_treated: int, events: int, ratio: float) -> float:
    """The statistic: s ln((s/n) / p₀) + (n − s) ln((1 − s/n) / (1 − p₀)) for s/n above p₀ = 1 / (1 + z), else 0.

    Parameters
    ----------
    events_treated, events: s of n first events; n ≥ 1.
    ratio: z.

    Source: Kulldorff et al. 2011, equation 6.
    """
    s, n, p0 = events_treated, events, 1 / (1 + ratio)
    if s / n <= p0:
        return 0.0
    rest = (n - s) * math.log((n - s) / (n * (1 - p0))) if s < n else 0.0
    return s * math.log(s / (n * p0)) + rest
