"""What was known of events, and when: every state that the records of an event were ever in, judged like today's.

Most events never changed and are read from the facts as they are. The others are put into a frame of their own in
which each past state is an event by itself, so that filters mean the same of then and of now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from rules.columns import Ints
from rules.derive import Facts
from rules.model import Snapshot

_SEP = "\x1f"
"""Between an event's key and the number of its state; no record holds it, for it is a control character."""


class PastFacts(Facts):
    """Facts of past states: the subjects are those of the snapshot, as they are known now."""

    def __init__(self, present: Facts, ae: pd.DataFrame) -> None:
        super().__init__(replace(present.snapshot, frames={**present.snapshot.frames, "AE": ae}))
        self._present = present

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """As documented at `rules.derive.Facts.subjects`."""
        return self._present.subjects


@dataclass(frozen=True, slots=True)
class State:
    """One state of an event: the facts that hold its rows, its rows there (none = deleted), and when it was read.

    `fresh` are those of its rows that are new or were entered anew; `key` is its event_key in those facts.
    """

    facts: Facts
    key: str
    rows: Ints
    read_at: datetime
    fresh: Ints

    @property
    def present(self) -> bool:
        """Some record of the event was there."""
        return len(self.rows) > 0


class History:
    """The states of every event of a snapshot, oldest first.

    Parameters
    ----------
    facts: of the snapshot; `Snapshot.earlier` holds what is no longer current.
    """

    def __init__(self, facts: Facts) -> None:
        self.present = facts
        snapshot = facts.snapshot
        now, earlier = (frames.get("AE", pd.DataFrame()) for frames in (snapshot.frames, snapshot.earlier))
        self._steps = _changed(now, earlier)
        self.past = PastFacts(facts, _expanded(now, earlier, self._steps)) if self._steps else None
        self._rows = {which: _RowsByKey(which) for which in self.facts}

    @property
    def facts(self) -> tuple[Facts, ...]:
        """The facts that hold a state: those of the snapshot, and those of the past where there is one."""
        return (self.present,) if self.past is None else (self.present, self.past)

    def event_of(self, facts: Facts, key: str) -> str:
        """The event, or the record, of which a key names a state."""
        return key if facts is self.present else key.rpartition(_SEP)[0] or key

    def states(self, key: str) -> Iterator[State]:
        """The states of one event."""
        snapshot, steps = self.present.snapshot, self._steps.get(key)
        if steps is None or self.past is None:
            rows = self._rows[self.present].of(key)
            read = _read_at(snapshot, _batches(self.present, rows).min(initial=snapshot.batch_no))
            yield State(self.present, key, rows, read, rows)
            return
        for number, step in enumerate(steps):
            name = f"{key}{_SEP}{number}"
            rows = self._rows[self.past].of(name)
            records = self.past.event_column("record_key")[rows]
            fresh = [self.event_of(self.past, str(record)) in step.fresh for record in records]
            yield State(self.past, name, rows, _read_at(snapshot, step.batch_no), rows[np.array(fresh, dtype=bool)])


@dataclass(frozen=True, slots=True)
class _Step:
    """A state of a changed event: since which batch; which rows of `_both`; records that are new or entered anew."""

    batch_no: int
    rows: tuple[int, ...]
    fresh: frozenset[str]


class _Row(NamedTuple):
    """A revision of a record: in force from one batch until before another."""

    since: int
    until: int
    record: str
    entered: str
    place: int


_STILL = np.iinfo(np.int64).max
"""Until when a current revision is in force."""


def _changed(now: pd.DataFrame, earlier: pd.DataFrame) -> dict[str, list[_Step]]:
    """Events whose records did not all come at once, or were replaced or deleted: their steps."""
    if now.empty and earlier.empty:
        return {}
    keys = set(earlier["event_key"]) if len(earlier) else set()
    if len(now):
        batches = now.groupby("event_key")["batch_no"].agg(["min", "max"])
        keys |= set(batches.index[batches["min"] != batches["max"]])
    if not keys:
        return {}
    return {key: _steps(rows) for key, rows in _revisions(_both(now, earlier), keys)}


def _revisions(both: pd.DataFrame, keys: set[str]) -> Iterator[tuple[str, list[_Row]]]:
    """Every revision of each of these events, by key, as plain values: a frame for each event takes half a thousandth
    of a second, which after some thousand changes is more than all else."""
    mine = both[both["event_key"].isin(keys)].sort_values("event_key", kind="stable")
    entered = mine["ENTRYDTC"].tolist() if "ENTRYDTC" in mine else [""] * len(mine)
    columns = (mine["batch_no"].tolist(), mine["until"].tolist(), mine["record_key"].tolist(), entered)
    rows = [_Row(*values) for values in zip(*columns, mine.index.tolist(), strict=True)]
    names = mine["event_key"].tolist()
    for key, group in groupby(range(len(rows)), names.__getitem__):
        yield str(key), [rows[at] for at in group]


def _both(now: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Revisions in force, then those that were; `until` says until which batch."""
    frames = [frame for frame in (now.assign(until=_STILL), earlier) if len(frame)]
    return pd.concat(frames, ignore_index=True)


def _steps(told: Sequence[_Row]) -> list[_Step]:
    """The states of one event: after each batch that brought a revision of it, replaced one or deleted one."""
    if len({row.record for row in told}) == 1:
        return list(_one_after_the_other(told))
    moments = sorted({row.since for row in told} | {row.until for row in told if row.until != _STILL})
    entry: dict[str, str] = {}
    steps: list[_Step] = []
    for batch_no in moments:
        new = [row for row in told if row.since == batch_no]
        fresh = frozenset(row.record for row in new if entry.get(row.record) != row.entered)
        entry |= {row.record: row.entered for row in new}
        here = sorted((row.record, row.place) for row in told if row.since <= batch_no < row.until)
        steps.append(_Step(batch_no, tuple(place for _, place in here), fresh))
    return steps


def _one_after_the_other(told: Sequence[_Row]) -> Iterator[_Step]:
    """The states of an event that is one record, as nearly every event is: its revisions, and its absences."""
    rows, entered = sorted(told), ""
    for number, row in enumerate(rows):
        new = number == 0 or row.entered != entered
        entered = row.entered
        yield _Step(row.since, (row.place,), frozenset({row.record}) if new else frozenset())
        if row.until != _STILL and (number + 1 == len(rows) or rows[number + 1].since != row.until):
            yield _Step(row.until, (), frozenset())


def _expanded(now: pd.DataFrame, earlier: pd.DataFrame, steps: Mapping[str, Sequence[_Step]]) -> pd.DataFrame:
    """A frame in which each state of a changed event is an event by itself."""
    both = _both(now, earlier)
    places = [(key, n, row) for key, states in steps.items() for n, step in enumerate(states) for row in step.rows]
    frame = both.iloc[[row for _, _, row in places]].reset_index(drop=True)
    frame["event_key"] = pd.Series([f"{key}{_SEP}{n}" for key, n, _ in places], dtype="str")
    frame["record_key"] = (frame["record_key"] + pd.Series([f"{_SEP}{n}" for _, n, _ in places], dtype="str")).astype(
        "str"
    )
    return pd.concat([frame, _witness_of_expectedness(now)], ignore_index=True) if len(frame) else frame


def _witness_of_expectedness(now: pd.DataFrame) -> pd.DataFrame:
    """One record that says whether it was expected, where the study records that at all: a blank is then unknown."""
    if "EXPECTED" not in now:
        return now.iloc[:0]
    return now[now["EXPECTED"] != ""].iloc[:1]


class _RowsByKey:
    """Rows of `facts.events` by event key: sorted once, cut only for the few keys that are asked for."""

    def __init__(self, facts: Facts) -> None:
        event = facts.event_column("event")
        self._order = np.argsort(event, kind="stable")
        self._starts = np.flatnonzero(np.diff(event[self._order], prepend=-1))
        self._ends = np.append(self._starts[1:], len(event))
        first = facts.event_column("event_key")[self._order[self._starts]]
        self._place = {str(key): place for place, key in enumerate(first.tolist())}

    def of(self, key: str) -> Ints:
        """Rows of one event, none where the key is unknown."""
        place = self._place.get(key)
        if place is None:
            return np.zeros(0, dtype=np.int64)
        return np.asarray(self._order[self._starts[place] : self._ends[place]], dtype=np.int64)


def _batches(facts: Facts, rows: Ints) -> Ints:
    """Batch of each row that is a record of AE."""
    at = facts.event_column("ae_row")[rows]
    at = at[at >= 0]
    return _batch_numbers(facts)[at] if len(at) else at


def _batch_numbers(facts: Facts) -> Ints:
    """Batch of each record of AE, as an array that is made once."""
    frame = facts.domains["AE"].frame
    found: Ints = facts.remember("AE batches", lambda: frame["batch_no"].to_numpy(dtype=np.int64))
    return found


def _read_at(snapshot: Snapshot, batch_no: int) -> datetime:
    return snapshot.read_at.get(int(batch_no), snapshot.known_at)
