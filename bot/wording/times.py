"""Times as people read them: in the study's zone, always with the UTC offset."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def moment(at: datetime, timezone: str) -> str:
    """`Thu 14 May 2026 09:00 CDT (UTC−5)`.

    Parameters
    ----------
    at: aware time; a naive one raises ValueError, because its zone can only be guessed.
    timezone: IANA name of the study's zone.
    """
    local = _local(at, timezone)
    return f"{_day(local)} {local:%Y %H:%M} {zone(at, timezone)}"


def whole_day(at: datetime, timezone: str) -> str:
    """`Thu 14 May 2026 CDT (UTC−5)`: the day of a moment, where the time of day says nothing."""
    local = _local(at, timezone)
    return f"{_day(local)} {local:%Y} {zone(at, timezone)}"


def hour(at: datetime, timezone: str, *, beside: datetime | None = None, offset: bool = True) -> str:
    """`09:06 CDT (UTC−5)`; on another day than `beside` with the day: `Fri 15 May 09:06 CDT (UTC−5)`.

    `offset=False` leaves the zone out where the same line or message already shows it.
    """
    local = _local(at, timezone)
    same_day = beside is None or _local(beside, timezone).date() == local.date()
    shown = f"{local:%H:%M}" if same_day else f"{_day(local)} {local:%H:%M}"
    return f"{shown} {zone(at, timezone)}" if offset else shown


def zone(at: datetime, timezone: str) -> str:
    """`CDT (UTC−5)`, `IST (UTC+5:30)`, `(UTC+0)` where the zone has no short name of its own."""
    local = _local(at, timezone)
    offset = local.utcoffset() or timedelta()
    minutes = round(abs(offset).total_seconds() / 60)
    sign = "−" if offset < timedelta() else "+"
    shown = f"(UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d})" if minutes % 60 else ")")
    name = local.tzname() or ""
    return f"{name} {shown}" if name.isalpha() else shown


def length(span: timedelta) -> str:
    """A length of time in its largest whole unit: `45 s`, `30 min`, `2 h`, `3 days`; never rounded up."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'s' if unit == 'day' and number != 1 else ''}"
    return f"{seconds} s"


def _local(at: datetime, timezone: str) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"naive time {at!r}: times are passed in as aware UTC")
    return at.astimezone(ZoneInfo(timezone))


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b}"
