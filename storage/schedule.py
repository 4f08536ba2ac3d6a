"""When something is due: a schedule in the words of config.yaml, turned into instants.

Three forms: `08:00` (every day), `mon 08:00` or `mon,thu 08:00` (those days), `every 30 min` (also h, days,
weeks). Times of day are of the study's time zone, so that 08:00 stays 08:00 when the clocks change; a time
that a change skips happens at the moment the clocks would have shown it, one that occurs twice happens the
first time. Steps of `every` are counted from midnight UTC of 1 January 1970, never from a start of the program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from storage.errors import ScheduleError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_AT = re.compile(r"^(?:(?P<days>[a-z, ]+?)\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})$")
_EVERY = re.compile(r"^every\s+(?P<number>\d+)?\s*(?P<unit>min|minutes?|h|hours?|d|days?|w|weeks?)$")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that was read.

    Parameters
    ----------
    at: local time of day, None for a fixed step.
    days: weekdays, Monday = 0; empty for every day.
    step: length of a fixed step, None for a time of day.
    """

    at: time | None = None
    days: frozenset[int] = frozenset()
    step: timedelta | None = None


def parse_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises
    ------
    ScheduleError: any other form, with the forms that exist.
    """
    words = " ".join(text.lower().split())
    if match := _EVERY.match(words):
        step = int(match["number"] or 1) * _UNITS[match["unit"][0]]
        if step:
            return Schedule(step=step)
    if (match := _AT.match(words)) and int(match["hour"]) < 24 and int(match["minute"]) < 60:
        days = frozenset(_weekday(text, name) for name in re.split(r"[, ]+", match["days"])) if match["days"] else ()
        return Schedule(at=time(int(match["hour"]), int(match["minute"])), days=frozenset(days))
    raise _unreadable(text)


def due_instants(schedule: Schedule | str, tz: ZoneInfo | str, after: datetime, until: datetime) -> list[datetime]:
    """Every instant of a schedule in (after, until], oldest first, as aware UTC.

    Parameters
    ----------
    tz: the study's time zone, for times of day.   after, until: aware; nothing is due when until ≤ after.

    Raises
    ------
    ScheduleError: unreadable text.   ValueError: a naive time.
    """
    if after.tzinfo is None or until.tzinfo is None:
        raise ValueError("naive time: periods are computed between aware instants")
    schedule = parse_schedule(schedule) if isinstance(schedule, str) else schedule
    after, until = after.astimezone(UTC), until.astimezone(UTC)
    if schedule.step is not None:
        first = (after - _EPOCH) // schedule.step + 1
        last = (until - _EPOCH) // schedule.step
        return [_EPOCH + number * schedule.step for number in range(first, last + 1)]
    zone = ZoneInfo(tz) if isinstance(tz, str) else tz
    day, end = after.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
    instants = []
    while day <= end:
        if not schedule.days or day.weekday() in schedule.days:
            instants.append(_instant(day, schedule.at, zone))
        day += timedelta(days=1)
    return [instant for instant in instants if after < instant <= until]


def _instant(day: date, at: time | None, zone: ZoneInfo) -> datetime:
    assert at is not None
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _weekday(text: str, name: str) -> int:
    if name[:3] not in WEEKDAYS or not any(full.startswith(name) for full in _FULL):
        raise _unreadable(text)
    return WEEKDAYS.index(name[:3])


_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _unreadable(text: str) -> ScheduleError:
    return ScheduleError(
        f"{text!r} is not a schedule",
        where="schedule",
        fix='Write "08:00" for every day, "mon 08:00" or "mon,thu 08:00" for weekdays, or "every 30 min".',
    )
