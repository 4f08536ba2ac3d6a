"""When within its window an event comes, given that it comes: the distribution that a stated assumption means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rules.errors import DesignError
from rules.statistics import checks

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Onset:
    """Onset of an event that comes within the window: F(t) = (t / window) ** power.

    Parameters
    ----------
    power: 1 is uniform; below 1 events come early (at .5 half of them within the first quarter of the window), above
        1 late. Positive.

    Raises
    ------
    DesignError: a power that is not positive.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        allowed = "a number above 0; 1 is uniform over the window, below 1 is early"
        if checks.number("power", self.power, allowed) <= 0:
            raise DesignError("power", self.power, allowed)

    @property
    def words(self) -> str:
        """The assumption as it is printed beside a figure."""
        if self.power == 1:
            return "onset uniform over the window"
        return f"{'early' if self.power < 1 else 'late'} onset, F(t) = (t / window)^{self.power:g}"

    def share(self, followed: ArrayLike) -> Floats:
        """F at these fractions of the window: the share of coming events that have come by then.

        Parameters
        ----------
        followed: follow-up as a fraction of the window, any shape; below 0 counts as 0, above 1 as 1.
        """
        return np.asarray(np.clip(np.asarray(followed, dtype=np.float64), 0.0, 1.0) ** self.power)

    def fraction(self, share: ArrayLike) -> Floats:
        """The fraction of the window by which this share of coming events has come; the inverse of `share`."""
        return np.asarray(np.asarray(share, dtype=np.float64) ** (1.0 / self.power))


UNIFORM = Onset()
"""Events spread evenly over the window: the default where nothing is known."""


def still_to_come(rate: ArrayLike, share: ArrayLike) -> Floats:
    """P(event by the end of the window | none so far) = p (1 − F) / (1 − p F).

    Bayes' rule for one subject: the event comes with probability p, and of those that come the share F would
    have come already.

    Parameters
    ----------
    rate, share: event probability p and F at the follow-up so far, of shapes that broadcast together.

    Source: the conditional probability behind Cheung & Chappell, Biometrics 2000;56:1177, section 2.
    """
    p, f = np.asarray(rate, dtype=np.float64), np.asarray(share, dtype=np.float64)
    never = 1.0 - p * f
    return np.asarray(np.where(never > 0, p * (1.0 - f) / np.where(never > 0, never, 1.0), 0.0))
