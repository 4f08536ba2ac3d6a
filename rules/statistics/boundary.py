"""A stopping boundary as people and rules use it: at which count does which look stop?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

ParameterValue: TypeAlias = float | tuple[int | None, ...]
"""A design parameter as stored: a number, or the protocol's own table."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A stopping boundary on the number of subjects with an event, one count for each designed look.

    The rule is crossed at a look when the events among the first `look` dosed subjects reach
    `stop_at` of that look. Between looks nothing can cross.

    Parameters
    ----------
    method: name of the design, a key of `METHODS`.
    null_rate: event probability per subject that is still acceptable, in (0, 1).
    alpha: false alarm asked for, in (0, 1); None where a protocol's own table states none.
    looks: numbers of subjects at which the rule looks, strictly increasing.
    stop_at: smallest count that stops at each look; None where no count can. Never falls.
    critical_value: cutoff on the scale of the design's paper; None for a protocol's own table. Information
        only: the table decides.
    attained_alpha: exact P(stop) when the event probability is `null_rate` and outcomes are recorded once
        and correctly.
    parameters: the design's parameters, in the order of `METHODS[method].parameters`.
    """

    method: str
    null_rate: float
    alpha: float | None
    looks: tuple[int, ...]
    stop_at: tuple[int | None, ...]
    critical_value: float | None
    attained_alpha: float
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict, hash=False)

    @property
    def max_n(self) -> int:
        """The last look; nothing is designed beyond it."""
        return self.looks[-1]

    def stop_at_n(self, n: int) -> int | None:
        """The count that stops when `n` subjects are in; None where no count can or `n` is no designed look."""
        return self.stop_at[self.looks.index(n)] if n in self.looks else None
