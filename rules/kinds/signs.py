"""Signs of a composite rule: what each means in YAML, and every time a subject had it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from rules.columns import NO
from rules.derive import Facts
from rules.kinds.durations import lasting_days, lasting_hours
from rules.kinds.labs import Lab, Results, results
from rules.kinds.matching import bit
from rules.kinds.selection import Selected, select
from rules.kinds.sentences import one_event
from rules.kinds.windows import earliest_days
from rules.kinds.words import EventFilter, Strict

_MICROSECONDS = 86_400_000_000


class Sign(Strict):
    """One sign or symptom: an adverse event or a laboratory result, perhaps with a duration."""

    name: str = Field(min_length=1, max_length=80, description="what people read")
    category: str = Field("", description="signs of one category count once where different_categories asks so")
    level: str = Field("", description="a word that any_of can ask for, such as red or yellow")
    events: EventFilter | None = Field(
        None, description="adverse events that are this sign; keys left out are the rule's own `events`"
    )
    lab: Lab | None = Field(None, description="results of one laboratory test that are this sign")
    at_least_days: int = Field(
        1, ge=1, description="calendar days it lasts, first and last included; > 5 days is 6; 1 = any"
    )

    at_least_hours: int | None = Field(
        None, ge=1, description="events: hours it lasts, by the times of AESTDTC and AEENDTC; a missing time counts"
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Sign:
        if (self.events is None) == (self.lab is None):
            raise ValueError(f"sign {self.name!r} is events or lab, one of the two")
        if self.at_least_hours is not None and (self.lab is not None or self.at_least_days > 1):
            raise ValueError(f"sign {self.name!r}: at_least_hours is for events, and stands without at_least_days")
        return self

    @property
    def lasts(self) -> bool:
        """A duration is asked for."""
        return self.at_least_days > 1 or self.at_least_hours is not None

    @property
    def group(self) -> str:
        """Its category; a sign without one is a category of its own."""
        return self.category or self.name

    def filter(self, common: EventFilter) -> EventFilter:
        """Its events with the rule's own keys where it gives none."""
        own = self.events or EventFilter()
        return EventFilter.model_validate({**common.written(), **own.written()})

    def words(self, common: EventFilter) -> str:
        """The sign in a phrase."""
        lasting = f" for {self.at_least_days} days or more" if self.at_least_days > 1 else ""
        lasting = f" for {self.at_least_hours} hours or more" if self.at_least_hours else lasting
        return f"{self.name} ({self.lab.words() if self.lab else one_event(self.filter(common))}{lasting})"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A subject had a sign.

    Parameters
    ----------
    sign: position of the sign in the rule.   subject: row of `facts.subjects`, -1 = none.
    domain, row: the record that completes it: row of `facts.events` ("AE"), or of the LB frame.
    missing: bit mask of what it hangs on, 0 where recorded facts alone show it.
    begin_lo, begin_hi: possible days on which it began, days since 1970; None where unknown.
    met: day on which it lasted long enough, the earliest possible, likewise.   known: microseconds since 1970 (UTC).
    """

    sign: int
    subject: int
    domain: str
    row: int
    missing: int
    begin_lo: int | None
    begin_hi: int | None
    met: int | None
    known: int

    @property
    def certain(self) -> bool:
        """Recorded facts alone show it."""
        return self.missing == 0


def occurrences(
    facts: Facts, signs: tuple[Sign, ...], common: EventFilter, excepted: EventFilter | None, after_days: int | None
) -> Iterator[Occurrence]:
    """Every time a subject had one of the signs. Raises RuleError for results in another unit."""
    for number, sign in enumerate(signs):
        if sign.lab is not None:
            yield from _of_results(number, results(facts, sign.lab, after_days), sign.at_least_days)
        else:
            wanted = sign.filter(common)
            chosen = select(facts, wanted, excepted, after_days)
            chosen = chosen.where(chosen.inside & ~chosen.excepted)
            yield from _of_events(facts, number, chosen, wanted, sign)


def _of_events(facts: Facts, number: int, chosen: Selected, wanted: EventFilter, sign: Sign) -> Iterator[Occurrence]:
    row, days = chosen.row, sign.at_least_days
    lo, hi = earliest_days(facts, row), facts.event_column("onset_hi")[row]
    length, doubt = (np.full(len(row), 1), np.zeros(len(row), dtype=np.int64))
    keep = np.ones(len(row), dtype=bool)
    if sign.at_least_hours is not None:
        keep, doubt = lasting_hours(facts, row, sign.at_least_hours)
    elif days > 1:
        keep, doubt = lasting_days(facts, chosen, wanted, days)
        length = np.full(len(row), days)
    for i in np.flatnonzero(keep).tolist():
        begin, end = _number(lo[i]), _number(hi[i])
        met = None if begin is None else begin + int(length[i]) - 1
        known = int(chosen.known[i]) if met is None or days == 1 else max(int(chosen.known[i]), met * _MICROSECONDS)
        yield Occurrence(
            number, int(facts.event_column("subject")[row[i]]), "AE", int(row[i]),
            int(chosen.missing[i] | doubt[i]), begin, end, met, known,
        )  # fmt: skip


def _of_results(sign: int, found: Results, days: int) -> Iterator[Occurrence]:
    """Results in a run without another between them; of each run the first that makes it long enough."""
    start = 0
    for i in range(len(found.row)):
        same = i > 0 and found.subject[i] == found.subject[i - 1]
        if found.level[i] == NO:
            start = i + 1
            continue
        if not same:
            start = i
        if days == 1:
            yield _run(sign, found, i, i, 1)
        elif _span(found.lo[start], found.hi[i]) >= days:
            certain = _span(found.hi[start], found.lo[i]) >= days
            yield _run(sign, found, start, i, days, 0 if certain else bit("LBDTC"))


def _run(sign: int, found: Results, start: int, last: int, days: int, doubt: int = 0) -> Occurrence:
    missing = int(np.bitwise_or.reduce(found.missing[start : last + 1])) | doubt
    begin, end = _number(found.lo[start]), _number(found.hi[start])
    met = _number(found.lo[last]) if days > 1 else begin
    known = int(found.known[start : last + 1].max())
    return Occurrence(sign, int(found.subject[last]), "LB", int(found.row[last]), missing, begin, end, met, known)


def _span(first: np.datetime64, last: np.datetime64) -> int:
    """Calendar days from the first to the last, both included; 0 where either is unknown."""
    return 0 if np.isnat(first) or np.isnat(last) else int((last - first).astype(int)) + 1


def _number(day: np.datetime64) -> int | None:
    return None if np.isnat(day) else int(day.astype("datetime64[D]").astype(int))
