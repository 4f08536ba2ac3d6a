"""The designs: each says what its parameters are, and which boundary it means for a rate, an alpha and looks.

A design that is calibrated is a `Family`: it says how strong the evidence of s events in n subjects is, and
`search.least_conservative` does the rest. A design with another way to its boundary overrides `fit`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from scipy.special import expit

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import ParameterValue
from rules.statistics.recursion import Counts, Floats, as_counts
from rules.statistics.search import Fit, attained, least_conservative
from rules.statistics.tails import log_odds_below


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
        """The boundary at these looks, with its exact false alarm. Inputs are checked already."""

    def values(self) -> Mapping[str, ParameterValue]:
        """The parameters as given, for the stored rule version."""
        return {name: getattr(self, name) for name in self.parameters()}


class Family(Design):
    """A nested family: the boundary stops wherever the evidence reaches a cutoff calibrated to alpha."""

    @abstractmethod
    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Evidence against the null rate, strictly rising in events; `n` ≥ 1 and `events` have one shape."""

    @abstractmethod
    def on_paper(self, cutoff: float) -> float:
        """The cutoff on the scale in which the design's paper states it."""

    def fit(self, null_rate: float, alpha: float | None, looks: Counts) -> Fit:
        """The least conservative boundary of the family that keeps alpha."""
        assert alpha is not None, "calibrate() refuses a family without alpha"
        found = least_conservative(lambda n, s: self.evidence(n, s, null_rate), null_rate, alpha, looks)
        assert found.cutoff is not None
        return Fit(found.stop_at, self.on_paper(found.cutoff), found.attained_alpha)


@dataclass(frozen=True, slots=True)
class Pocock(Family):
    """Stop when P(X ≥ s | n, null rate) ≤ c, one c for all looks; `critical_value` is c.

    The binomial form of Pocock's boundary: Ivanova, Qaqish & Schell, Biometrics 2005,
    doi 10.1111/j.1541-0420.2005.00311.x; beside other designs: Martens & Logan, Clinical Trials 2024.
    """

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Log odds against the tail: rises as P(X ≥ s) falls; −inf without an event, where P(X ≥ 0) = 1."""
        some = np.maximum(events, 1)
        return np.where(events > 0, -log_odds_below(some, n - some + 1.0, null_rate), -np.inf)

    def on_paper(self, cutoff: float) -> float:
        """The tail probability c."""
        return float(expit(-cutoff))


@dataclass(frozen=True, slots=True)
class BetaBinomial(Family):
    """Stop when the posterior P(rate > null rate) ≥ c under a Beta(prior_a, prior_b) prior; `critical_value` is c.

    Geller, Follmann, Leifer & Carter, "Design of early trials in stem cell transplantation", 2003
    (ISBN 9781135524388); c is calibrated, because a posterior cutoff such as .95 says nothing of the false alarm.

    Parameters
    ----------
    prior_a, prior_b: positive, within `checks.PRIOR_SIZES`; the prior has mean prior_a / (prior_a + prior_b) and
        counts like prior_a + prior_b subjects.
    """

    prior_a: float
    prior_b: float

    def __post_init__(self) -> None:
        for name in self.parameters():
            object.__setattr__(self, name, checks.prior(name, getattr(self, name)))

    def evidence(self, n: Counts, events: Counts, null_rate: float) -> Floats:
        """Posterior log odds of a rate above the null rate."""
        return -log_odds_below(self.prior_a + events, self.prior_b + n - events, null_rate)

    def on_paper(self, cutoff: float) -> float:
        """The posterior probability c."""
        return float(expit(cutoff))


@dataclass(frozen=True, slots=True)
class Table(Design):
    """The protocol's own numbers; nothing is calibrated, the false alarm is computed.

    Parameters
    ----------
    stop_at: smallest count that stops, one for each look, never falling. A count above its look cannot be
        reached and is stored as None; None is also allowed before the first count.
    """

    states_alpha: ClassVar[bool] = False

    stop_at: tuple[int | None, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "stop_at", _never_falling(self.stop_at))

    def fit(self, null_rate: float, alpha: float | None, looks: Counts) -> Fit:  # noqa: ARG002
        """The table as it stands, with its exact false alarm, whatever alpha the protocol states."""
        if len(self.stop_at) != len(looks):
            raise DesignError("stop_at", self.stop_at, f"one count for each of the {len(looks)} looks")
        stop_at = tuple(s if s and s <= n else None for s, n in zip(self.stop_at, looks.tolist(), strict=True))
        if not any(stop_at):
            raise DesignError("stop_at", self.stop_at, "at least one count that its look can reach")
        return Fit(stop_at, None, attained(looks, as_counts(looks.tolist(), stop_at), null_rate))


def _never_falling(table: object) -> tuple[int | None, ...]:
    allowed = "whole numbers of at least 1, one for each look, never falling; none only before the first"
    if isinstance(table, (str, bytes)) or not isinstance(table, Iterable):
        raise DesignError("stop_at", table, allowed)
    counts = tuple(None if stop is None else checks.whole("stop_at", stop, allowed) for stop in table)
    reached = 1
    for position, stop in enumerate(counts, start=1):
        if (stop is None and reached > 1) or (stop is not None and stop < reached):
            raise DesignError("stop_at", counts, f"{allowed} (entry {position} is {stop} after {reached})")
        reached = stop or reached
    return counts


METHODS: Mapping[str, type[Design]] = MappingProxyType(
    {"pocock": Pocock, "beta_binomial": BetaBinomial, "table": Table}
)
"""Name in YAML, Python and on the command line → design."""
