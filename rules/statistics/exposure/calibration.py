"""From the words of a protocol to its boundary on exposure: `calibrate_exposure`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np
from scipy.optimize import brentq

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.exposure.boundary import ExposureBoundary
from rules.statistics.exposure.designs import EXPOSURE_METHODS, ExposureDesign, Setting
from rules.statistics.exposure.process import Counts, Floats, first_passage

MAX_EXPOSURES = ("maximum", "expected")
"""What alpha may be calibrated over: all windows in full, or what is expected when exposure ends with the event."""

ROUNDING = 1e-12
"""Relative excess over alpha that is rounding of the recursion."""

WEAKEST = 1e-12
"""The least strictness a calibration tries: no evidence against the null at all."""

STRICTEST = 1e6
"""Strictness at which no float below alpha is left."""


def calibrate_exposure(
    method: str,
    *,
    null_rate: float,
    alpha: float,
    max_n: int,
    window: float,
    max_exposure: str = "maximum",
    recurrent: bool = False,
    **parameters: Any,
) -> ExposureBoundary:
    """The boundary on exposure that a protocol means, with its exact false alarm as a Poisson process.

    The least conservative boundary of its family whose attained alpha does not exceed `alpha`; the cutoff is solved
    to the last digits of a float. Where even a boundary that asks for no evidence attains less, it is that one.

    Parameters
    ----------
    method: a key of `EXPOSURE_METHODS`.
    null_rate: probability, still acceptable, that a subject followed through the window has an event, in (0, 1).
    alpha: false alarm wanted, in (0, 1).
    max_n: subjects planned, 1 to `checks.MAX_SUBJECTS`.
    window: follow-up of one subject, positive, in any unit of time; exposures are in this unit.
    max_exposure: "maximum" calibrates over max_n × window and is conservative; "expected" over
        max_n × null_rate / null_hazard, with a larger false alarm over the whole.
    recurrent: count a subject's later events too; the false alarm is then not guaranteed.
    parameters: the design's own, as `EXPOSURE_METHODS[method].parameters()` names them.

    Raises
    ------
    DesignError: names the parameter, what was given, and what is allowed.

    Source: Kulldorff et al., Sequential Analysis 2011;30:58, section 3 (exact calibration by recursion over the
    exposures at which the boundary steps up); Martens et al., Clinical Trials 2025 (the families).
    """
    design = _design(method, parameters)
    wanted = checks.probability("alpha", alpha)
    setting = _setting(null_rate, max_n, window)
    over = checks.known_word("max_exposure", max_exposure, MAX_EXPOSURES, "maximum or expected")
    if not isinstance(recurrent, bool):
        raise DesignError("recurrent", recurrent, "true or false")
    end = setting.horizon if over == "maximum" else setting.expected_horizon
    design.check(setting, end)
    table = _Table(design, setting)
    strictness = _least_strict(lambda c: table.false_alarm(c, end), wanted)
    events, up_to = table.at(strictness)
    attained = min(table.false_alarm(strictness, end), wanted)
    exposures = np.append(up_to[:-1] / setting.hazard, setting.max_n * setting.window)
    return ExposureBoundary(
        method=method,
        null_rate=setting.null_rate,
        alpha=wanted,
        max_n=setting.max_n,
        window=setting.window,
        max_exposure=over,
        events=tuple(events.tolist()),
        up_to_exposure=tuple(exposures.tolist()),
        critical_value=design.on_paper(strictness),
        attained_alpha=attained if over == "maximum" else table.false_alarm(strictness, setting.horizon),
        attained_alpha_expected=attained if over == "expected" else None,
        parameters=dict(design.values()),
        recurrent=recurrent,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The boundaries of one family in one trial, in expected events."""

    design: ExposureDesign
    setting: Setting

    def at(self, strictness: float) -> tuple[Counts, Floats]:
        """Event numbers that can stop and μ_e of each, cut at the horizon; the last event reaches it.

        An event number that nobody ever sees (`_most`) stops whenever it comes, so that no table is endless.
        """
        horizon, most = self.setting.horizon, self._most
        size = min(8 + math.ceil(horizon + 6 * math.sqrt(horizon)), most)
        events = np.arange(self.design.first_event, self.design.first_event + size)
        up_to = self.design.stop_by(events.astype(np.float64), strictness, self.setting)
        if up_to[-1] < horizon:
            events = np.arange(self.design.first_event, self.design.first_event + most)
            up_to = self.design.stop_by(events.astype(np.float64), strictness, self.setting)
            up_to[-1] = max(up_to[-1], horizon)
        last = int(np.argmax(up_to >= horizon))
        kept = np.flatnonzero((up_to[: last + 1] > 0) & (up_to[: last + 1] >= self.design.delay))
        return events[kept], np.minimum(up_to[kept], horizon)

    @property
    def _most(self) -> int:
        """More events than there are subjects, and than a Poisson process at the null has with probability 1e-30."""
        horizon = self.setting.horizon
        return max(200, self.setting.max_n + 1, math.ceil(20 + horizon + 12 * math.sqrt(horizon)))

    def false_alarm(self, strictness: float, end: float) -> float:
        """Exact P(stop) at the null hazard before `end` events are expected."""
        events, up_to = self.at(strictness)
        last = int(np.argmax(up_to >= end)) + 1
        return first_passage(events[:last], np.minimum(up_to[:last], end), 1.0, self.design.delay).p_stop


def _least_strict(false_alarm: Callable[[float], float], alpha: float) -> float:
    """The least strictness that keeps alpha, to the last digits; strict enough also where the false alarm jumps."""

    def excess(logarithm: float) -> float:
        return math.log(max(false_alarm(math.exp(logarithm)), 1e-320) / alpha)

    def keeps(logarithm: float) -> bool:
        return excess(logarithm) <= ROUNDING

    low, high = math.log(WEAKEST), 0.0
    if keeps(low):
        return WEAKEST
    while not keeps(high):
        low, high = high, high + 1.0
        if high > math.log(STRICTEST):
            raise DesignError("alpha", alpha, "a larger number: this one is below what can be computed")
    root = float(brentq(excess, low, high, xtol=1e-15, rtol=4 * np.finfo(float).eps, maxiter=200))
    step = 1e-16
    while not keeps(root):
        root, step = root + step, 2 * step
    return math.exp(root)


def _setting(null_rate: float, max_n: int, window: float) -> Setting:
    allowed = f"a whole number of subjects from 1 to {checks.MAX_SUBJECTS}"
    subjects = checks.whole("max_n", max_n, allowed)
    if not 1 <= subjects <= checks.MAX_SUBJECTS:
        raise DesignError("max_n", max_n, allowed)
    length = checks.number("window", window, "a positive length of time")
    if length <= 0:
        raise DesignError("window", window, "a positive length of time")
    return Setting(checks.probability("null_rate", null_rate), subjects, length)


def _design(method: str, parameters: dict[str, Any]) -> ExposureDesign:
    says = f"one of {', '.join(EXPOSURE_METHODS)}"
    kind = EXPOSURE_METHODS[checks.known_word("method", method, tuple(EXPOSURE_METHODS), says)]
    names = kind.parameters()
    takes = f"{method} takes {', '.join(names) or 'no parameters'}"
    for name, value in parameters.items():
        if name not in names:
            raise DesignError(name, value, f"no such parameter; {takes}")
    for f in fields(kind):  # type: ignore[arg-type]
        if f.default is MISSING and f.name not in parameters:
            raise DesignError(f.name, None, f"it must be given: {takes}")
    return kind(**parameters)
