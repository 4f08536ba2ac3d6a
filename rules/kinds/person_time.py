"""Total person-time of a group up to any day, from the days at risk that `rules.derive.Facts.at_risk` gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.columns import Days, Span


class PersonTime:
    """Days at risk of all subjects together, up to any day.

    Parameters
    ----------
    risk: first and last day at risk of each subject; one without both, or whose last is not after the first, has none.
    """

    def __init__(self, risk: Span) -> None:
        begin, end = (days.astype("datetime64[D]") for days in risk)
        kept = end > begin  # false with NaT
        self._begin, self._end = (np.sort(days[kept]).astype(np.int64) for days in (begin, end))
        self._sums = tuple(np.concatenate(([0], np.cumsum(days))) for days in (self._begin, self._end))

    def upto(self, days: Days) -> NDArray[np.float64]:
        """Person-days before each of these days: the sum over subjects of the time at risk up to it."""
        at = np.asarray(days).astype("datetime64[D]").astype(np.int64)
        passed = []
        for moments, sums in zip((self._begin, self._end), self._sums, strict=True):
            count = np.searchsorted(moments, at)
            passed.append(count * at - sums[count])
        return np.asarray(passed[0] - passed[1], dtype=np.float64)

    def reached(self, exposure: float, until: np.datetime64) -> np.datetime64:
        """First day by which so much person-time had passed; `until` where it had not."""
        if not len(self._begin):
            return until
        days = np.arange(self._begin[0], until.astype("datetime64[D]").astype(np.int64) + 1).astype("datetime64[D]")
        enough = np.flatnonzero(self.upto(days) >= exposure)
        return days[enough[0]] if len(enough) else until
