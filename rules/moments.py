"""SDTM date-times as intervals of moments: what a recorded time leaves possible, in UTC.

Duties run by the hour, so that the time of day counts where it is recorded; where it is not, every moment of the
possible days is. A time without a zone is local to the site. Source: SDTMIG 3.4 §4.4.1 (ISO 8601).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.dates import parse_dtc

_TIMED = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-4])(?::([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?"
)


class Moment(NamedTuple):
    """First and last possible moment of something that happened once; both aware UTC."""

    lo: datetime
    hi: datetime


def read_moment(text: str, timezone: str) -> Moment | None:
    """Read one SDTM date-time as the moments it leaves possible.

    Parameters
    ----------
    text: as recorded.   timezone: IANA name of the zone in which times without a zone are meant.

    Returns
    -------
    The interval, a moment where a time to the minute is recorded; None where the text bounds no first or no last day.
    An hour that a clock change repeats is read as the first one, for what began then is due sooner.
    """
    days = parse_dtc(text)
    if days is None or days.lo is None or days.hi is None:
        return None
    timed = _TIMED.fullmatch(text.strip())
    if timed is None:
        return Moment(local(days.lo, time(), timezone), local(days.hi + timedelta(days=1), time(), timezone))
    hour, minute, second = (int(part or 0) for part in timed.group(2, 3, 4))
    start = datetime.combine(days.lo, time()) + timedelta(hours=hour, minutes=minute, seconds=second)
    first = _zoned(start, timed[5]) if timed[5] else local(start.date(), start.time(), timezone)
    return Moment(first, first if timed[3] else first + timedelta(hours=1))


def local(day: date, at: time, timezone: str) -> datetime:
    """A wall-clock time in a zone as UTC; the earlier moment where a clock change leaves two, or none."""
    zone = ZoneInfo(timezone)
    return min(datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))


def _zoned(start: datetime, offset: str) -> datetime:
    return datetime.fromisoformat(start.isoformat() + offset.replace("Z", "+00:00")).astimezone(UTC)
