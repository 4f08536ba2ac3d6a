"""The false alarm of a whole trial: one first event a subject, exposure that ends with it, entry spread over time.

A calibrated exposure boundary keeps alpha for a Poisson process of constant hazard. A trial is not one: a subject
has one first event, and reactions often come early, so that many subjects who start together bring many events in
little exposure. What that does to the false alarm is simulated here, with its Monte-Carlo error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.boundary import ExposureBoundary
from rules.statistics.exposure.process import Floats
from rules.statistics.onset import Onset


@dataclass(frozen=True, slots=True)
class HazardShape:
    """A subject's hazard over the window: cumulative hazard −ln(1 − p) (t / window) ** power (Weibull).

    Parameters
    ----------
    power: 1 is the constant hazard of the calibration; below 1 the hazard falls from the first dose, as with early
        skin reactions (at .5 half of it is spent within the first quarter of the window). Positive.

    Raises
    ------
    DesignError: a power that is not positive.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        allowed = "a number above 0; 1 is a constant hazard, below 1 is front-loaded"
        if checks.number("power", self.power, allowed) <= 0:
            raise DesignError("power", self.power, allowed)

    @property
    def words(self) -> str:
        """The assumption as it is printed beside a figure."""
        if self.power == 1:
            return "constant hazard"
        name = "front-loaded" if self.power < 1 else "late"
        return f"{name} hazard, cumulative hazard ∝ (t / window)^{self.power:g}"


CONSTANT = HazardShape(1.0)
"""What every exposure design is calibrated for."""

FRONT_LOADED = HazardShape(0.5)
"""The other assumption shown beside each exposure rule."""

SHAPES: Mapping[str, HazardShape] = MappingProxyType({"constant": CONSTANT, "front_loaded": FRONT_LOADED})
"""Hazards by the name a configuration gives them."""

_ONSETS = "'constant', 'front_loaded', a HazardShape or an Onset"

AT_ONCE = 2_000_000
"""Subjects simulated together, so that the arrays stay in memory whatever the number of trials."""


@dataclass(frozen=True, slots=True)
class SimulatedAlpha:
    """P(crossing) over whole simulated trials, with what was assumed.

    Parameters
    ----------
    alpha: share of trials that cross.
    error: its standard error, √(alpha (1 − alpha) / trials); where all trials or none cross, as if one did otherwise.
    trials: simulated trials.
    seed: seed of the random numbers; the same seed gives the same trials.
    n: subjects of a trial.
    rate: event probability within the window.
    accrual: time over which subjects enter, in the unit of the window; 0 = all together.
    onset: the onset assumed, in words.
    """

    alpha: float
    error: float
    trials: int
    seed: int
    n: int
    rate: float
    accrual: float
    onset: str

    def exceeds(self, allowed: float) -> bool:
        """Whether the false alarm is above a limit by more than chance explains (two standard errors)."""
        return self.alpha - 2 * self.error > allowed


def simulated_alpha(
    boundary: ExposureBoundary,
    *,
    accrual: float,
    onset: HazardShape | Onset | str = CONSTANT,
    n: int | None = None,
    rate: float | None = None,
    seed: int = 1,
    trials: int = 20_000,
) -> SimulatedAlpha:
    """How often a whole trial crosses when subjects enter uniformly over the accrual and are watched continuously.

    At any day the total exposure is the sum over subjects of the time since entry, up to the event or the end of the
    window; event number e crosses when the total exposure of its day is at most u_e. Nobody withdraws or dies.

    Parameters
    ----------
    boundary: the design.
    accrual: time over which subjects enter at random, in the unit of the window, at least 0.
    onset: a `HazardShape` or its name, "constant" or "front_loaded"; or an `Onset`, when within the window those events
        come that do.
    n: subjects, 1 to `checks.MAX_SUBJECTS`; left out, those of the design.
    rate: event probability within the window; left out, the null rate. Another rate gives the power.
    seed: of the random numbers.
    trials: simulated trials, at least 1.

    Raises
    ------
    DesignError: names the parameter, what was given, and what is allowed.
    """
    subjects = boundary.max_n if n is None else _whole("n", n, checks.MAX_SUBJECTS)
    runs = _whole("trials", trials, 100_000_000)
    spread = checks.number("accrual", accrual, "a length of time of at least 0, in the unit of the window")
    if spread < 0:
        raise DesignError("accrual", accrual, "a length of time of at least 0, in the unit of the window")
    p = boundary.null_rate if rate is None else checks.probability("rate", rate)
    assumed = SHAPES[checks.known_word("onset", onset, tuple(SHAPES), _ONSETS)] if isinstance(onset, str) else onset
    if not isinstance(assumed, (HazardShape, Onset)):
        raise DesignError("onset", onset, _ONSETS)
    checks.seed(seed)
    rng = np.random.default_rng(seed)
    block = max(AT_ONCE // subjects, 1)
    crossed = 0
    for begin in range(0, runs, block):
        shape = (min(block, runs - begin), subjects)
        entry = spread * rng.random(shape)
        followed, event = _follow_up(rng, shape, p, boundary.window, assumed)
        crossed += int(_crosses(boundary, entry, followed, event).sum())
    share = crossed / runs
    spread_of = min(max(share, 1 / runs), 1 - 1 / runs) if runs > 1 else 0.5
    return SimulatedAlpha(
        alpha=share,
        error=math.sqrt(spread_of * (1 - spread_of) / runs),
        trials=runs,
        seed=seed,
        n=subjects,
        rate=p,
        accrual=spread,
        onset=assumed.words,
    )


def _follow_up(
    rng: np.random.Generator, shape: tuple[int, int], rate: float, window: float, onset: HazardShape | Onset
) -> tuple[Floats, NDArray[np.bool_]]:
    """Time from entry to the first event or the end of the window, and whether it was an event."""
    draw = rng.random(shape)
    event = draw < rate
    come = np.where(event, draw, 0.0)
    if isinstance(onset, Onset):
        fraction = onset.fraction(come / rate)
    else:
        fraction = (np.log1p(-come) / math.log1p(-rate)) ** (1.0 / onset.power)
    return np.where(event, window * fraction, window), event


def _crosses(
    boundary: ExposureBoundary, entry: Floats, followed: Floats, event: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each trial ever crosses; arrays of shape (trials, subjects)."""
    exposure, kinds = _exposure_at_changes(entry, followed, event)
    last = len(boundary.events) - 1
    place = np.cumsum(kinds, axis=1, dtype=np.int64) - boundary.events[0]
    up_to = np.array(boundary.up_to_exposure)[np.clip(place, 0, last)]
    crossed = (kinds & (place >= 0) & (exposure <= up_to * (1 + 1e-12))).any(axis=1)
    return np.asarray(crossed & (exposure[:, -1] >= boundary.first_exposure))


def _exposure_at_changes(entry: Floats, followed: Floats, event: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Total exposure at each entry and each end of follow-up, in calendar order, and which of them are events.

    Between two such moments as many subjects are under observation as have entered and not ended.
    """
    moments = np.concatenate((entry, entry + followed), axis=1)
    order = np.argsort(moments, axis=1, kind="stable")
    moments = np.take_along_axis(moments, order, axis=1)
    change = np.where(order < entry.shape[1], 1, -1)
    under_observation = np.cumsum(change, axis=1)
    spans = np.diff(moments, axis=1, prepend=moments[:, :1])
    spans[:, 1:] *= under_observation[:, :-1]
    is_event = np.concatenate((np.zeros_like(event), event), axis=1)
    return np.cumsum(spans, axis=1), np.take_along_axis(is_event, order, axis=1)


def _whole(parameter: str, value: object, most: int) -> int:
    allowed = f"a whole number from 1 to {most:,}"
    checked = checks.whole(parameter, value, allowed)
    if not 1 <= checked <= most:
        raise DesignError(parameter, value, allowed)
    return checked
