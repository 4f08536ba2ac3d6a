"""Rules on simulated trials, whole batches at once: which types of event a rule means, and on which day it is met.

Each function answers as `evaluate` would on the records of the same trial at the end of every day on which anything
becomes known; a test writes such records and holds them equal. Met is CROSSED or PROVISIONAL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from rules.errors import NotSimulatedError
from rules.kinds.words import EventFilter
from rules.statistics import Boundary
from rules.statistics.exposure import ExposureBoundary
from rules.statistics.exposure.replay import DAY_ROUNDING
from rules.statistics.recursion import as_counts
from rules.statistics.scenario import EventType
from rules.statistics.trials import NEVER, Bools, Days, Trials

_COMPARED = {
    ">=": np.greater_equal, ">": np.greater, "=": np.equal, "<": np.less, "<=": np.less_equal,
}  # fmt: skip

_CHUNK = 2_000_000
"""Cells of a replay that are held at once."""


def meant(trials: Trials, events: EventFilter, excepted: EventFilter | None) -> Bools:
    """Which types of event a rule means, exceptions taken out; shape (types,).

    Raises
    ------
    NotSimulatedError: the filter hangs on a fact that the scenario does not state of a type.
    """
    chosen = [_fits(one, events) and not (excepted is not None and _fits(one, excepted)) for one in trials.types]
    return np.array(chosen, dtype=bool)


def _fits(one: EventType, wanted: EventFilter) -> bool:
    answers = dict(_answers(one, wanted))
    if False in answers.values():
        return False
    unsaid = sorted(name for name, answer in answers.items() if answer is None)
    if unsaid:
        raise NotSimulatedError(f"the scenario does not say {', '.join(unsaid)} of {one.name!r}")
    return True


def _answers(one: EventType, wanted: EventFilter) -> Iterator[tuple[str, bool | None]]:
    """Each key that the filter gives: does the type fit, or None where the scenario does not say."""
    for name in ("related", "serious", "death", "unexpected"):
        asked, said = getattr(wanted, name), getattr(one, name)
        if asked is not None:
            yield name, None if said is None else said == asked
    if wanted.grade is not None:
        yield "grade", bool(_COMPARED[wanted.grade.operator](one.grade, wanted.grade.value))
    if wanted.terms:
        yield "terms", not set(one.terms).isdisjoint(wanted.terms)
    if wanted.soc:
        yield "soc", None if one.soc is None else one.soc.upper() in {name.upper() for name in wanted.soc}
    if wanted.lesion_role in ("treated", "control"):
        yield "lesion_role", None if one.lesion_role is None else one.lesion_role == wanted.lesion_role
    if wanted.treatment_emergent is not None:
        yield "treatment_emergent", wanted.treatment_emergent
    if wanted.hours_after_dose is not None:
        yield "hours_after_dose", None
    for variable in wanted.where:
        yield variable, None


def refuse_population(name: str) -> None:
    """Every simulated subject is randomised and dosed; laboratory visits are not simulated.

    Raises
    ------
    NotSimulatedError: for the assessed.
    """
    if name == "assessed":
        raise NotSimulatedError("laboratory assessments are not simulated")


def first_day(known: Days) -> Days:
    """Earliest day along every axis but the first; NEVER where there is none."""
    return np.asarray(known.reshape(len(known), -1).min(axis=1, initial=NEVER), dtype=np.int32)


def nth_day(known: Days, count: int) -> Days:
    """Day on which the count is reached along the last axis: the count-th smallest, NEVER where it never is."""
    if known.shape[-1] < count:
        return np.full(known.shape[:-1], NEVER, dtype=np.int32)
    return np.partition(known, count - 1, axis=-1)[..., count - 1]


def by_arm(trials: Trials, met: Callable[[Trials], Days]) -> Days:
    """Earliest day on which the subjects of one arm, read by themselves, meet a rule.

    Raises
    ------
    NotSimulatedError: the scenario has one arm.
    """
    if len(trials.arms) == 1:
        raise NotSimulatedError("the scenario has one arm")
    days = [met(trials.of_arm(arm)) for arm in range(len(trials.arms))]
    return np.asarray(np.min(days, axis=0), dtype=np.int32)


def terms_of(trials: Trials, types: Bools) -> Iterator[Bools]:
    """One coded term after the other, as flags on the events of the chosen types.

    Types of the same lists share their terms; a type in no list has terms of its own.
    """
    chosen = np.flatnonzero(types)
    groups: dict[tuple[str, ...], list[int]] = {}
    for at, one in enumerate(trials.types[i] for i in chosen):
        groups.setdefault(one.terms or (f"type {one.name}",), []).append(at)
    term = trials.term[..., chosen]
    for members in groups.values():
        inside = np.zeros(len(chosen), dtype=bool)
        inside[members] = True
        for number in range(max(trials.types[chosen[at]].distinct_terms for at in members)):
            yield np.asarray((term == number) & inside)


def boundary_day(boundary: Boundary, trials: Trials, known: Days, after_days: int, *, continue_last: bool) -> Days:
    """Day on which a boundary, replayed in order of first dose whenever anything becomes known, is first crossed.

    A subject without a known event keeps its place; one that left inside the window without a known event is taken
    out from that day, and put back when an event of it becomes known.

    Parameters
    ----------
    known: when each subject's first qualifying event is known, shape (trials, subjects).
    after_days: the window.
    continue_last: as `BoundaryRule.beyond_max_n`.
    """
    removed = np.where(trials.left < trials.entry + after_days, trials.left, NEVER).astype(np.int32)
    subjects = trials.entry.shape[1] if continue_last else _reaching(boundary.max_n, known, removed)
    entry, known, removed = trials.entry[:, :subjects], known[:, :subjects], removed[:, :subjects]
    stops = _stops(boundary, subjects, continue_last)
    day = np.full(len(trials), NEVER, dtype=np.int32)
    able = np.flatnonzero(_may_cross(stops, known, removed))
    changes = np.concatenate([entry, known, removed], axis=1)
    rows = max(1, _CHUNK // (3 * subjects**2))
    columns = max(1, _CHUNK // (rows * subjects))
    for some in np.split(able, range(rows, len(able), rows)):
        records = (stops, entry[some], known[some], removed[some])
        for start in range(0, 3 * subjects, columns):
            crossed = _first_crossing(*records, changes[some, start : start + columns])
            day[some] = np.minimum(day[some], crossed)
    return day


def _reaching(looks: int, known: Days, removed: Days) -> int:
    """Number of subjects beyond whom nobody is ever among the first so many, in any trial.

    Who is never taken out, or had an event known by then, is in the sequence ever after, whatever others do.
    """
    place = np.cumsum(known <= removed, axis=1)
    return int(np.minimum((place < looks).sum(axis=1) + 1, known.shape[1]).max(initial=1))


def _stops(boundary: Boundary, subjects: int, continue_last: bool) -> NDArray[np.int64]:
    """The count that stops with 0, 1, … subjects; more than there are where none can."""
    stops = np.full(max(subjects, boundary.max_n) + 1, NEVER, dtype=np.int64)
    stops[np.array(boundary.looks)] = as_counts(boundary.looks, boundary.stop_at)
    if continue_last:
        stops[boundary.max_n + 1 :] = stops[boundary.max_n]
    return stops[: subjects + 1]


def _may_cross(stops: NDArray[np.int64], known: Days, removed: Days) -> Bools:
    """Trials that cross at the end, or would if those who left had been followed by others without an event.

    With so many event-free subjects appended, no step in time lowers the events among the first k: a known event adds
    one, a removal pulls later subjects forward, a return brings an event. So a crossing at any time is one at the end;
    only looks beyond the subjects that are left at the end need the replay to be told apart.
    """
    event = known < NEVER
    kept = event | (removed == NEVER)
    place = kept.cumsum(axis=1)
    total = event.cumsum(axis=1)
    crossed = (kept & (total >= stops[place])).any(axis=1)
    beyond = np.minimum.accumulate(stops[::-1])[::-1]
    later = np.append(beyond, NEVER)[place[:, -1] + 1]
    return np.asarray(crossed | (total[:, -1] >= later))


def _first_crossing(stops: NDArray[np.int64], entry: Days, known: Days, removed: Days, days: Days) -> Days:
    """First of these days, shape (trials, days), at whose end each trial has crossed; NEVER where at none."""
    at = days[..., np.newaxis]
    event = known[:, np.newaxis] <= at
    kept = (entry[:, np.newaxis] <= at) & (event | (removed[:, np.newaxis] > at))
    events = (event & kept).cumsum(axis=-1, dtype=np.int32)
    crossed = (kept & (events >= stops[kept.cumsum(axis=-1, dtype=np.int32)])).any(axis=-1) & (days < NEVER)
    return np.asarray(np.where(crossed, days, NEVER).min(axis=1), dtype=np.int32)


def exposure_day(boundary: ExposureBoundary, trials: Trials, onset: Days, known: Days) -> Days:
    """Day on which a boundary on exposure is first crossed, every subject being seen every day until it leaves.

    Events become known in the order of their days, so that the exposure of an event's day is final when it is known.

    Parameters
    ----------
    boundary: its exposures in days; one event a subject, no delay.
    onset: days from first dose to each subject's first qualifying event, NEVER where it has none in the window.
    known: calendar day since when that event is recorded; both of shape (trials, subjects).
    """
    dosed = trials.entry < NEVER
    event = dosed & (onset < NEVER)
    start = np.where(dosed, trials.entry, 0).astype(np.int64)
    window_end = start + int(boundary.window)
    end = np.minimum(np.minimum(window_end, trials.left), np.where(event, start + onset, NEVER))
    when = np.where(event, start + onset, NEVER)
    order = np.argsort(when, axis=1, kind="stable")
    latest = np.maximum.accumulate(np.take_along_axis(known, order, axis=1), axis=1)
    found = np.full(len(trials), NEVER, dtype=np.int64)
    for place in range(int(event.sum(axis=1).max(initial=0))):
        day = np.take_along_axis(when, order[:, place : place + 1], axis=1)
        up_to = boundary.up_to(place + 1)
        if up_to is None:
            continue
        exposure = (np.minimum(np.maximum(day - start, 0), end - start) * dosed).sum(axis=1)
        crossed = (day[:, 0] < NEVER) & (exposure <= up_to * (1 + DAY_ROUNDING))
        found = np.where(crossed, np.minimum(found, latest[:, place]), found)
    return found.astype(np.int32)
