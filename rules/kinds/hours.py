"""Hours after a dose: did an event begin within so many hours of a dose of its subject, on recorded times or perhaps?

A time is an interval of minutes, as a partial date is one of days: without a time of day the whole day is possible.
Clock times are taken as written at the site, as the days of `rules.dates` are.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from rules.columns import NO, UNKNOWN, YES, Bools, Columns, Ints, Levels, highest
from rules.derive import Facts

_TIME = re.compile(r"[T ](\d{2}):?(\d{2})?")
_MINUTES = 24 * 60
NEVER = np.iinfo(np.int64).min
"""A minute that is not known."""

Minutes = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First and last possible minute since 1970 of each row; `NEVER` in the first where no day is known."""


def soon_after_dose(facts: Facts, hours: int) -> tuple[Levels, Bools]:
    """Did each row of `facts.events` begin within so many hours after a dose of its subject?

    A record of one dose is that dose; of a time in which a subject dosed repeatedly, its start and its end are doses,
    and anything between may be one. An onset without a time of day may lie at any time of it.

    Returns
    -------
    NO, UNKNOWN or YES; and flags: the onset is known to the minute, so that a doubt lies in the doses.
    """
    found: tuple[Levels, Bools] = facts.remember(("hours", hours), lambda: _soon(facts, hours * 60))
    return found


def _soon(facts: Facts, minutes: int) -> tuple[Levels, Bools]:
    ex, subject = facts.domains["EX"], facts.event_column("subject")
    at, (lo, hi) = facts.event_column("ae_row"), minutes_of(facts.domains["AE"], "AESTDTC")
    lo, hi = (np.where(at >= 0, np.append(one, NEVER)[at], NEVER) for one in (lo, hi))
    places = {str(name): i for i, name in enumerate(facts.subjects.index.tolist())}
    doser = ex.subject_at(places)
    event, dose = _pairs(subject, doser, len(facts.subjects))
    start, end = (minutes_of(ex, name) for name in ("EXSTDTC", "EXENDTC"))
    level = _level((lo[event], hi[event]), tuple(days[dose] for days in start), tuple(d[dose] for d in end), minutes)
    best = highest(len(subject), event, level)
    undosed = ~np.isin(subject, doser[doser >= 0]) & ~_screened_out(facts)[subject]
    return np.where(undosed, UNKNOWN, best).astype(np.int8), (lo == hi) & (lo != NEVER)


def _level(onset: Minutes, start: tuple[Ints, ...], end: tuple[Ints, ...], minutes: int) -> Levels:
    """Of each pair of an event and a record of dosing."""
    (lo, hi), (start_lo, start_hi) = onset, start
    ended = end[0] != NEVER
    end_lo, end_hi = np.where(ended, end[0], start_lo), np.where(ended, end[1], start_hi)
    known = (lo != NEVER) & (start_lo != NEVER)
    possible = (hi >= start_lo) & (lo <= np.maximum(end_hi, start_hi) + minutes)
    one_day = start_lo // _MINUTES == end_hi // _MINUTES
    sure = (lo >= start_hi) & ((hi <= start_lo + minutes) | (one_day & (hi <= end_lo + minutes)))
    sure |= ended & (lo >= end_hi) & (hi <= end_lo + minutes)
    return np.where(~known, UNKNOWN, np.where(sure & possible, YES, np.where(possible, UNKNOWN, NO))).astype(np.int8)


def _pairs(subject: Ints, doser: Ints, size: int) -> tuple[Ints, Ints]:
    """Every event with every record of dosing of its subject: row of the events, row of EX."""
    order = np.argsort(doser, kind="stable")
    first = np.searchsorted(doser[order], np.arange(size + 1))
    many = np.append(np.diff(first), 0)[subject]
    event = np.repeat(np.arange(len(subject)), many)
    within = np.arange(len(event)) - np.repeat(np.cumsum(many) - many, many)
    return event, order[np.append(first[:-1], 0)[subject][event] + within] if len(event) else event


def _screened_out(facts: Facts) -> Bools:
    return np.append(facts.subjects["screen_failure"].to_numpy(dtype=bool), False)


def minutes_of(columns: Columns, name: str) -> Minutes:
    """Possible minutes of a column of date-times."""
    (day_lo, day_hi), (at, texts) = columns.days(name), columns.recorded(name)
    first, last = (np.array([_of_day(text)[end] for text in texts], dtype=np.int64)[at] for end in (0, 1))
    unknown = np.isnat(day_lo)
    lo, hi = (np.where(unknown, 0, day.astype("datetime64[D]").astype(np.int64)) * _MINUTES for day in (day_lo, day_hi))
    return np.where(unknown, NEVER, lo + first), np.where(unknown, NEVER, hi + last)


def _of_day(text: str) -> tuple[int, int]:
    """First and last possible minute of the day that a date-time leaves."""
    found = None if "/" in text else _TIME.search(text)
    if found is None:
        return 0, _MINUTES - 1
    hour = int(found[1]) * 60
    return (hour, hour + 59) if found[2] is None else (hour + int(found[2]),) * 2
