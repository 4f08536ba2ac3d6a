"""SDTM date-times as intervals of days: what a partial date leaves possible, never one imputed day.

Source: SDTMIG 3.4 §4.4.1–4.4.2 (ISO 8601 extended format, right truncation, single hyphens for missing
components, solidus for intervals of uncertainty).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
"""A year outside this range is a slip of the pen ("0213"), reported as impossible rather than believed."""

_TIME = r"T(?:-|[01]\d|2[0-4])(?::(?:-|[0-5]\d)(?::[0-5]\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?"
_DTC = re.compile(rf"(\d{{4}}|-)(?:-(\d{{2}}|-)(?:-(\d{{2}}|-))?)?(?:{_TIME})?")
_COMPLETE = rf"\d{{4}}-\d{{2}}-\d{{2}}(?:{_TIME})?"
_DAY = "datetime64[s]"
_MANY = 5_000
_EPOCH = date(1970, 1, 1).toordinal()
_UNKNOWN = int(np.datetime64("NaT", "D").astype(np.int64))

Days: TypeAlias = NDArray[np.datetime64]


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


def cutoff_day(moment: datetime, timezone: str) -> date:
    """The last clinical day that counts at a cut-off: the later of the day at the site and in UTC.

    A site ahead of UTC lives in tomorrow: an event of this morning must not look dated after the cut-off.

    Parameters
    ----------
    moment: aware time of the cut-off.
    timezone: IANA name of the study's time zone.
    """
    return max(moment.astimezone(zone).date() for zone in (UTC, ZoneInfo(timezone)))


def possible_days(texts: Sequence[str]) -> tuple[Days, Days, NDArray[np.bool_]]:
    """Read distinct SDTM date-times; the form of `parse_dtc` for many.

    Returns
    -------
    First and last possible day (datetime64[D], NaT where nothing bounds that side) and, for each, whether text is
    there but is no possible date; shapes (texts,).
    """
    if len(texts) > _MANY:
        return _read_many(texts)
    read = np.array([_read(text) for text in texts], dtype=np.int64).reshape(-1, 3)
    return read[:, 0].astype("datetime64[D]"), read[:, 1].astype("datetime64[D]"), read[:, 2].astype(bool)


@lru_cache(maxsize=65_536)
def _read(text: str) -> tuple[int, int, bool]:
    """First and last possible day as days since 1970, `_UNKNOWN` for neither; and whether the text is impossible."""
    parsed = parse_dtc(text)
    if parsed is None:
        return _UNKNOWN, _UNKNOWN, True
    lo, hi = (_UNKNOWN if day is None else day.toordinal() - _EPOCH for day in (parsed.lo, parsed.hi))
    return lo, hi, False


def _read_many(texts: Sequence[str]) -> tuple[Days, Days, NDArray[np.bool_]]:
    """The same where texts are too many to be read one by one: complete dates at once, then the others."""
    column = pd.Series(texts, dtype="str")
    complete = column.str.fullmatch(_COMPLETE).to_numpy(dtype=bool)
    days = pd.to_datetime(column.str.slice(0, 10).where(complete), format="%Y-%m-%d", errors="coerce")
    lo = days.where(days.dt.year.between(EARLIEST_YEAR, LATEST_YEAR)).to_numpy("datetime64[D]").copy()
    hi, impossible = lo.copy(), complete & np.isnat(lo)
    for at in (~complete).nonzero()[0].tolist():
        first, last, impossible[at] = _read(texts[at])
        lo[at], hi[at] = np.array([first, last]).astype("datetime64[D]")
    return lo, hi, impossible


def intervals(series: pd.Series) -> pd.DataFrame:
    """Read a column of SDTM date-times; the form of `parse_dtc` for a column.

    Parameters
    ----------
    series: canonical text, missing = "".

    Returns
    -------
    Frame on the same index: `lo`, `hi` (datetime64[s], NaT where nothing bounds that side) and `impossible`
    (bool: text is there, but is no possible date; lo and hi are NaT, as if it were missing).
    """
    codes, unique = pd.factorize(series)
    lo, hi, impossible = possible_days([str(text) for text in unique])
    read = {"lo": lo[codes].astype(_DAY), "hi": hi[codes].astype(_DAY), "impossible": impossible[codes]}
    return pd.DataFrame(read, index=series.index)
