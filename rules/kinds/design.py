"""The key `design` of a boundary on numbers of subjects, in the words of `rules.statistics.calibrate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from rules.errors import DesignError
from rules.kinds.words import Strict
from rules.statistics import Boundary, calibrate, checks

Method = Literal[
    "pocock", "obrien_fleming", "wang_tsiatis", "beta_binomial", "chen_chaloner", "sprt", "max_sprt",
    "posterior_cutoff", "table",
]  # fmt: skip
"""Families of boundaries, as in YAML, Python and on the command line."""

NAMES: Mapping[str, str] = {
    "pocock": "Pocock boundary",
    "obrien_fleming": "O'Brien–Fleming boundary",
    "wang_tsiatis": "Wang–Tsiatis boundary",
    "beta_binomial": "beta-binomial boundary",
    "chen_chaloner": "Chen–Chaloner boundary",
    "sprt": "truncated sequential probability ratio test",
    "max_sprt": "maximised sequential probability ratio test",
    "posterior_cutoff": "fixed posterior cutoff",
    "table": "boundary as tabled",
}
"""Each family in words."""

_OF_PARAMETERS = ("delta", "prior_a", "prior_b", "p1", "nu", "min_events", "cutoff", "stop_at")
_DECIDES = {"posterior_cutoff": "cutoff", "table": "stop_at", "max_sprt": "min_events"}


class ReportingPrior(Strict):
    """The beta prior under which a posterior is told; it changes no verdict."""

    prior_a: float = Field(description="first parameter, in subjects with an event")
    prior_b: float = Field(description="second parameter, in subjects without")

    def model_post_init(self, context: Any, /) -> None:
        """Raises DesignError for a size that no prior has."""
        del context
        checks.prior("prior_a", self.prior_a)
        checks.prior("prior_b", self.prior_b)


class Design(Strict):
    """The statistical design."""

    method: Method = Field(description="family of boundaries, or your own table")
    null_rate: float = Field(description="proportion of subjects with an event that is still acceptable, 0 to 1")
    alpha: float | None = Field(None, description="probability of stopping at the null rate, 0 to 1")
    max_n: int | None = Field(None, ge=1, description="look after each subject up to this one; or give looks")
    looks: tuple[int, ...] | None = Field(None, min_length=1, description="numbers of subjects at which to look")
    delta: float | None = Field(None, description="wang_tsiatis: 0 = O'Brien–Fleming, 0.5 = one z at all looks")
    prior_a: float | None = Field(
        None, description="beta prior of the rate: first parameter, in subjects with an event"
    )
    prior_b: float | None = Field(None, description="beta prior of the rate: second parameter, in subjects without")
    p1: float | None = Field(None, description="sprt, chen_chaloner: a rate that is not acceptable, above null_rate")
    nu: float | None = Field(
        None, description="chen_chaloner: posterior probability of a rate above p1 that it also needs"
    )
    min_events: int | None = Field(None, description="max_sprt: fewest events that can stop; 1 unless said")
    cutoff: float | None = Field(None, description="posterior_cutoff: posterior probability that stops, not calibrated")
    stop_at: tuple[int | None, ...] | None = Field(
        None, description="table: count that stops at each look; null where no count can"
    )
    control_rate: float | None = Field(
        None, gt=0, lt=1, description="rate in the other arms, for what `check` says of harm on one arm alone"
    )

    @model_validator(mode="after")
    def _looks_are_said_once(self) -> Design:
        if (self.max_n is None) == (self.looks is None):
            raise ValueError("say max_n (a look after each subject) or looks (a list), one of the two")
        return self

    def boundary(self) -> Boundary:
        """The calibrated boundary.

        Raises
        ------
        DesignError: a design that cannot exist as asked, or that can never stop: such a rule would watch nothing.
        """
        looks = self.looks or range(1, (self.max_n or 0) + 1)
        given = {n: getattr(self, n) for n in _OF_PARAMETERS if getattr(self, n) is not None}
        found = calibrate(self.method, null_rate=self.null_rate, alpha=self.alpha, looks=looks, **given)
        if not any(found.stop_at):
            name = _DECIDES.get(self.method, "alpha")
            says = "one with which some count can stop: as it stands this rule can never stop, whatever happens"
            raise DesignError(name, getattr(self, name), says)
        return found
