"""Replay of an exposure boundary over the events of a study, each at the total exposure of its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.boundary import ExposureBoundary

DAY_ROUNDING = 1e-9
"""Relative difference between exposures that is rounding: sums of days taken in another order."""


@dataclass(frozen=True, slots=True)
class ExposureReplay:
    """Where an exposure boundary stands.

    Parameters
    ----------
    events: events so far.
    exposure: total exposure now, in the unit of the boundary's window.
    crossed_event: number of the first event that came early enough; None where none did.
    crossed_exposure: total exposure when the crossing stood: that of the event, or the end of a design's delay.
    next_event: the lowest event number above `events` that would stop if it came now; None beyond the design.
    next_up_to: exposure at or before which that event stops.
    beyond: more exposure than the design covers, or, with one event a subject, more events than subjects.
    """

    events: int
    exposure: float
    crossed_event: int | None
    crossed_exposure: float | None
    next_event: int | None
    next_up_to: float | None
    beyond: bool

    @property
    def crossed(self) -> bool:
        """Whether some event came early enough."""
        return self.crossed_event is not None


def replay_exposure(boundary: ExposureBoundary, exposure_at_event: Sequence[float], exposure: float) -> ExposureReplay:
    """Look at every event in the order of exposure, and tell the first that came early enough.

    Parameters
    ----------
    boundary: the design.
    exposure_at_event: person-time of all subjects together up to the day of each event, never falling; first
        qualifying events only, unless the boundary counts recurrent ones.
    exposure: person-time of all subjects together now, in the unit of the boundary's window.

    Raises
    ------
    DesignError: exposures that are negative, fall, or exceed the exposure now.
    """
    now = _exposure("exposure", exposure)
    times = _times(exposure_at_event, now)
    crossed = next((number for number, time in enumerate(times, 1) if _stops(boundary, number, time, now)), None)
    upcoming = next(
        (
            (number, up_to)
            for number, up_to in zip(boundary.events, boundary.up_to_exposure, strict=True)
            if number > len(times) and up_to >= now
        ),
        (None, None),
    )
    beyond = now > boundary.total_exposure * (1 + DAY_ROUNDING)
    return ExposureReplay(
        events=len(times),
        exposure=now,
        crossed_event=crossed,
        crossed_exposure=None if crossed is None else max(times[crossed - 1], boundary.first_exposure),
        next_event=upcoming[0],
        next_up_to=upcoming[1],
        beyond=beyond or (not boundary.recurrent and len(times) > boundary.max_n),
    )


def _stops(boundary: ExposureBoundary, number: int, time: float, now: float) -> bool:
    up_to = boundary.up_to(number)
    return up_to is not None and time <= up_to * (1 + DAY_ROUNDING) and now >= boundary.first_exposure


def _times(values: Sequence[float], now: float) -> tuple[float, ...]:
    allowed = "total exposure at each event, never falling and at most the exposure now"
    given = checks.several("exposure_at_event", values, allowed)
    times = tuple(_exposure("exposure_at_event", value) for value in given)
    falls = any(later < earlier * (1 - DAY_ROUNDING) for earlier, later in pairwise(times))
    if falls or (times and times[-1] > now * (1 + DAY_ROUNDING)):
        raise DesignError("exposure_at_event", times, allowed)
    return times


def _exposure(parameter: str, value: object) -> float:
    allowed = "person-time of at least 0 in the unit of the window"
    checked = checks.number(parameter, value, allowed)
    if checked < 0:
        raise DesignError(parameter, value, allowed)
    return checked
