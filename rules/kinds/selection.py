"""The events that a rule means, one entry each: which state stands for an event, what it hangs on, since when known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rules.columns import NO, UNKNOWN, YES, Bools, Ints, highest
from rules.derive import Facts
from rules.kinds.matching import event_count, match
from rules.kinds.words import EventFilter


@dataclass(frozen=True, slots=True)
class Selected:
    """The events that a rule means, one entry each, in order of event_key; arrays of shape (events,).

    Parameters
    ----------
    row: row of `facts.events` that stands for the event: its first certain state, else its first doubtful one.
    certain: some state of it matches on recorded facts alone.
    missing: bit mask of what the match hangs on, 0 where certain.
    excepted: an exception applies, on recorded facts.
    known: when the first such state became known, microseconds since 1970 (UTC).
    """

    row: Ints
    certain: Bools
    missing: Ints
    excepted: Bools
    known: Ints

    def where(self, keep: Bools) -> Selected:
        """Some of the events."""
        return Selected(self.row[keep], self.certain[keep], self.missing[keep], self.excepted[keep], self.known[keep])

    def doubting(self, doubt: Ints) -> Selected:
        """The events with further doubts, a bit mask each; an excepted event has none."""
        missing = self.missing | np.where(self.excepted, 0, doubt)
        return Selected(self.row, self.certain & (missing == 0), missing, self.excepted, self.known)


def select(facts: Facts, events: EventFilter, excepted: EventFilter | None) -> Selected:
    """The events that a rule means. An exception applies only on recorded facts; one that may apply is a doubt."""
    found = match(facts, events)
    event, size = facts.event_column("event"), event_count(facts)
    missing, out = found.missing, np.zeros(size, dtype=bool)
    if excepted is not None:
        unless = match(facts, excepted)
        highest_level = highest(size, event, unless.level)
        out = np.asarray(highest_level == YES)
        doubt = np.zeros(size, dtype=np.int64)
        np.bitwise_or.at(doubt, event, np.where(unless.level == UNKNOWN, unless.missing, 0))
        missing = missing | np.where(highest_level == UNKNOWN, doubt, 0)[event]
    return _one_per_event(facts, np.flatnonzero(found.level > NO), missing, out)


def _one_per_event(facts: Facts, rows: Ints, missing: Ints, excepted: Bools) -> Selected:
    """The certain state first, then the earliest onset; in order of event_key."""
    ranks = _ranks(facts)
    event, size = facts.event_column("event")[rows], event_count(facts)
    certain = missing[rows] == 0
    score = ranks.row[rows] + np.where(certain, 0, len(ranks.row))
    best = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(best, event, score)
    chosen = rows[score == best[event]]
    chosen = chosen[facts.events["event_key"].iloc[chosen].argsort(kind="stable").to_numpy()]
    of = facts.event_column("event")[chosen]
    return Selected(
        row=chosen,
        certain=missing[chosen] == 0,
        missing=np.where(excepted[of], 0, missing[chosen]),
        excepted=excepted[of],
        known=_first_known(ranks.known, rows, event, certain, size, best < len(ranks.row))[of],
    )


def _first_known(known: Ints, rows: Ints, event: Ints, certain: Bools, size: int, has_certain: Bools) -> Ints:
    """When each event first matched as it does: by its certain states where it has one."""
    same = certain == has_certain[event]
    first = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(first, event[same], known[rows[same]])
    return first


@dataclass(frozen=True, slots=True)
class _Ranks:
    """An order of the rows of `facts.events` that does not depend on row order, and when each became known."""

    row: Ints
    known: Ints


def _ranks(facts: Facts) -> _Ranks:
    ranks: _Ranks = facts.remember("ranks", lambda: _make_ranks(facts))
    return ranks


def _make_ranks(facts: Facts) -> _Ranks:
    """By onset (unknown last); ties by a hash of the record key, which is content, unlike the row's number."""
    events = facts.events
    records = pd.util.hash_array(facts.event_column("record_key"), categorize=False)
    order = np.lexsort((records, facts.event_column("onset_lo")))
    row = np.empty(len(events), dtype=np.int64)
    row[order] = np.arange(len(events))
    known = events["known_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    return _Ranks(row, known)
