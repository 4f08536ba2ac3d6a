"""Words of config.yaml that are more than text: durations, times of the week, time zones, channels, names.

Each is an annotated type for the models; its messages are complete sentences for the person who wrote it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from bot.configuration.problems import nearest

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
_DURATION = re.compile(r"([0-9]{1,6}) ?([a-z]+)")
_AT = re.compile(r"(?:([a-z]{3}) )?([01][0-9]|2[0-3]):([0-5][0-9])")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,}")
_MEMBER = re.compile(r"[UW][A-Za-z0-9_]*")


def refuse(kind: str, message: str, fix: str = "") -> PydanticCustomError:
    """An error whose sentence and advice reach the person unchanged. Braces are kept literally."""
    return PydanticCustomError(kind, "{said}", {"said": message, "fix": fix})


def _as_text(value: Any) -> Any:
    """Ids that look like whole numbers are text: `id: 2019` is "2019"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise refuse("blank", "is blank", "Write some text")
    return value.strip()


Text = Annotated[str, AfterValidator(_not_blank)]
"""Text for people, not blank, without surrounding blanks."""

Code = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int), AfterValidator(_not_blank)]
"""A code or id; a whole number is read as its digits."""

Identifier = Annotated[
    str,
    BeforeValidator(_as_text, json_schema_input_type=str | int),
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", strict=True),
]
"""Id of a study or source: letters, digits, dot, dash and underscore, at most 64."""


def parse_duration(value: Any) -> timedelta:
    """`"5 min"`, `"36 h"`, `"2 d"`, `"30 s"` → timedelta. Raises a pydantic error with the nearest unit."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    found = _DURATION.fullmatch(text)
    if found and found[2] in _UNITS and int(found[1]) > 0:
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    unit = nearest(found[2], _UNITS) if found else None
    hint = f"Did you mean '{found[1]} {unit}'? " if found and unit and found[2] not in _UNITS else ""
    raise refuse(
        "duration", f"{value!r} is not a duration",
        f"{hint}Write a whole number above 0 and a unit: '30 s', '5 min', '36 h' or '2 d'",
    )  # fmt: skip


Duration = Annotated[timedelta, BeforeValidator(parse_duration, json_schema_input_type=str)]
"""A length of time such as `5 min`, `36 h`, `2 d`."""


@dataclass(frozen=True, slots=True, order=True)
class At:
    """A moment that returns in the study's time zone.

    Parameters
    ----------
    weekday: 0 = Monday … 6 = Sunday; None = every day.
    time: local wall clock, never between 00:00 and 04:00, where clock changes skip or repeat it.
    """

    weekday: int | None
    time: dt.time

    def __str__(self) -> str:
        """As written: "mon 08:00" or "08:00"."""
        day = f"{WEEKDAYS[self.weekday]} " if self.weekday is not None else ""
        return f"{day}{self.time:%H:%M}"


def _parse_at(value: Any) -> At:
    found = _AT.fullmatch(str(value).strip().lower())
    if not found:
        raise refuse("at", f"{value!r} is not a time", "Write it in 24 hours, as '08:00' or 'mon 08:00'")
    if found[1] and found[1] not in WEEKDAYS:
        close = nearest(found[1], WEEKDAYS)
        hint = f"Did you mean {close!r}? " if close else ""
        raise refuse("at", f"{found[1]!r} is not a day", f"{hint}Days are {', '.join(WEEKDAYS)}")
    at = dt.time(int(found[2]), int(found[3]))
    if at < dt.time(4):
        raise refuse(
            "at", f"{value!r} is between 00:00 and 04:00, when clock changes skip an hour or repeat it",
            "Choose 04:00 or later, so that it happens exactly once",
        )  # fmt: skip
    return At(WEEKDAYS.index(found[1]) if found[1] else None, at)


def parse_weekly(value: Any) -> At:
    """`"mon 08:00"` → `At`. Raises a pydantic error that says why a time cannot be used."""
    at = value if isinstance(value, At) else _parse_at(value)
    if at.weekday is None:
        raise refuse("at", f"{value!r} names no day", f"Write the day first, for example 'mon {at}'")
    return at


def parse_daily(value: Any) -> At:
    """`"08:00"` → `At`. Raises a pydantic error that says why a time cannot be used."""
    at = value if isinstance(value, At) else _parse_at(value)
    if at.weekday is not None:
        raise refuse("at", f"{value!r} names a day, but this happens daily", f"Write '{at.time:%H:%M}'")
    return at


WeeklyAt = Annotated[At, BeforeValidator(parse_weekly, json_schema_input_type=str)]
"""A weekly moment such as `mon 08:00`, in the study's time zone."""

DailyAt = Annotated[At, BeforeValidator(parse_daily, json_schema_input_type=str)]
"""A daily moment such as `08:00`, in the study's time zone."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError; a folder an OSError
        close = nearest(name, available_timezones())
        hint = f"Did you mean {close!r}? " if close else ""
        raise refuse(
            "timezone", f"{name!r} is not a time zone", f"{hint}Names are IANA's, like America/Chicago"
        ) from error
    return name


Timezone = Annotated[str, AfterValidator(_known_zone)]
"""IANA name of a time zone."""


def _channel(name: str) -> str:
    if _CHANNEL_ID.fullmatch(name):
        return name
    bare = name.removeprefix("#")
    if not bare or len(bare) > 80 or bare != bare.lower() or re.search(r"[\s#@<>,.]", bare):
        raise refuse(
            "channel", f"{name!r} is not a channel",
            "Write the name in quotes, as \"#sts-calc-safety\" (lower case, no blanks), or the id, as C0123ABCD",
        )  # fmt: skip
    return f"#{bare}"


Channel = Annotated[str, AfterValidator(_channel)]
"""A Slack channel: `"#name"` or an id that begins with C or G."""


def _member_id(value: str) -> str:
    if _MEMBER.fullmatch(value):
        return value
    if re.fullmatch(r"S[A-Z0-9]{3,}", value):
        raise refuse("member", f"{value!r} is a user group", "List the people themselves: rosters are kept by name")
    raise refuse(
        "member", f"{value!r} is not a Slack member id",
        "Write the id that begins with U or W (in Slack: profile, ⋮, Copy member ID)",
    )  # fmt: skip


MemberId = Annotated[str, AfterValidator(_member_id)]
"""A Slack member id: begins with U or W."""
