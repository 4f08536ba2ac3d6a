"""What is compared: subjects with an event among those evaluated, on the treated and on the control arm."""

from __future__ import annotations

from dataclasses import dataclass

from rules.errors import DesignError
from rules.statistics import checks


@dataclass(frozen=True, slots=True)
class Arms:
    """Counts of two arms.

    Parameters
    ----------
    events_treated, n_treated: subjects with an event among the evaluated, n ≥ 1, of the arm that may do harm.
    events_control, n_control: likewise of the arm it is compared with.

    Raises
    ------
    DesignError: an arm without subjects, counts below 0 or above their n.
    """

    events_treated: int
    n_treated: int
    events_control: int
    n_control: int

    def __post_init__(self) -> None:
        for arm in ("treated", "control"):
            most = f"a whole number from 1 to {checks.MAX_SUBJECTS:,}"
            n = checks.whole(f"n_{arm}", getattr(self, f"n_{arm}"), most)
            if not 1 <= n <= checks.MAX_SUBJECTS:
                raise DesignError(f"n_{arm}", n, most)
            events = checks.whole(f"events_{arm}", getattr(self, f"events_{arm}"), f"a whole number from 0 to {n}")
            if not 0 <= events <= n:
                raise DesignError(f"events_{arm}", events, f"a whole number from 0 to {n}")

    @property
    def difference(self) -> float:
        """Proportion on treatment less proportion on control."""
        return self.events_treated / self.n_treated - self.events_control / self.n_control
