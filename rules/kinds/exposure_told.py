"""What is told of a boundary on exposure: its finding, the evidence behind it, what a crossing hangs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rules.columns import Bools
from rules.derive import Facts
from rules.kinds.arms import Group
from rules.kinds.evidence import entry_delay, limited, witness
from rules.kinds.exposure_course import Course, course
from rules.kinds.matching import bit, named
from rules.kinds.selection import Selected
from rules.kinds.sequence import Sequence, sequence
from rules.kinds.units import units_of
from rules.model import Evidence, Finding, Standing, State
from rules.statistics.exposure import NOT_GUARANTEED, ExposureBoundary, ExposureReplay


@dataclass(frozen=True, slots=True)
class Asked:
    """What an exposure rule asks; `after_days` is its window, in days as the boundary's."""

    rule: str
    boundary: ExposureBoundary
    after_days: int
    near: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """One group as one rule reads it: the events, who counts, the order of the dosed, and the course that decides."""

    asked: Asked
    facts: Facts
    chosen: Selected
    counted: Bools
    dosed: Bools
    order: Sequence
    course: Course
    at: ExposureReplay
    possible: Course
    state: State

    def shown(self) -> list[int]:
        """Events that count, by day: of a subject with one that counts for certain that one, where it crosses so."""
        subject = self.facts.event_column("subject")[self.chosen.row]
        days = dict(zip(self.possible.member.tolist(), self.possible.day.tolist(), strict=True))
        if self.state is State.CROSSED and not self.asked.boundary.recurrent:
            sure = dict(zip(self.course.member.tolist(), self.course.day.tolist(), strict=True))
            having = set(subject[list(sure)].tolist()) if sure else set()
            days = {member: day for member, day in days.items() if int(subject[member]) not in having} | sure
        return sorted(days, key=lambda member: (days[member], member))


def exposure_finding(asked: Asked, facts: Facts, group: Group, chosen: Selected) -> Finding:
    """The finding of one group; `events` is the number of events that count, `stop_at` the event number that stops.

    Keys of `details`
    -----------------
    counting: "subjects", or "events" where recurrent ones count.   design: method, null_rate, alpha, attained_alpha,
    critical_value, max_exposure, parameters.   window_days.   mark: what the false alarm is not, where events recur.
    exposure_days: days at risk of all subjects together.   exposure_at_crossing, stops_up_to: of the crossing event,
    its total exposure and the one up to which it stops; None without a crossing.
    path: {"at", "now"}: total exposure at each event that may count, in order, and at the cut-off, in days: as early as
        it may have been, with the least person-time that dates leave possible.
    next: {"event", "up_to"}: the lowest further event number that would stop if it came now; None where none would.
    events_certain: on recorded facts alone.   n_dosed.   left: subjects who left the window without an event.
    hangs_on: as at `rules.kinds.told.details_of`.
    if_followed: {"state", "events", "exposure_days"} if everybody not known to have left was at risk to the cut-off.
    beyond_design: the exposure, or the number of subjects with an event, is beyond the design.
    met_now: the latest event, too, came early enough.   entry_delay_days, crossed_study_day: of the crossing.
    first_dose_partial: subjects whose first dose is a partial date.
    """
    reading = _read(asked, facts, group, chosen)
    at, order = reading.at, reading.order
    on, known = reading.course.crossing(asked.boundary, at)
    known = None if known is None else min(known, facts.snapshot.known_at)
    evidence, more = _evidence(reading)
    last = None if at.crossed_event is None else int(reading.course.member[at.crossed_event - 1])
    details = _details(reading) | {
        "if_followed": _if_followed(reading, group),
        "entry_delay_days": entry_delay(on, known),
        "crossed_study_day": None if last is None else witness(facts).study_day(int(chosen.row[last])),
    }
    return Finding(
        rule=asked.rule,
        scope=group.scope,
        state=reading.state,
        events=len(reading.shown()),
        n_evaluable=int(order.closed.sum()),
        n_pending=int(order.pending.sum()),
        n_overdue=int(order.overdue.sum()),
        stop_at=at.crossed_event or at.next_event,
        first_crossed_on=on,
        known_at=known,
        evidence=evidence,
        details=details | more,
        reason=_reason(reading),
    )


def _read(asked: Asked, facts: Facts, group: Group, chosen: Selected) -> _Reading:
    boundary, recurrent = asked.boundary, asked.boundary.recurrent
    dosed = np.append(facts.population("treated"), False)[facts.event_column("subject")[chosen.row]]
    counted = chosen.inside & dosed & ~chosen.excepted
    possible, certain = (
        course(facts, group, chosen, counted, asked.after_days, certain=sure, recurrent=recurrent)
        for sure in (False, True)
    )
    sure, maybe = certain.replay(boundary), possible.replay(boundary)
    units = units_of(facts, chosen, np.flatnonzero(counted), by_subject=True)
    order = group.sequence(sequence(facts, units, asked.after_days))
    decisive, at = (certain, sure) if sure.crossed else (possible, maybe)
    state = State.CROSSED if sure.crossed else _state(asked, at, order)
    return _Reading(asked, facts, chosen, counted, dosed, order, decisive, at, possible, state)


def _state(asked: Asked, at: ExposureReplay, order: Sequence) -> State:
    if at.crossed:
        return State.PROVISIONAL
    if at.beyond:
        return State.BEYOND_DESIGN
    if at.next_event is not None and at.events and at.next_event - at.events <= asked.near:
        return State.NEAR
    early = at.exposure < asked.boundary.first_exposure or len(order) < _fewest(asked.boundary)
    return State.PENDING if early or not len(order) else State.WITHIN


def _fewest(boundary: ExposureBoundary) -> int:
    """Fewest dosed subjects with which the rule can stop."""
    return 1 if boundary.recurrent else boundary.events[0]


def _reason(reading: _Reading) -> str:
    boundary, n = reading.asked.boundary, len(reading.order)
    if reading.state is State.PENDING:
        if not n:
            return "no subject has been dosed yet"
        if n < _fewest(boundary):
            return f"too early to judge: {n} dosed, needs {_fewest(boundary)}"
        return f"too early to judge: {reading.at.exposure:.0f} days at risk, needs {boundary.first_exposure:.0f}"
    if reading.state is State.BEYOND_DESIGN:
        ends = f"the design ends at {boundary.max_n} subjects and {boundary.total_exposure:.0f} days at risk"
        return f"{reading.at.exposure:.0f} days at risk and {reading.at.events} events; {ends}"
    return ""


def _details(reading: _Reading) -> dict[str, Any]:
    at, boundary, table = reading.at, reading.asked.boundary, reading.facts.subjects
    crossed, order = at.crossed_event, reading.order
    partial = order.subject[table["first_dose_partial"].to_numpy()[order.subject]]
    up_to = boundary.up_to(at.events) if at.events else None
    path = reading.possible
    details = {
        "counting": "events" if boundary.recurrent else "subjects",
        "design": _design(boundary),
        "window_days": reading.asked.after_days,
        "exposure_days": round(at.exposure, 1),
        "exposure_at_crossing": None if crossed is None else round(float(reading.course.exposure[crossed - 1]), 1),
        "stops_up_to": None if crossed is None else round(boundary.up_to(crossed) or 0.0, 1),
        "next": None if at.next_event is None else {"event": at.next_event, "up_to": round(at.next_up_to or 0.0, 1)},
        "events_certain": int((reading.counted & reading.chosen.certain).sum())
        if boundary.recurrent
        else int(order.certain.sum()),
        "path": {"at": [round(float(x), 1) for x in path.exposure], "now": round(path.now, 1)},
        "n_dosed": int((~order.absent).sum()),
        "left": [str(table.index[i]) for i in order.subject[order.left]],
        "hangs_on": list(_hangs_on(reading)),
        "beyond_design": at.beyond,
        "met_now": up_to is not None and float(reading.course.exposure[-1]) <= up_to,
        "first_dose_partial": [str(table.index[i]) for i in partial],
    }
    return details | ({"mark": NOT_GUARANTEED} if boundary.recurrent else {})


def _design(boundary: ExposureBoundary) -> Mapping[str, Any]:
    names = ("method", "null_rate", "alpha", "attained_alpha", "critical_value", "max_exposure")
    return {name: getattr(boundary, name) for name in names} | {"parameters": dict(boundary.parameters)}


def _if_followed(reading: _Reading, group: Group) -> Mapping[str, Any]:
    facts, asked = reading.facts, reading.asked
    through = np.full(len(facts.subjects), facts.cutoff)
    followed = course(
        facts, group, reading.chosen, reading.counted, asked.after_days,
        certain=reading.state is State.CROSSED, recurrent=asked.boundary.recurrent, through=through,
    )  # fmt: skip
    at = followed.replay(asked.boundary)
    state = _state(asked, at, reading.order)
    met = State.CROSSED if reading.state is State.CROSSED and at.crossed else state
    return {"state": met.value, "events": at.events, "exposure_days": round(at.exposure, 1)}


def _missing(reading: _Reading, member: int) -> int:
    """Bit mask of what an event hangs on; of a provisional crossing a partial onset decides, too."""
    missing, row = int(reading.chosen.missing[member]), int(reading.chosen.row[member])
    lo, hi = (reading.facts.event_column(f"onset_{end}")[row] for end in ("lo", "hi"))
    return missing | (bit("AESTDTC") if reading.state is State.PROVISIONAL and lo != hi else 0)


def _hangs_on(reading: _Reading) -> Iterator[Mapping[str, Any]]:
    """Events up to the crossing (all, before one) that would not count, or later, if a missing fact said so."""
    make = witness(reading.facts)
    for member in reading.course.member[: reading.at.crossed_event].tolist():
        missing = _missing(reading, member)
        if missing:
            item = make.event(int(reading.chosen.row[member]), Standing.COUNTED)
            yield {
                "usubjid": item.usubjid,
                "event_key": item.event_key,
                "record_key": item.record_key,
                "domain": item.domain,
                "missing": list(named(missing)),
            }
    for name in _partial(reading):
        yield {"usubjid": name, "event_key": "", "record_key": "", "domain": "DM", "missing": ["RFXSTDTC"]}


def _partial(reading: _Reading) -> list[str]:
    """Subjects whose partial first dose leaves their days at risk open, where a provisional crossing may hang on it."""
    table, subject = reading.facts.subjects, reading.order.subject
    if reading.state is not State.PROVISIONAL:
        return []
    return [str(table.index[i]) for i in subject[table["first_dose_partial"].to_numpy()[subject]]]


def _evidence(reading: _Reading) -> tuple[tuple[Evidence, ...], dict[str, Any]]:
    """Events that count in order of their day, with number; subjects without one; then events that do not count."""
    make, chosen, order = witness(reading.facts), reading.chosen, reading.order
    number = {member: place for place, member in enumerate(reading.shown(), start=1)}
    crossing = set(reading.course.member[: reading.at.crossed_event or 0].tolist())
    subject = reading.facts.event_column("subject")[chosen.row]
    having = {int(subject[member]) for member in number}
    open_ = set(_partial(reading))
    names = reading.facts.subjects.index
    without = [("subject", i) for i, who in enumerate(order.subject.tolist()) if who not in having]
    other = [
        ("event", i)
        for i in range(len(chosen.row))
        if i not in number and not (reading.counted[i] and int(subject[i]) in having)
    ]

    def make_one(item: tuple[str, int]) -> Evidence:
        kind, i = item
        if kind == "subject":
            at = int(order.subject[i])
            decides = {"order_decides": True} if str(names[at]) in open_ else {}
            standing = Standing.PENDING if order.event[i] or order.absent[i] else order.standing(i)
            return make.subject(at, standing, **decides)
        if i in number:
            decides = {"order_decides": True} if str(names[subject[i]]) in open_ else {}
            decides |= {"crossing": True} if i in crossing else {}
            return make.event(int(chosen.row[i]), Standing.COUNTED, _missing(reading, i), position=number[i], **decides)
        return make.event(int(chosen.row[i]), _why_not(reading, i), int(chosen.missing[i]))

    items = [*(("event", member) for member in number), *without, *other]
    return limited(items, lambda item: item[0] == "event" and item[1] in number, make_one)


def _why_not(reading: _Reading, i: int) -> Standing:
    if reading.chosen.excepted[i]:
        return Standing.EXCEPTED
    if not reading.dosed[i]:
        return Standing.NOT_DOSED
    return Standing.OUTSIDE_WINDOW if not reading.chosen.inside[i] else Standing.NOT_MATCHED
