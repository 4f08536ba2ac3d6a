"""SDTM date-times as intervals of days: what a partial date leaves possible, never one imputed day.

Source: SDTMIG 3.4 §4.4.1–4.4.2 (ISO 8601 extended format, right truncation, single hyphens for missing
components, solidus for intervals of uncertainty).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
"""A year outside this range is a slip of the pen ("0213"), reported as impossible rather than believed."""

_TIME = r"T(?:-|[01]\d|2[0-4])(?::(?:-|[0-5]\d)(?::[0-5]\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?"
_DTC = re.compile(rf"(\d{{4}}|-)(?:-(\d{{2}}|-)(?:-(\d{{2}}|-))?)?(?:{_TIME})?")
_COMPLETE = rf"\d{{4}}-\d{{2}}-\d{{2}}(?:{_TIME})?"
_DAY = "datetime64[s]"


@dataclass(frozen=True, slots=True)
class DateInterval:
    """Every day that a recorded date-time leaves possible, both ends included.

    Parameters
    ----------
    lo, hi: first and last possible day; None where nothing bounds that side (missing date, unknown year).
    """

    lo: date | None
    hi: date | None

    @property
    def is_exact(self) -> bool:
        """One day, as recorded."""
        return self.lo is not None and self.lo == self.hi


UNBOUNDED = DateInterval(None, None)
"""A missing date: any day is possible."""


def parse_dtc(text: str) -> DateInterval | None:
    """Read one SDTM date-time as the interval of days it leaves possible.

    The calendar day is taken as written: a time zone never moves it, because SDTM dates are local to the site.
    `2013---05` (month unknown) spans from 5 January to 5 December. `a/b` spans from the first day of a to
    the last of b. Blank text, or text without a year, is `UNBOUNDED`.

    Returns
    -------
    The interval, or None where the text is no possible date (30 February, free text): the caller treats it
    as missing and reports `FaultKind.IMPOSSIBLE_DATE`. Raises nothing.
    """
    text = text.strip()
    if not text:
        return UNBOUNDED
    first, solidus, second = text.partition("/")
    if solidus:
        return _join(parse_dtc(first), parse_dtc(second) if second.strip() else None)
    found = _DTC.fullmatch(text) or _DTC.fullmatch(text.replace(" ", "T", 1))
    if found is None:
        return None
    year, month, day = (None if part in (None, "-") else int(part) for part in found.groups())
    return _span(year, month, day)


def _join(first: DateInterval | None, second: DateInterval | None) -> DateInterval | None:
    """From the first possible day of one date to the last of another; None where either is impossible or reversed."""
    if first is None or second is None:
        return None
    if first.lo and second.hi and first.lo > second.hi:
        return None
    return DateInterval(first.lo, second.hi)


def _span(year: int | None, month: int | None, day: int | None) -> DateInterval | None:
    """The days that known components leave possible; None where no such day exists."""
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    if year is None:
        return UNBOUNDED
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    possible = [m for m in ([month] if month else range(1, 13)) if not day or day <= _days_in(year, m)]
    if not possible:
        return None
    lo, hi = possible[0], possible[-1]
    return DateInterval(date(year, lo, day or 1), date(year, hi, day or _days_in(year, hi)))


def _days_in(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def intervals(series: pd.Series) -> pd.DataFrame:
    """Read a column of SDTM date-times; the vectorised form of `parse_dtc`.

    Parameters
    ----------
    series: canonical text, missing = "".

    Returns
    -------
    Frame on the same index: `lo`, `hi` (datetime64[s], NaT where nothing bounds that side) and `impossible`
    (bool: text is there, but is no possible date; lo and hi are NaT, as if it were missing).
    """
    codes, unique = pd.factorize(series)
    texts = pd.Series(unique, dtype="str")
    complete = texts.str.fullmatch(_COMPLETE).to_numpy(dtype=bool)
    read_days = pd.to_datetime(texts.str.slice(0, 10).where(complete), format="%Y-%m-%d", errors="coerce")
    lo = read_days.where(read_days.dt.year.between(EARLIEST_YEAR, LATEST_YEAR)).to_numpy("datetime64[D]")
    hi = lo.copy()
    impossible = complete & np.isnat(lo)
    for at in (~complete).nonzero()[0]:
        parsed = parse_dtc(texts.iloc[at])
        impossible[at] = parsed is None
        if parsed is not None:
            lo[at], hi[at] = np.datetime64(parsed.lo, "D"), np.datetime64(parsed.hi, "D")
    read = pd.DataFrame({"lo": lo.astype(_DAY), "hi": hi.astype(_DAY), "impossible": impossible})
    return read.take(codes).set_axis(series.index, axis=0)
