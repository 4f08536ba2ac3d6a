"""What is told of a boundary: its finding, the evidence behind it, and the readings that would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rules.columns import Bools
from rules.derive import Facts
from rules.kinds.evidence import entry_delay, limited, witness
from rules.kinds.judgement import Crossing, Judge, table
from rules.kinds.matching import bit, named
from rules.kinds.orders import Orders, hinges, orders_of
from rules.kinds.outlook import COURSE, course_details
from rules.kinds.selection import Selected
from rules.kinds.sequence import Sequence
from rules.kinds.units import Units
from rules.model import Evidence, Finding, Standing, State
from rules.statistics import Replay


@dataclass(frozen=True, slots=True)
class Reading:
    """The facts as one boundary rule reads them.

    Parameters
    ----------
    chosen: events the rule means.   units: one per subject, those that count.
    order: all dosed subjects, in order of the earliest possible day of first dose.
    dosed: of `chosen`, those of a dosed subject.
    after_days: length of the window.
    """

    facts: Facts
    chosen: Selected
    units: Units
    order: Sequence
    dosed: Bools
    after_days: int


@dataclass(frozen=True, slots=True)
class _Told:
    """What a finding is told from: the rule, its facts, the order shown, where it stands, whose place decides."""

    judge: Judge
    reading: Reading
    orders: Orders
    seq: Sequence
    at: Replay
    hinges: frozenset[int]


def boundary_finding(rule: str, judge: Judge, reading: Reading, scope: str = "study") -> Finding:
    """The finding of a boundary for the study, or for the part of it that the scope names."""
    order, orders = reading.order, orders_of(reading.order)
    seq, sure = orders.shown(judge), orders.sure(judge)
    n_evaluable = int(order.closed.sum())
    state = judge.state(orders.most, orders.most.event, n_evaluable)
    if state is State.CROSSED and not sure:
        state = State.PROVISIONAL
    decisive = seq.certain if sure else seq.event
    at, counted = judge.replay(decisive), judge.replay(seq.event).s
    events = counted[at.look - 1] if at.look else (counted[-1] if counted else 0)
    crossing = judge.crossing(seq, decisive)
    told = _Told(judge, reading, orders, seq, at, hinges(judge, order))
    evidence, more = _evidence(told)
    return Finding(
        rule=rule,
        scope=scope,
        state=state,
        events=events,
        n_evaluable=n_evaluable,
        n_pending=int(order.pending.sum()),
        n_overdue=int(order.overdue.sum()),
        stop_at=at.stop_at,
        at_n=at.look,
        first_crossed_on=crossing.on if crossing else None,
        known_at=_known(reading, crossing),
        evidence=evidence,
        details=details_of(told, crossing) | more,
        reason=_reason(judge, state, len(seq), n_evaluable),
    )


def _known(reading: Reading, crossing: Crossing | None) -> Any:
    """Never later than the snapshot itself: what it holds was known when it was closed."""
    if crossing is None or crossing.known_at is None:
        return None
    return min(crossing.known_at, reading.facts.snapshot.known_at)


def _reason(judge: Judge, state: State, n: int, n_evaluable: int) -> str:
    if state is State.PENDING:
        if n == 0:
            return "no subject has been dosed yet"
        return f"too early to judge: {n_evaluable} evaluable, needs {judge.needs}"
    if state is State.BEYOND_DESIGN:
        return f"{n} subjects are dosed, the design ends at {judge.boundary.max_n}"
    return ""


def details_of(told: _Told, crossing: Crossing | None) -> dict[str, Any]:
    """What explaining a boundary needs, as JSON values.

    Keys
    ----
    counting: "subjects".   design: method, null_rate, alpha, attained_alpha, critical_value, parameters.
    table: runs [first look, last look, count or null].   window_days.
    n_dosed: dosed subjects.   n_sequence: those without the ones that left.   events_total: with an event, all of them.
    events_certain: at the look, on recorded facts alone.   pending_in_look, overdue_in_look, pending_later,
    overdue_later: subjects without an event yet, up to the look and after it.
    left: subjects taken out of the sequence.   if_left_counted: {"as_no_event", "as_event"} → state, at_n, events,
    stop_at with them in it (only where some left).
    hangs_on: [{usubjid, event_key, record_key, domain, missing}] of the counted events that hang on missing facts, and
    of the subjects whose partial first dose (RFXSTDTC) decides, because only some of the possible orders cross.
    if_resolved: {"against", "for"} → state, at_n, events, stop_at if all those facts turned out not to count, or to
    count, and the order least, or most, favourable to that (only where there are any).
    next: {"look", "stop_at", "events_needed"} at the next look, None at or beyond the last.
    needs_evaluable: closed windows below which it is too early to judge.
    beyond_design: subjects beyond the last look.
    met_now: the count at the latest look reached is (still) at its boundary.
    first_crossed_at_n, entry_delay_days, crossed_study_day, earliest_possible_date (the date hangs on a partial or
    missing one): of the crossing, None where there is none.
    first_dose_partial: subjects whose place hangs on a partial first dose.
    course: outcomes and follow-up in the order told, as at `rules.kinds.outlook.course_details`.
    without_arm: dosed subjects without a recorded arm and without an event, for rules by arm, where there are any.
    """
    judge, reading, seq, look = told.judge, told.reading, told.seq, told.at.look or 0
    boundary, before = judge.boundary, np.arange(len(seq)) < look
    table_ = reading.facts.subjects
    partial = table_["first_dose_partial"].to_numpy()[reading.order.subject]
    details: dict[str, Any] = {
        "counting": "subjects",
        "design": _design(judge),
        "table": table(boundary),
        "window_days": reading.after_days,
        "n_dosed": int((~reading.order.absent).sum()),
        "n_sequence": len(seq),
        "events_total": int(seq.event.sum()),
        "events_certain": int(seq.certain[:look].sum()) if look else int(seq.certain.sum()),
        "pending_in_look": int((seq.pending & before).sum()),
        "overdue_in_look": int((seq.overdue & before).sum()),
        "pending_later": int((seq.pending & ~before).sum()),
        "overdue_later": int((seq.overdue & ~before).sum()),
        "left": [str(table_.index[i]) for i in reading.order.subject[reading.order.left]],
        "hangs_on": [*_hangs_on(reading, seq, look), *_hinges(told)],
        "next": _next(judge, seq),
        "needs_evaluable": judge.needs,
        "beyond_design": max(len(seq) - boundary.max_n, 0),
        "met_now": _met_now(judge, seq),
        "first_dose_partial": [str(table_.index[i]) for i in reading.order.subject[partial]],
        COURSE: course_details(seq),
    }
    absent = [str(table_.index[i]) for i in reading.order.subject[reading.order.absent]]
    more = {"without_arm": absent} if absent else {}
    return details | more | _crossed(reading, seq, crossing) | _other_readings(told)


def _design(judge: Judge) -> Mapping[str, Any]:
    b = judge.boundary
    names = ("method", "null_rate", "alpha", "attained_alpha", "critical_value")
    parameters = {k: list(v) if isinstance(v, tuple) else v for k, v in b.parameters.items()}
    return {name: getattr(b, name) for name in names} | {"parameters": parameters}


def _hangs_on(reading: Reading, seq: Sequence, look: int) -> Iterator[Mapping[str, Any]]:
    """Counted events up to the look (all, before the first look) that would not count if a missing fact said so."""
    for place in np.flatnonzero((seq.event & ~seq.certain)[: look or None]):
        unit = int(seq.unit[place])
        which = int(reading.units.first[unit])
        item = witness(reading.facts).event(int(reading.units.row[unit]), Standing.COUNTED)
        yield {
            "usubjid": item.usubjid,
            "event_key": item.event_key,
            "record_key": item.record_key,
            "domain": item.domain,
            "missing": list(named(int(reading.chosen.missing[which]))),
        }


def _hinges(told: _Told) -> Iterator[Mapping[str, Any]]:
    """Subjects whose partial first dose, or whose arm, decides whether the boundary is crossed."""
    order, judge, names = told.reading.order, told.judge, told.reading.facts.subjects.index
    by_arm = order.absent.any() and judge.replay(told.seq.certain).crossed and not told.orders.sure(judge)
    asked = [(at, "RFXSTDTC") for at in sorted(told.hinges)]
    asked += [(at, "ACTARMCD") for at in order.subject[order.absent].tolist()] if by_arm else []
    for at, variable in asked:
        yield {"usubjid": str(names[at]), "event_key": "", "record_key": "", "domain": "DM", "missing": [variable]}


def _next(judge: Judge, seq: Sequence) -> Mapping[str, Any] | None:
    boundary = judge.extended(len(seq) + 1)
    look = next((k for k in boundary.looks if k > len(seq)), None)
    if look is None:
        return None
    stop = boundary.stop_at_n(look)
    needed = None if stop is None else max(stop - int(seq.event.sum()), 0)
    return {"look": look, "stop_at": stop, "events_needed": needed}


def _met_now(judge: Judge, seq: Sequence) -> bool:
    boundary = judge.extended(len(seq))
    reached = [k for k in boundary.looks if k <= len(seq)]
    stop = boundary.stop_at_n(reached[-1]) if reached else None
    return stop is not None and int(seq.event[: reached[-1]].sum()) >= stop


def _crossed(reading: Reading, seq: Sequence, crossing: Crossing | None) -> dict[str, Any]:
    if crossing is None:
        nothing = ("first_crossed_at_n", "entry_delay_days", "crossed_study_day", "earliest_possible_date")
        return dict.fromkeys(nothing)
    row = int(reading.units.row[seq.unit[crossing.last]])
    lo, hi = (reading.facts.event_column(f"onset_{end}")[row] for end in ("lo", "hi"))
    return {
        "first_crossed_at_n": crossing.at_n,
        "entry_delay_days": entry_delay(crossing.on, _known(reading, crossing)),
        "crossed_study_day": witness(reading.facts).study_day(row),
        "earliest_possible_date": bool(lo != hi),
    }


def _other_readings(told: _Told) -> dict[str, Any]:
    """The result with those who left counted either way, and with the missing facts resolved either way."""
    judge, order, said = told.judge, told.reading.order, dict[str, Any]()
    n = int(order.closed.sum())
    if order.left.any():
        with_event = replace(order, event=order.event | order.left)
        said["if_left_counted"] = {
            "as_no_event": judge.summary(order, order.event, n),
            "as_event": judge.summary(with_event, with_event.event, n),
        }
    least, most = told.orders.least, told.orders.most
    if (most.event & ~most.certain).any() or len(told.hinges):
        said["if_resolved"] = {
            "against": judge.summary(least, least.certain, n),
            "for": judge.summary(most, most.event, n),
        }
    return said


def _evidence(told: _Told) -> tuple[tuple[Evidence, ...], dict[str, Any]]:
    """Dosed subjects in order of first dose with their place, then events that do not count, then the undosed."""
    judge, reading, seq, order = told.judge, told.reading, told.seq, told.reading.order
    places = dict(zip(seq.subject.tolist(), range(1, len(seq) + 1), strict=True))
    place = np.array([places.get(at, 0) for at in order.subject.tolist()], dtype=np.int64)  # 0 where the subject left
    days = np.where(place > 0, seq.dosed[place - 1], order.dosed) if len(seq) else order.dosed
    subjects = [("subject", int(i)) for i in np.lexsort((order.subject, days))]
    counted = set(reading.units.first.tolist())
    other = [("event", i) for i in range(len(reading.chosen.row)) if i not in counted and not _repeats(reading, i)]
    last = len(seq) if judge.continue_last else judge.boundary.max_n

    def make(item: tuple[str, int]) -> Evidence:
        kind, i = item
        if kind == "event":
            return _other_event(reading, i)
        return _dosed(told, i, int(place[i]), last)

    def counts(item: tuple[str, int]) -> bool:
        kind, i = item
        return kind == "subject" and bool(reading.order.event[i] and place[i] <= last)

    return limited([*subjects, *other], counts, make)


def _repeats(reading: Reading, i: int) -> bool:
    """A further event of a subject that counts already: the subject counts once."""
    return bool(reading.dosed[i] and reading.chosen.inside[i] and not reading.chosen.excepted[i])


def _dosed(told: _Told, i: int, place: int, last: int) -> Evidence:
    reading, order, make = told.reading, told.reading.order, witness(told.reading.facts)
    if order.left[i] or order.absent[i]:
        return make.subject(int(order.subject[i]), Standing.LEFT if order.left[i] else Standing.PENDING)
    beyond, hinge = place > last, int(order.subject[i]) in told.hinges
    decides = {"order_decides": True} if hinge else {}
    if order.event[i]:
        unit = int(order.unit[i])
        missing = int(reading.chosen.missing[reading.units.first[unit]]) | (bit("RFXSTDTC") if hinge else 0)
        standing = Standing.BEYOND_DESIGN if beyond else Standing.COUNTED
        within = {"crossing": True} if place <= (told.at.look or 0) else {}
        return make.event(int(reading.units.row[unit]), standing, missing, position=place, **within, **decides)
    standing = Standing.BEYOND_DESIGN if beyond else order.standing(i)
    return make.subject(int(order.subject[i]), standing, position=place, **decides)


def _other_event(reading: Reading, i: int) -> Evidence:
    if reading.chosen.excepted[i]:
        standing = Standing.EXCEPTED
    else:
        standing = Standing.OUTSIDE_WINDOW if reading.dosed[i] else Standing.NOT_DOSED
    return witness(reading.facts).event(int(reading.chosen.row[i]), standing, int(reading.chosen.missing[i]))
