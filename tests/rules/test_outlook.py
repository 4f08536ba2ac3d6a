"""Where a trial stands, told from what findings and rule versions store: the same as from the records themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from rules.kinds.outlook import boundary_of, course_of, outlook_of, prior_of
from rules.model import Finding, finding_from_body
from rules.statistics import JEFFREYS, Course, outlook
from tests.rules.tables import judge, only, rule, snapshot
from tests.rules.test_boundary_kind import DOSES, JUNE, TABLE, boundary, records

DESIGNS: tuple[dict[str, Any], ...] = (
    TABLE,
    {"method": "table", "null_rate": 0.2, "looks": [2, 4, 6], "stop_at": [None, 2, 2]},
    {"method": "pocock", "null_rate": 0.2, "alpha": 0.1, "looks": [5, 10, 15, 20]},
    {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4, "max_n": 20},
)
"""Every look, looks in groups whose counts repeat, and looks that cannot stop."""

SEEN = "P1 2026-05-01; P2 2026-05-01; P3 2026-03-17; P6 2026-03-20"
EVENTS = "P1 2026-03-05 RELATED; P4 2026-03-06 RELATED"


def stored(finding: Finding) -> Finding:
    """As the database gives it back."""
    return finding_from_body(json.loads(json.dumps(finding.body())))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: f"{d['method']} {d.get('looks', d.get('max_n'))}")
def test_the_boundary_of_a_stored_version_is_the_one_that_judged(design: dict[str, Any]) -> None:
    """Catches a look or a count lost between runs, and a design whose prior is forgotten."""
    one = boundary(design=design)
    found = boundary_of(json.loads(json.dumps(one.stored())))
    assert found is not None
    assert (found.looks, found.stop_at) == (one.boundary.looks, one.boundary.stop_at)
    assert (found.null_rate, found.attained_alpha) == (one.boundary.null_rate, one.boundary.attained_alpha)
    course = Course((True, False, False), (True, True, False), (1.0, 1.0, 0.5))
    assert outlook(found, course) == outlook(one.boundary, course)


def test_the_course_that_is_stored_is_the_one_of_the_records() -> None:
    """P1 has an event and was followed through, P2 no event; P3 and P6 were last seen on days 14 of 28; P4 has an
    event in an open window; P5 was never seen. Catches follow-up from the cut-off and an early event called closed."""
    found = stored(only(boundary(), records(DOSES, EVENTS, SEEN, cutoff=JUNE)))
    assert course_of(found) == Course(
        events=(True, False, False, True, False, False),
        closed=(True, True, False, False, False, False),
        followed=(1.0, 1.0, 0.5, 1.0, 0.0, 0.5),
    )


def test_who_left_is_not_in_the_course() -> None:
    """Catches places that shift when a subject without an event is taken out of the sequence."""
    found = only(boundary(), records(DOSES, EVENTS, "P1 2026-05-01", left="P2 2026-03-10", cutoff=JUNE))
    course = course_of(found)
    assert course is not None
    assert course.events == (True, False, True, False, False)


def test_a_posterior_speaks_of_closed_windows_only() -> None:
    """Catches P4's event counted before its window has closed, when those without one are not counted yet."""
    one = boundary(design=DESIGNS[3])
    found = outlook_of(one.boundary, only(one, records(DOSES, EVENTS, SEEN, cutoff=JUNE)))
    assert found is not None
    assert (found.posterior.events, found.posterior.n) == (1, 2)
    assert found.posterior.prior.words == "the design's prior, Beta(0.6, 2.4)"
    assert (found.events, found.effective_n) == (2, 4.0)


def test_each_arm_has_its_own_course() -> None:
    """Catches arms that share one path."""
    arms = dict(zip(DOSES, "ABABAB", strict=True))
    frames = records(DOSES, EVENTS, SEEN, cutoff=JUNE).frames
    closed = boundary(per="arm", audience="closed", design=DESIGNS[3])
    found = judge(closed, snapshot(cutoff=JUNE, arms=arms, **frames))
    assert {f.scope: getattr(course_of(f), "events", None) for f in found} == {
        "arm:A": (True, False, False),
        "arm:B": (False, True, False),
    }


def test_the_prior_for_reporting_is_the_rules_own_or_jeffreys() -> None:
    """Catches a prior that is configured and not used, or named wrongly."""
    assert prior_of(boundary().stored()) is JEFFREYS
    named = prior_of(boundary(reporting_prior={"prior_a": 1.0, "prior_b": 4.0}).stored())
    assert named.words == "the study's prior for reporting, Beta(1, 4)"
    with pytest.raises(ValidationError, match="prior_a = 0"):
        boundary(reporting_prior={"prior_a": 0.0, "prior_b": 4.0})


def test_findings_without_a_course_have_no_outlook() -> None:
    """Catches a crash on findings of other kinds, and on those that were stored before courses were."""
    one = boundary()
    found = only(one, records(DOSES, EVENTS, SEEN, cutoff=JUNE))
    old = replace(found, details={k: v for k, v in found.details.items() if k != "course"})
    count = only(rule("count", at_least=1), records(DOSES, EVENTS, SEEN, cutoff=JUNE))
    assert outlook_of(one.boundary, old) is None
    assert outlook_of(one.boundary, count) is None
    assert boundary_of(rule("count", at_least=1).stored()) is None
