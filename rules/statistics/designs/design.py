"""What a design is: parameters, and a way from a rate, an alpha and looks to a boundary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import ClassVar

import numpy as np

from rules.statistics.boundary import ParameterValue
from rules.statistics.recursion import Counts, Floats
from rules.statistics.search import Fit, least_conservative


class Design(ABC):
    """A way to a boundary. A subclass is a frozen dataclass; its fields are its parameters, in contract order."""

    states_alpha: ClassVar[bool] = True
    """Whether the design is calibrated to an alpha, which must then be given."""

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Names of the parameters, as in YAML and Python, in the order of the command line."""
        return tuple(f.name for f in fields(cls))  # type: ignore[arg-type]

    @abstractmethod
    def fit(self, null_rate: float, alpha: float | None, looks: Counts) -> Fit:
        """The boundary at these looks, with its exact false alarm. Inputs are checked already.

        Raises
        ------
        DesignError: names a parameter that these looks or this rate cannot have.
        """

    def values(self) -> Mapping[str, ParameterValue]:
        """The parameters as given, for the stored rule version."""
        return {name: getattr(self, name) for name in self.parameters()}


class Family(Design):
    """A nested family: the boundary stops wherever the evidence reaches a cutoff calibrated to alpha."""

    @abstractmethod
    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Evidence against the null rate, strictly rising in events; `n` ≥ 1 and `events` have one shape."""

    @abstractmethod
    def on_paper(self, cutoff: float, null_rate: float, max_n: int) -> float:
        """The cutoff on the scale in which the design's paper states it."""

    def least(self, looks: Counts, null_rate: float) -> Counts:  # noqa: ARG002
        """The smallest count that may stop at each look whatever the evidence, never falling; 0 = evidence alone."""
        return np.zeros_like(looks)

    def check(self, null_rate: float, looks: Counts) -> None:
        """Refuse parameters that this rate or these looks cannot have.

        Raises
        ------
        DesignError: naming the parameter.
        """

    def fit(self, null_rate: float, alpha: float | None, looks: Counts) -> Fit:
        """The least conservative boundary of the family that keeps alpha."""
        assert alpha is not None, "calibrate() refuses a family without alpha"
        self.check(null_rate, looks)
        least = self.least(looks, null_rate)
        found = least_conservative(lambda n, s: self.evidence(n, s, null_rate), null_rate, alpha, looks, least)
        assert found.cutoff is not None
        return Fit(found.stop_at, self.on_paper(found.cutoff, null_rate, int(looks[-1])), found.attained_alpha)
