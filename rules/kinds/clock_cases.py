"""Events that ever started a clock, each with its stages: what was known when, by the filters of the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np

from rules.columns import NO, UNKNOWN, YES, Bools, Ints, Levels, any_in
from rules.derive import Facts
from rules.derive_events import FALSE_WORDS
from rules.derive_subjects import TRUE_WORDS
from rules.kinds.duties import GROUNDS, Stage
from rules.kinds.evidence import known_microseconds, moment_of, witness
from rules.kinds.matching import bit, event_count
from rules.kinds.selection import select
from rules.kinds.stages import History, State
from rules.kinds.words import EventFilter, ExceptFilter
from rules.model import Evidence, Standing
from rules.moments import Moment, read_moment
from rules.sdtm import CRITERIA

Record = Literal["recorded", "downgraded", "deleted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The events that start one clock: a filter, and seriousness flags of which one must be set (none = any event)."""

    events: EventFilter
    flags: tuple[str, ...] = ()
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One event that started a clock, at some time.

    Parameters
    ----------
    key: its event_key.   stages: what was known of it, oldest first.
    record: it still qualifies, was downgraded so that it no longer does, or was deleted.
    facts, row: the latest state that held a record, for evidence.   record_key: of that record.
    """

    key: str
    stages: tuple[Stage, ...]
    record: Record
    facts: Facts
    row: int
    record_key: str

    def evidence(self, standing: Standing, missing: int, **more: Any) -> Evidence:
        """The event as evidence, by its own key whichever state is shown."""
        item = witness(self.facts).event(self.row, standing, missing, **more)
        return replace(item, event_key=self.key, record_key=self.record_key)


Matched = Mapping[str, tuple[int, int]]
"""Key of each event that starts a clock → the row that stands for it, and a bit mask of what the match hangs on."""


def cases(facts: Facts, wanted: Sequence[Wanted], excepted: ExceptFilter | None, submission: str) -> list[Case]:
    """Every event that matched one of the clocks in some state, by event_key.

    Parameters
    ----------
    submission: the variable that records the report, "" for none.
    """
    history: History = facts.remember("history", lambda: History(facts))
    found = {which: [_matched(which, one, excepted) for one in wanted] for which in history.facts}
    keys = {history.event_of(which, key) for which, clocks in found.items() for one in clocks for key in one}
    reader = _Reader(facts.snapshot.study.timezone, submission, _asked(wanted))
    return [_case(history, key, found, reader) for key in sorted(keys)]


def _asked(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Facts that every clock asks for: of several records of an event, those that hold them tell of awareness."""
    return tuple(name for name in GROUNDS.values() if all(getattr(one.events, name) for one in wanted))


def _case(history: History, key: str, found: Mapping[Facts, Sequence[Matched]], reader: _Reader) -> Case:
    states = list(history.states(key))
    stages = tuple(_stage(state, found[state.facts], reader) for state in states)
    shown = next(state for state in reversed(states) if state.present)
    record: Record = "recorded" if stages[-1].matches else "downgraded" if states[-1].present else "deleted"
    row = next((one[shown.key][0] for one in found[shown.facts] if shown.key in one), int(shown.rows[0]))
    record_key = str(shown.facts.event_column("record_key")[row])
    return Case(key, stages, record, shown.facts, row, history.event_of(shown.facts, record_key))


def _stage(state: State, by_clock: Sequence[Matched], reader: _Reader) -> Stage:
    if not state.present:
        return Stage(state.read_at, state.read_at, present=False)
    facts, rows = state.facts, state.rows
    return Stage(
        read_at=state.read_at,
        entered_at=reader.entered(state),
        matches={number: one[state.key][1] for number, one in enumerate(by_clock) if state.key in one},
        high=frozenset(name for name in GROUNDS.values() if (facts.event_column(name)[rows] > NO).any()),
        awareness=reader.moments(facts, reader.telling(facts, rows), "AWAREDTC"),
        submissions=reader.moments(facts, rows, reader.submission) if reader.submission else frozenset(),
    )


class _Reader:
    """Reads recorded times of rows of `Facts.events`."""

    def __init__(self, timezone: str, submission: str, asked: Sequence[str]) -> None:
        self._timezone, self.submission, self._asked = timezone, submission, asked
        self._read: dict[str, Moment | None] = {}

    def telling(self, facts: Facts, rows: Ints) -> Ints:
        """Of the records of an event those that hold, by themselves, what the clocks ask for; all where none does."""
        held = [facts.event_column(name)[rows] > NO for name in self._asked]
        mine = rows[np.logical_and.reduce(held)] if held else rows
        return mine if len(mine) else rows

    def moments(self, facts: Facts, rows: Ints, variable: str) -> frozenset[Moment]:
        """The times that a variable of these records holds; what is no date is none."""
        at, recorded = facts.domains["AE"].recorded(variable)
        ae = facts.event_column("ae_row")[rows]
        texts = {recorded[at[row]] for row in ae if row >= 0}
        return frozenset(filter(None, (self._moment(text) for text in texts if text.strip())))

    def _moment(self, text: str) -> Moment | None:
        """Many records hold the same time, above all where only the day is recorded."""
        if text not in self._read:
            self._read[text] = read_moment(text, self._timezone)
        return self._read[text]

    def entered(self, state: State) -> datetime:
        """When the first of a state's new records was entered; when they were read, where that is not known."""
        if len(state.fresh) == 0:
            return state.read_at
        return min(state.read_at, moment_of(int(known_microseconds(state.facts)[state.fresh].min())))


def _matched(facts: Facts, wanted: Wanted, excepted: ExceptFilter | None) -> Matched:
    chosen = select(facts, wanted.events, excepted)
    missing, keep = chosen.missing, ~chosen.excepted
    if wanted.flags:
        level = _by_criteria(facts, wanted)[facts.event_column("event")[chosen.row]]
        keep = keep & (level > NO)
        doubt = np.int64(sum(bit(flag) for flag in wanted.flags))
        missing = missing | np.where(level == UNKNOWN, doubt, 0)
    keys = facts.event_column("event_key")
    rows = zip(chosen.row[keep].tolist(), missing[keep].tolist(), strict=True)
    return {str(keys[row]): (row, mask) for row, mask in rows}


def _by_criteria(facts: Facts, wanted: Wanted) -> Levels:
    """Does an event meet one of the criteria; by event. Unknown where no criterion at all is recorded as met and not
    every one that is asked for is recorded as not met."""
    ae, rows = facts.domains["AE"], facts.event_column("ae_row")

    def of_rows(flags: Bools) -> Bools:
        inside = np.append(flags, False)[rows] & (rows >= 0)
        return any_in(event_count(facts), facts.event_column("event"), inside)

    death = facts.event_column("death") > NO
    fatal = any_in(event_count(facts), facts.event_column("event"), death)
    met = np.logical_or.reduce([of_rows(ae.isin(flag, TRUE_WORDS)) for flag in wanted.flags])
    met = met | fatal if wanted.fatal else met
    other = np.logical_or.reduce([fatal, *(of_rows(ae.isin(flag, TRUE_WORDS)) for flag in CRITERIA)])
    asked = [flag for flag in wanted.flags if flag != "AESDTH"]
    denied = np.logical_and.reduce([of_rows(ae.isin(flag, FALSE_WORDS)) for flag in asked]) if asked else ~fatal
    return np.where(met, YES, np.where(other | denied, NO, UNKNOWN)).astype(np.int8)
