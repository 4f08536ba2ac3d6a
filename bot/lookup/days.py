"""A day as people type it: 2026-05-31; what is nearly one is answered with the day that was meant."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime

_PARTS = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})")
_FORMS = ("%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%Y%m%d", "%d-%m-%Y", "%d-%b-%Y")


def day(typed: str) -> date | None:
    """The day, where it is written as an ISO date; None otherwise."""
    try:
        return date.fromisoformat(typed) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", typed) else None
    except ValueError:
        return None


def nearest_day(typed: str) -> str:
    """The ISO date that was probably meant, "" where none is like it. 31 June is 30 June; 13/14 is not guessed at."""
    words = typed.replace(",", " ").strip()
    found = _PARTS.fullmatch(words)
    if found:
        year, month, number = map(int, found.groups())
        if 1 <= month <= 12 and 1 <= number <= 31 and year >= 1:
            return date(year, month, min(number, calendar.monthrange(year, month)[1])).isoformat()
        return ""
    for form in _FORMS:
        try:
            return datetime.strptime(" ".join(words.split()), form).date().isoformat()  # noqa: DTZ007 - a day, no time
        except ValueError:
            continue
    return ""
