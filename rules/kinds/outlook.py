"""Where a trial stands against a boundary, from what a finding stores of its course: no snapshot is needed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rules.kinds import sequence
from rules.model import Finding
from rules.statistics import JEFFREYS, Boundary, Course, Outlook, Prior, outlook
from rules.statistics.boundary import ParameterValue

WITHIN = 5
"""Further subjects to be dosed for the nearer chance to cross."""

COURSE = "course"
"""The key of a boundary finding's `details` that holds the course."""


def course_details(seq: sequence.Sequence) -> dict[str, Any]:
    """The course of a trial as JSON values; who is not named has followed through without an event.

    Keys
    ----
    n: dosed subjects in the order told, without those who left.   events: places, from 1, of those with an event.
    early: of these places, those whose window has not closed.   open: [place, days of event-free follow-up] of the
    pending and overdue.
    """
    awaited = np.flatnonzero(seq.pending | seq.overdue)
    return {
        "n": len(seq),
        "events": (np.flatnonzero(seq.event) + 1).tolist(),
        "early": (np.flatnonzero(seq.event & ~seq.closed) + 1).tolist(),
        "open": [[int(place) + 1, int(seq.followed[place])] for place in awaited],
    }


def course_of(finding: Finding) -> Course | None:
    """The course that a finding was made from; None where it stores none, as those of other kinds do."""
    stored, days = finding.details.get(COURSE), finding.details.get("window_days")
    if not isinstance(stored, Mapping) or not isinstance(days, int):
        return None
    n = int(stored["n"])
    events, closed, followed = [False] * n, [True] * n, [1.0] * n
    for place in stored["events"]:
        events[place - 1] = True
    for place in stored["early"]:
        closed[place - 1] = False
    for place, since in stored["open"]:
        closed[place - 1] = False
        followed[place - 1] = min(since / days, 1.0) if days else 0.0
    return Course(tuple(events), tuple(closed), tuple(followed))


def boundary_of(definition: Mapping[str, Any]) -> Boundary | None:
    """The boundary of a stored rule version, from its own table: nothing is calibrated again; None where it has none.

    Parameters
    ----------
    definition: what `BoundaryRule.stored` gave.
    """
    design, computed = definition.get("design"), definition.get("boundary")
    if not isinstance(design, Mapping) or not isinstance(computed, Mapping) or "attained_alpha" not in computed:
        return None
    given = design.get("looks") or (range(1, design["max_n"] + 1) if design.get("max_n") else ())
    looks = tuple(int(look) for look in given)
    return None if not looks else Boundary(
        method=str(design["method"]),
        null_rate=float(design["null_rate"]),
        alpha=design.get("alpha"),
        looks=looks,
        stop_at=_counts(looks, computed["table"]),
        critical_value=computed.get("critical_value"),
        attained_alpha=float(computed["attained_alpha"]),
        parameters=_parameters(design),
    )  # fmt: skip


def prior_of(definition: Mapping[str, Any]) -> Prior:
    """The prior that the rule names for reporting (`reporting_prior`), else Jeffreys'."""
    named = definition.get("reporting_prior")
    if not isinstance(named, Mapping):
        return JEFFREYS
    return Prior("the study's prior for reporting", named["prior_a"], named["prior_b"])


def outlook_of(
    boundary: Boundary, finding: Finding, *, within: int = WITHIN, reporting_prior: Prior = JEFFREYS
) -> Outlook | None:
    """Posterior, distance, chances, best and worst case; None where the finding stores no course.

    Parameters
    ----------
    boundary: of the rule version that judged (`boundary_of` its stored definition, or the configured rule's own).
    finding: of a rule of kind `boundary`, of one scope.
    within: further subjects to be dosed for the nearer chance.
    reporting_prior: used where the design has no prior of its own.
    """
    course = course_of(finding)
    return None if course is None else outlook(boundary, course, within=within, reporting_prior=reporting_prior)


def _counts(looks: Sequence[int], table: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """The count of each look from runs [first look, last look, count]."""
    runs = [(first or 0, last or 0, count) for first, last, count in table]
    return tuple(next((count for first, last, count in runs if first <= look <= last), None) for look in looks)


def _parameters(design: Mapping[str, Any]) -> dict[str, ParameterValue]:
    names = ("delta", "prior_a", "prior_b", "p1", "nu", "min_events", "cutoff")
    return {name: float(design[name]) for name in names if design.get(name) is not None}
