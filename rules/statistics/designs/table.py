"""A protocol's own numbers as a design."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.designs.design import Design
from rules.statistics.recursion import Counts, as_counts
from rules.statistics.search import Fit, attained


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
