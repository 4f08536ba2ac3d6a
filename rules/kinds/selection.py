"""The events that a rule means, one entry each: which state stands for an event, what it hangs on, since when known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rules.columns import NO, UNKNOWN, YES, Bools, Ints, any_in
from rules.derive import Facts
from rules.kinds.matching import event_count, match
from rules.kinds.windows import in_window
from rules.kinds.words import EventFilter


@dataclass(frozen=True, slots=True)
class Selected:
    """The events that a rule means, one entry each, in order of event_key; arrays of shape (events,).

    Parameters
    ----------
    row: row of `facts.events` that stands for the event: its first certain state, else its first doubtful one.
    certain: some state of it matches on recorded facts alone.
    missing: bit mask of what the match hangs on, 0 where certain.
    inside: some such state is in the rule's window; all are where the rule has none.
    excepted: an exception applies, on recorded facts.
    known: when the first such state became known, microseconds since 1970 (UTC).
    """

    row: Ints
    certain: Bools
    missing: Ints
    inside: Bools
    excepted: Bools
    known: Ints

    def where(self, keep: Bools) -> Selected:
        """Some of the events."""
        return Selected(*(getattr(self, name)[keep] for name in self.__slots__))

    def doubting(self, doubt: Ints) -> Selected:
        """The events with further doubts, a bit mask each; an excepted event has none."""
        missing = self.missing | np.where(self.excepted, 0, doubt)
        return replace(self, certain=self.certain & (missing == 0), missing=missing)


def select(facts: Facts, events: EventFilter, excepted: EventFilter | None, after_days: int | None = None) -> Selected:
    """The events that a rule means, by their states inside the window where there is one, else by those outside.

    An exception applies only where recorded facts except every such state; one that may apply is a doubt.

    Parameters
    ----------
    after_days: last day of the rule's window, None for no window.
    """
    found = match(facts, events)
    rows = np.flatnonzero(found.level > NO)
    missing, inside = found.missing[rows], np.ones(len(rows), dtype=bool)
    if after_days is not None:
        inside, doubt = in_window(facts, rows, after_days)
        missing = missing | doubt
    out = np.zeros(event_count(facts), dtype=bool)
    if excepted is not None:
        out, doubt = _exceptions(facts, events, excepted, _deciding(facts, rows, inside))
        missing = missing | doubt[facts.event_column("event")[rows]]
    return _one_per_event(facts, rows, missing, inside, out)


def _deciding(facts: Facts, rows: Ints, inside: Bools) -> Ints:
    """Of the matching rows of each event those in the window, where there are any; else all."""
    event = facts.event_column("event")[rows]
    return np.asarray(rows[inside | ~any_in(event_count(facts), event, inside)[event]])


def _exceptions(facts: Facts, events: EventFilter, excepted: EventFilter, rows: Ints) -> tuple[Bools, Ints]:
    """Events that an exception takes out, and the variables that leave it in doubt for the others; by event.

    An event is taken out only where every matching state is excepted on recorded facts. A state that is excepted, or
    may be, beside one that is not, leaves a doubt; of states that match by their own facts only those can.
    """
    size, event = event_count(facts), facts.event_column("event")[rows]
    unless = match(facts, excepted, own=True)
    level = unless.level[rows]
    kept = any_in(size, event, level != YES)
    out = any_in(size, event, level == YES) & ~kept
    by_itself = match(facts, events, own=True).level[rows] > NO
    speaks = by_itself | ~any_in(size, event, by_itself)[event]
    in_doubt = any_in(size, event, speaks & (level > NO)) & kept
    doubt = np.zeros(size, dtype=np.int64)
    decides = np.where(level == UNKNOWN, unless.missing[rows], np.where(level == NO, unless.against[rows], 0))
    np.bitwise_or.at(doubt, event, decides)
    return out, np.where(in_doubt, doubt, 0)


def _one_per_event(facts: Facts, rows: Ints, missing: Ints, inside: Bools, excepted: Bools) -> Selected:
    """A certain state inside the window first, then a doubtful one, then one outside; of equals the earliest onset.

    Parameters
    ----------
    rows: matching rows of `facts.events`; `missing` and `inside` speak of them.
    excepted: by event.
    """
    ranks, size = _ranks(facts), event_count(facts)
    event = facts.event_column("event")[rows]
    group = np.where(inside, np.where(missing == 0, 0, 1), 2)
    score = ranks.row[rows] + group * len(ranks.row)
    best = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(best, event, score)
    chosen = np.flatnonzero(score == best[event])
    chosen = chosen[facts.events["event_key"].iloc[rows[chosen]].argsort(kind="stable").to_numpy()]
    of = event[chosen]
    first_known = np.full(size, np.iinfo(np.int64).max)
    same = group == best[event] // max(len(ranks.row), 1)
    np.minimum.at(first_known, event[same], ranks.known[rows[same]])
    return Selected(
        row=rows[chosen],
        certain=missing[chosen] == 0,
        missing=np.where(excepted[of], 0, missing[chosen]),
        inside=inside[chosen],
        excepted=excepted[of],
        known=first_known[of],
    )


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
