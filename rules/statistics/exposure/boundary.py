"""A stopping boundary on total exposure as people and rules use it: by when is which event number too early?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

NOT_GUARANTEED = "Poisson false alarm not guaranteed"
"""Said of every boundary that counts recurrent events: those of one subject are not independent."""


@dataclass(frozen=True, slots=True)
class ExposureBoundary:
    """A stopping boundary on events per person-time: stop at event number e if it comes at or before u_e.

    Exposure is the person-time of all subjects together, in the unit of `window`. A subject contributes until the
    first qualifying event, withdrawal, death, end of documented follow-up or end of the window.

    Parameters
    ----------
    method: name of the design, a key of `EXPOSURE_METHODS`.
    null_rate: probability, still acceptable, that a subject followed through the window has an event, in (0, 1).
    alpha: false alarm asked for, in (0, 1).
    max_n: subjects planned; the design ends at a total exposure of max_n × window.
    window: follow-up of one subject, in any unit of time; all exposures are in this unit.
    max_exposure: what alpha was calibrated over: "maximum", every subject followed through the window; "expected",
        the smaller exposure max_n × null_rate / null_hazard, because exposure ends with the event.
    events: numbers of the events that can stop, strictly increasing by 1.
    up_to_exposure: total exposure at or before which the event of that number stops; never falls, and the last is
        max_n × window.
    critical_value: cutoff on the scale of the design's paper. Information only: the table decides.
    attained_alpha: exact P(stop) over max_n × window when events are a Poisson process of the null hazard.
    attained_alpha_expected: the same over the expected exposure alone; None unless `max_exposure` is "expected".
    parameters: the design's parameters, in the order of the command line.
    recurrent: whether a subject's later events count too.
    """

    method: str
    null_rate: float
    alpha: float
    max_n: int
    window: float
    max_exposure: str
    events: tuple[int, ...]
    up_to_exposure: tuple[float, ...]
    critical_value: float
    attained_alpha: float
    attained_alpha_expected: float | None = None
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    recurrent: bool = False

    @property
    def null_hazard(self) -> float:
        """Events per unit of exposure at the null rate: λ0 = −ln(1 − p0) / window."""
        return hazard(self.null_rate, self.window)

    @property
    def total_exposure(self) -> float:
        """Exposure when all `max_n` subjects are followed through the window; nothing is designed beyond it."""
        return self.max_n * self.window

    @property
    def first_exposure(self) -> float:
        """Total exposure before which nothing is judged: `delay` expected events; 0 for designs without delay."""
        return self.parameters.get("delay", 0.0) / self.null_hazard

    @property
    def can_stop(self) -> bool:
        """Whether any number of first events can stop: with one event a subject there are never more than `max_n`."""
        return self.recurrent or self.events[0] <= self.max_n

    @property
    def words(self) -> str:
        """What its false alarm is worth, as printed beside it."""
        if self.recurrent:
            return f"recurrent events counted: {NOT_GUARANTEED}"
        return "false alarm of a Poisson process with constant hazard; the simulated whole-trial figure decides"

    def up_to(self, event: int) -> float | None:
        """Exposure at or before which this event number stops; None where no exposure is early enough.

        Events beyond the last of the table stop at any exposure the design covers.
        """
        if event < self.events[0]:
            return None
        return self.up_to_exposure[min(event - self.events[0], len(self.events) - 1)]


def hazard(rate: float, window: float) -> float:
    """Constant hazard under which a subject followed through the window has an event with probability `rate`."""
    return -math.log1p(-rate) / window
