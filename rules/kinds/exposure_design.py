"""The key `design` of a boundary on person-time, in the words of `rules.statistics.exposure.calibrate_exposure`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from rules.errors import DesignError
from rules.kinds.words import Strict
from rules.statistics.exposure import ExposureBoundary, calibrate_exposure

ExposureMethod = Literal[
    "exposure_pocock", "exposure_obrien_fleming", "exposure_wang_tsiatis", "exposure_gamma_poisson", "exposure_sprt",
    "exposure_max_sprt",
]  # fmt: skip
"""Families of boundaries on exposure, as in YAML, Python and on the command line."""

EXPOSURE_NAMES: Mapping[str, str] = {
    "exposure_pocock": "Pocock boundary on exposure",
    "exposure_obrien_fleming": "O'Brien–Fleming boundary on exposure",
    "exposure_wang_tsiatis": "Wang–Tsiatis boundary on exposure",
    "exposure_gamma_poisson": "gamma–Poisson boundary on exposure",
    "exposure_sprt": "truncated sequential probability ratio test on exposure",
    "exposure_max_sprt": "maximised sequential probability ratio test on exposure",
}
"""Each family in words."""

_OF_PARAMETERS = ("delta", "shape", "rate", "p1", "min_events", "delay")


class ExposureDesign(Strict):
    """The statistical design of a boundary on person-time."""

    method: ExposureMethod = Field(description="family of boundaries on exposure")
    null_rate: float = Field(
        description="proportion of subjects followed through the window with an event that is still acceptable, 0 to 1"
    )
    alpha: float = Field(description="probability of stopping at the null rate, 0 to 1")
    max_n: int = Field(ge=1, description="subjects planned; the design ends at so many windows of exposure")
    max_exposure: Literal["maximum", "expected"] = Field(
        "maximum", description="alpha over all windows in full, or over the exposure expected at the null rate"
    )
    delta: float | None = Field(None, description="exposure_wang_tsiatis: 0 = O'Brien–Fleming, 0.5 = Pocock")
    shape: float | None = Field(None, description="exposure_gamma_poisson: prior events")
    rate: float | None = Field(None, description="exposure_gamma_poisson: prior exposure in days; else as the null")
    p1: float | None = Field(None, description="exposure_sprt: a rate that is not acceptable, above null_rate")
    min_events: int | None = Field(None, description="exposure_max_sprt: fewest events that can stop; 1 unless said")
    delay: float | None = Field(None, description="exposure_max_sprt: expected events before the first look")

    def boundary(self, after_days: int, *, recurrent: bool) -> ExposureBoundary:
        """The calibrated boundary, its exposures in days.

        Parameters
        ----------
        after_days: the rule's window.   recurrent: later events of a subject count too.

        Raises
        ------
        DesignError: a design that cannot exist as asked, or that can never stop: such a rule would watch nothing.
        """
        given = {name: getattr(self, name) for name in _OF_PARAMETERS if getattr(self, name) is not None}
        found = calibrate_exposure(
            self.method,
            null_rate=self.null_rate,
            alpha=self.alpha,
            max_n=self.max_n,
            window=float(after_days),
            max_exposure=self.max_exposure,
            recurrent=recurrent,
            **given,
        )
        if not found.can_stop:
            says = "one with which some number of subjects can stop: as it stands this rule can never stop"
            raise DesignError("min_events" if self.min_events else "alpha", self.min_events or self.alpha, says)
        return found
