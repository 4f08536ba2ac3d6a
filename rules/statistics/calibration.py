"""From the words of a protocol to its boundary: `calibrate`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.designs import METHODS, Design

if TYPE_CHECKING:
    from rules.statistics.exposure import ExposureBoundary

OnExposure: TypeAlias = Literal[
    "exposure_pocock",
    "exposure_obrien_fleming",
    "exposure_wang_tsiatis",
    "exposure_gamma_poisson",
    "exposure_sprt",
    "exposure_max_sprt",
]
"""The designs on exposure, whose boundary is an `ExposureBoundary`."""


@overload
def calibrate(
    method: str, *, null_rate: float, looks: Iterable[int], alpha: float | None = None, **parameters: Any
) -> Boundary: ...


@overload
def calibrate(
    method: OnExposure, *, null_rate: float, max_n: int, window: float, alpha: float, **parameters: Any
) -> ExposureBoundary: ...


def calibrate(
    method: str,
    *,
    null_rate: float,
    looks: Iterable[int] | None = None,
    alpha: float | None = None,
    **parameters: Any,
) -> Boundary | ExposureBoundary:
    """The boundary that a protocol means, with its exact false alarm.

    A calibrated design gives the least conservative boundary of its family whose attained alpha does not
    exceed `alpha`; mathematically tied statistics stop all or none.

    Parameters
    ----------
    method: a key of `METHODS`: "pocock", "obrien_fleming", "wang_tsiatis", "beta_binomial", "chen_chaloner", "sprt",
        "max_sprt", "posterior_cutoff", "table"; or a design on exposure, "exposure_pocock" and so on, which takes
        `max_n` and `window` in place of `looks`: then this is `calibrate_exposure`, and says what that says.
    null_rate: event probability per subject that is still acceptable, in (0, 1).
    looks: numbers of subjects at which the rule looks, strictly increasing; `range(1, 21)` looks after each.
    alpha: false alarm wanted, in (0, 1). A "table" and a "posterior_cutoff" may leave it out: there it is stored,
        never enforced, and the attained alpha says what the numbers mean.
    parameters: the design's own: `delta` for wang_tsiatis; `prior_a`, `prior_b` for beta_binomial; these and `p1`,
        `nu` for chen_chaloner, or `cutoff` for posterior_cutoff; `p1` for sprt; `min_events` (1 unless given) for
        max_sprt; `stop_at` for table.

    Raises
    ------
    DesignError: names the parameter, what was given, and what is allowed (with the nearest valid word for a
        method or parameter that is unknown).
    """
    if isinstance(method, str) and method.startswith("exposure"):
        return _on_exposure(method, null_rate, looks, alpha, parameters)
    design = _design(method, parameters)
    rate = checks.probability("null_rate", null_rate)
    wanted = None if alpha is None and not design.states_alpha else checks.probability("alpha", alpha)
    designed = checks.increasing_looks(looks)
    fit = design.fit(rate, wanted, np.array(designed, dtype=np.int64))
    return Boundary(method, rate, wanted, designed, fit.stop_at, fit.cutoff, fit.attained_alpha, dict(design.values()))


def _on_exposure(
    method: str, null_rate: float, looks: object, alpha: float | None, parameters: dict[str, Any]
) -> ExposureBoundary:
    from rules.statistics.exposure import EXPOSURE_METHODS, calibrate_exposure  # that room builds on this one

    checks.known_word("method", method, tuple(EXPOSURE_METHODS), f"one of {', '.join((*METHODS, *EXPOSURE_METHODS))}")
    if looks is not None:
        raise DesignError("looks", looks, "left out: a design on exposure looks at every event; say max_n and window")
    for name in ("max_n", "window"):
        if name not in parameters:
            raise DesignError(name, None, "it must be given: the planned subjects are max_n, the follow-up window")
    return calibrate_exposure(method, null_rate=null_rate, alpha=alpha, **parameters)  # type: ignore[arg-type]


def _design(method: str, parameters: dict[str, Any]) -> Design:
    kind = METHODS[checks.known_word("method", method, tuple(METHODS), f"one of {', '.join(METHODS)}")]
    names = kind.parameters()
    says = f"{method} takes {', '.join(names) or 'no parameters'}"
    for name, value in parameters.items():
        _known_parameter(name, value, names, says)
    for f in fields(kind):  # type: ignore[arg-type]
        if f.default is MISSING and f.name not in parameters:
            raise DesignError(f.name, None, f"it must be given: {says}")
    return kind(**parameters)


def _known_parameter(name: str, value: object, names: tuple[str, ...], says: str) -> None:
    try:
        checks.known_word(name, name, names, says)
    except DesignError as error:
        raise DesignError(name, value, f"no such parameter; {error.allowed}") from None
