"""How long an event lasted: long enough on recorded dates, perhaps, or not; in calendar days or in hours."""

from __future__ import annotations

import numpy as np

from rules.columns import NAT, NO, Bools, Days, Ints, any_in
from rules.derive import Facts
from rules.kinds.hours import NEVER, minutes_of
from rules.kinds.matching import bit, event_count, match
from rules.kinds.selection import Selected
from rules.kinds.words import EventFilter

_GOING_ON = frozenset({"NOT RECOVERED/NOT RESOLVED", "NOT RECOVERED", "NOT RESOLVED", "RECOVERING/RESOLVING"})


def lasting_days(facts: Facts, chosen: Selected, wanted: EventFilter, days: int) -> tuple[Bools, Ints]:
    """Which events may have lasted so many days by their matching records, and what that hangs on.

    An event without an end goes on, perhaps to the cut-off: for certain to the day of its last review where its
    outcome says that it was still there.
    """
    rows = np.flatnonzero(match(facts, wanted).level > NO)
    size, event = event_count(facts), facts.event_column("event")[rows]
    ae, at = facts.domains["AE"], facts.event_column("ae_row")[rows]
    lo, hi = (facts.event_column(f"onset_{end}")[rows] for end in ("lo", "hi"))
    end = ae.days("AEENDTC")
    end_lo, end_hi = (np.append(day, NAT)[at] for day in end)
    open_ = np.isnat(end_hi)
    there = np.append(ae.isin("AEOUT", _GOING_ON), False)[at]
    seen = np.append(ae.days("AEDTC").lo, NAT)[at]
    end_lo = np.where(open_, np.where(there, np.fmax(seen, hi), hi), end_lo)
    end_hi = np.fmin(np.where(open_, facts.cutoff, end_hi), facts.cutoff)
    first_lo, first_hi = _least(size, event, lo), _least(size, event, hi)
    last_lo, last_hi = _most(size, event, end_lo), _most(size, event, end_hi)
    still = any_in(size, event, open_)
    more = np.timedelta64(days - 1, "D")
    which = facts.event_column("event")[chosen.row]
    possible = (~(last_hi < first_lo + more))[which]
    certain = (last_lo >= first_hi + more)[which]
    inexact = (first_lo != first_hi)[which] & ~still[which]
    doubt = np.where(certain, 0, np.where(inexact, bit("AESTDTC"), bit("AEENDTC")))
    return possible, doubt.astype(np.int64)


def _least(size: int, at: Ints, days: Days) -> Days:
    found = np.full(size, np.datetime64("9999-12-31", "D"))
    np.minimum.at(found, at[~np.isnat(days)], days[~np.isnat(days)])
    return np.where(found == np.datetime64("9999-12-31", "D"), NAT, found)


def _most(size: int, at: Ints, days: Days) -> Days:
    found = np.full(size, np.datetime64("0001-01-01", "D"))
    np.maximum.at(found, at[~np.isnat(days)], days[~np.isnat(days)])
    return np.where(found == np.datetime64("0001-01-01", "D"), NAT, found)


def lasting_hours(facts: Facts, row: Ints, hours: int) -> tuple[Bools, Ints]:
    """Which events, by the rows that stand for them, may have lasted so many hours, and what that hangs on.

    A date without a time leaves the whole day open, and an event without an end goes on, perhaps to the cut-off.
    """
    ae, at = facts.domains["AE"], facts.event_column("ae_row")[row]
    start, end = (minutes_of(ae, name) for name in ("AESTDTC", "AEENDTC"))
    start_lo, start_hi, end_lo, end_hi = (np.append(one, NEVER)[at] for one in (*start, *end))
    open_, unknown = end_lo == NEVER, start_lo == NEVER
    cutoff = (int(facts.cutoff.astype("datetime64[D]").astype(np.int64)) + 1) * 24 * 60
    end_lo, end_hi = np.where(open_, start_hi, end_lo), np.where(open_, cutoff, end_hi)
    possible = unknown | (end_hi - start_lo >= hours * 60)
    certain = ~unknown & (end_lo - start_hi >= hours * 60)
    inexact = unknown | ((start_lo != start_hi) & (end_lo == end_hi))
    doubt = np.where(certain, 0, np.where(inexact, bit("AESTDTC"), bit("AEENDTC")))
    return np.asarray(possible), doubt.astype(np.int64)
