"""Duties with a time limit: when one began, until when it runs, what ends it. Pure values, no tables.

An event is a row of *stages*, one each time that its records changed. A stage never changes afterwards, and every
function here only takes minima over stages, so that a due date that was once shown can move earlier and never later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from rules.kinds.words import Strict
from rules.moments import Moment, local

Start = Literal["awareness", "day_after"]
"""awareness: from the moment of awareness. day_after: from the day after it, awareness being day 0 (UK and EU)."""

GROUNDS: Mapping[str, str] = {"seriousness": "serious", "expectedness": "unexpected", "causality": "related"}
"""Kind of upgrade → the fact that rises by it."""

_A_DAY = timedelta(days=1)
_LIMIT = re.compile(r"\s*(\d{1,4})\s*(h|hours?|d|days?)\s*")


class Limit(Strict):
    """How long a duty may take, written as text: "24 h" (elapsed hours) or "7 d" (calendar days)."""

    number: int = Field(ge=1, description="how many hours or days")
    unit: Literal["h", "d"] = Field(description="h: elapsed hours; d: calendar days, weekends included")

    def __str__(self) -> str:
        return f"{self.number} {self.unit}"

    def due(self, aware: datetime, timezone: str, start: Start) -> datetime:
        """When the duty is due. Hours elapse whatever the clocks do; days end at the same wall-clock time, or, counted
        from the day after, with the end of the last day."""
        if self.unit == "h":
            return aware + timedelta(hours=self.number)
        at = aware.astimezone(ZoneInfo(timezone))
        last = at.date() + timedelta(days=self.number)
        if start == "day_after":
            return local(last + timedelta(days=1), time(), timezone)
        return local(last, at.time().replace(fold=0), timezone)


def read_limit(value: object) -> object:
    """`"24 h"`, `"7 d"` → the parts of a `Limit`; other shapes are left to fail by themselves."""
    if not isinstance(value, str):
        return value
    found = _LIMIT.fullmatch(value)
    if found is None:
        raise ValueError(f'{value!r} is no time limit; write "24 h" for elapsed hours or "7 d" for calendar days')
    return {"number": int(found[1]), "unit": found[2][0]}


@dataclass(frozen=True, slots=True)
class Stage:
    """What was known of one event from one moment on.

    Parameters
    ----------
    read_at: when these records were read here (aware UTC).   entered_at: when they were entered; read_at if unknown.
    present: some record of the event is there.
    matches: clock → bit mask of the missing facts that its match hangs on, 0 = none; without the clocks that do not
        match.
    high: facts of `GROUNDS` that hold or are not known.
    awareness, submissions: as recorded.
    """

    read_at: datetime
    entered_at: datetime
    present: bool = True
    matches: Mapping[int, int] = field(default_factory=dict)
    high: frozenset[str] = frozenset()
    awareness: frozenset[Moment] = frozenset()
    submissions: frozenset[Moment] = frozenset()

    @property
    def learnt(self) -> datetime:
        """The earliest time that somebody may have known, where awareness is not recorded."""
        return min(self.entered_at, self.read_at)


@dataclass(frozen=True, slots=True)
class Duty:
    """One clock that was started by an event.

    Parameters
    ----------
    clock: which of the rule's.   stage: the one that started it.
    ground: "awareness", or what rose: "seriousness", "expectedness", "causality", "upgrade" (the event came to match).
    aware: when people knew.   assumed: that is not recorded, and the earliest recorded time stands for it.
    due: until when, by the first and by the last possible moment of awareness.
    missing: bit mask of what the duty hangs on now.   withdrawn: it hung on a missing fact that was recorded since.
    submitted: the report that ended it.
    """

    clock: int
    stage: int
    ground: str
    aware: Moment
    assumed: bool
    due: Moment
    missing: int = 0
    withdrawn: bool = False
    submitted: Moment | None = None

    @property
    def open(self) -> bool:
        """Nothing ended it yet."""
        return self.submitted is None and not self.withdrawn

    @property
    def late(self) -> bool:
        """The report was certainly not submitted by the time it was due."""
        return self.submitted is not None and self.submitted.lo > self.due.hi

    def overdue(self, now: datetime) -> bool:
        """Open, and due by the first possible moment of awareness."""
        return self.open and self.due.lo <= now

    def certain(self, now: datetime) -> bool:
        """Overdue whatever the missing facts turn out to be."""
        return self.overdue(now) and not self.missing and not self.assumed and self.due.hi <= now

    def warnings(self, fractions: Sequence[float]) -> list[datetime]:
        """Moments at which it is warned of, in order."""
        span = self.due.lo - self.aware.lo
        return [self.aware.lo + _whole_seconds(span * fraction) for fraction in sorted(fractions)]

    def moments(self, fractions: Sequence[float]) -> list[datetime]:
        """Every moment at which time alone changes what is said of it."""
        return [*self.warnings(fractions), self.due.lo, self.due.hi] if self.open else []


def duties(
    stages: Sequence[Stage], clock: int, limit: Limit, *, timezone: str, start: Start, upgrades: Iterable[str]
) -> list[Duty]:
    """The duties of one clock for one event, in the order in which they began.

    The first begins with the event where it matches from the first stage on, else with the upgrade by which it comes
    to match. Each later rise of a fact of `upgrades` above all that was known before begins a further one: facts that
    fell in between count as never fallen, for a sponsor may not downgrade.
    """
    missing, withdrawn = _standing(stages, clock)
    found = []
    for at, ground in _begun(stages, clock, frozenset(upgrades)):
        candidates, assumed = _awareness(stages, at)
        due = _earliest(Moment(*(limit.due(end, timezone, start) for end in one)) for one in candidates)
        begun = Duty(clock, at, ground, _earliest(candidates), assumed, due, missing, withdrawn)
        found.append(replace(begun, submitted=_submitted(stages, begun)))
    return found


def _begun(stages: Sequence[Stage], clock: int, upgrades: frozenset[str]) -> Iterator[tuple[int, str]]:
    """(stage, ground) of each beginning."""
    before: frozenset[str] = frozenset()
    running = False
    for at, stage in enumerate(stages):
        if clock in stage.matches:
            risen = [kind for kind, fact in GROUNDS.items() if kind in upgrades and fact in stage.high - before]
            if not running:
                yield at, "awareness" if at == 0 else (risen or ["upgrade"])[0]
            elif risen:
                yield at, risen[0]
            running = True
        before |= stage.high


def _awareness(stages: Sequence[Stage], at: int) -> tuple[list[Moment], bool]:
    """Every time of awareness that a duty begun at a stage was ever counted from, and whether none is recorded.

    Times that were recorded before the stage do not speak of an upgrade. Where its own stage records none, the
    earliest time that somebody may have known of it stands, and goes on standing when a later one is recorded.
    """
    before = frozenset[Moment]().union(*(stage.awareness for stage in stages[:at]))
    recorded = frozenset[Moment]().union(*(stage.awareness for stage in stages[at:])) - before
    learnt = stages[at].learnt
    stood = [] if stages[at].awareness - before else [Moment(learnt, learnt)]
    return [*recorded, *stood], not recorded


def _earliest(moments: Iterable[Moment]) -> Moment:
    """The earliest of both ends: of several times that cannot all be right, the one that is due first."""
    ends = zip(*moments, strict=True)
    return Moment(*(min(end) for end in ends))


def _standing(stages: Sequence[Stage], clock: int) -> tuple[int, bool]:
    """What the match hangs on now, and whether it never was more than a doubt and is none now."""
    masks = [stage.matches[clock] for stage in stages if clock in stage.matches]
    present = [stage for stage in stages if stage.present]
    gone = bool(present) and present[-1] is stages[-1] and clock not in stages[-1].matches
    return (masks[-1] if masks else 0), gone and all(masks)


def _submitted(stages: Sequence[Stage], duty: Duty) -> Moment | None:
    """The first report on record that answers a duty: not wholly before awareness, nor dated more than a day (the zones
    of a site) after it was read; for an upgrade none that was on record before the upgrade. A date that is taken back
    answers nothing; the deletion of the whole event takes nothing back."""
    last = next((stage for stage in reversed(stages) if stage.present), None)
    if last is None:
        return None
    before = frozenset[Moment]().union(*(stage.submissions for stage in stages[: duty.stage]))
    answers = [at for at in last.submissions - before if at.hi >= duty.aware.lo and at.lo <= last.read_at + _A_DAY]
    return min(answers, default=None)


def _whole_seconds(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))
