"""What was known of events, and when: every state that the records of an event were ever in, judged like today's.

Most events never changed and are read from the facts as they are. The others are put into a frame of their own in
which each past state is an event by itself, so that filters mean the same of then and of now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

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
        self._rows = {which: _rows_by_key(which) for which in filter(None, (self.present, self.past))}

    @property
    def facts(self) -> tuple[Facts, ...]:
        """The facts that hold a state: those of the snapshot, and those of the past where there is one."""
        return tuple(self._rows)

    def event_of(self, facts: Facts, key: str) -> str:
        """The event, or the record, of which a key names a state."""
        return key if facts is self.present else key.rpartition(_SEP)[0] or key

    def states(self, key: str) -> Iterator[State]:
        """The states of one event."""
        snapshot, steps = self.present.snapshot, self._steps.get(key)
        if steps is None or self.past is None:
            rows = self._rows[self.present][key]
            read = _read_at(snapshot, _batches(self.present, rows).min(initial=snapshot.batch_no))
            yield State(self.present, key, rows, read, rows)
            return
        for number, step in enumerate(steps):
            name = f"{key}{_SEP}{number}"
            rows = self._rows[self.past].get(name, np.zeros(0, dtype=np.int64))
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
    both = _both(now, earlier)
    return {str(key): _steps(rows) for key, rows in both[both["event_key"].isin(keys)].groupby("event_key", sort=True)}


def _both(now: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Revisions in force, then those that were; `until` says until which batch."""
    frames = [frame for frame in (now.assign(until=_STILL), earlier) if len(frame)]
    return pd.concat(frames, ignore_index=True)


def _steps(rows: pd.DataFrame) -> list[_Step]:
    """The states of one event: after each batch that brought a revision of it, replaced one or deleted one."""
    entered = rows["ENTRYDTC"] if "ENTRYDTC" in rows else pd.Series("", index=rows.index)
    columns = (rows["batch_no"], rows["until"], rows["record_key"], entered, rows.index)
    told = [_Row(int(b), int(u), str(key), str(at), int(i)) for b, u, key, at, i in zip(*columns, strict=True)]
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


def _rows_by_key(facts: Facts) -> dict[str, Ints]:
    """Event key → rows of `facts.events`."""
    keys = facts.event_column("event_key")
    order = np.argsort(facts.event_column("event"), kind="stable")
    ends = np.flatnonzero(np.diff(facts.event_column("event")[order])) + 1
    return {str(keys[rows[0]]): rows for rows in np.split(order, ends) if len(rows)}


def _batches(facts: Facts, rows: Ints) -> Ints:
    """Batch of each row that is a record of AE."""
    at = facts.event_column("ae_row")[rows]
    batches: Any = facts.domains["AE"].frame["batch_no"] if (at >= 0).any() else pd.Series([], dtype="int64")
    return np.asarray(batches.to_numpy(dtype=np.int64)[at[at >= 0]])


def _read_at(snapshot: Snapshot, batch_no: int) -> datetime:
    return snapshot.read_at.get(int(batch_no), snapshot.known_at)
