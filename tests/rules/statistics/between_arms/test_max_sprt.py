"""Binomial MaxSPRT between arms: reference values, enumeration, simulation of two arms, and the ratio's drift.

Catches: z turned upside down, minimum events counted on both arms, a statistic that also alerts for the control arm,
a later event that takes an alert back.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from rules.errors import DesignError
from rules.statistics.between_arms import calibrate_max_sprt, person_time_ratio
from rules.statistics.between_arms.max_sprt import log_likelihood_ratio

REFERENCE = [(10, 1.0, 1, 2.77259), (20, 1.0, 1, 3.09884)]
"""R package Sequential, CV.Binomial(N, alpha = .05, M, z): critical values on the log-likelihood-ratio scale.

The first is 4 ln 2 rounded up, so that 4 of 4 does not signal. Judged by the table that the value implies.
"""


def table(critical: float, max_events: int, ratio: float, min_events: int) -> list[int | None]:
    """The smallest count on treatment whose statistic reaches a critical value, event by event."""
    rows = []
    for n in range(1, max_events + 1):
        able = (s for s in range(min_events, n + 1) if log_likelihood_ratio(s, n, ratio) >= critical)
        rows.append(next(able, None))
    return rows


def enumerated(stops: list[int | None], p: float) -> float:
    """P(stop) over every history of events."""
    total = 0.0
    for history in itertools.product((0, 1), repeat=len(stops)):
        sums = itertools.accumulate(history)
        if any(stop is not None and s >= stop for s, stop in zip(sums, stops, strict=True)):
            total += p ** sum(history) * (1 - p) ** (len(history) - sum(history))
    return total


@pytest.mark.parametrize(("max_events", "ratio", "min_events", "critical"), REFERENCE)
def test_the_boundary_is_the_references_or_less_conservative_within_alpha(
    max_events: int, ratio: float, min_events: int, critical: float
) -> None:
    plan = calibrate_max_sprt(ratio=ratio, alpha=0.05, max_events=max_events, min_events=min_events)
    assert list(plan.boundary.stop_at) == table(critical, max_events, ratio, min_events)
    assert plan.boundary.attained_alpha <= 0.05
    if max_events == 10:
        assert plan.boundary.attained_alpha == pytest.approx(enumerated(list(plan.boundary.stop_at), 0.5), rel=1e-9)
        assert plan.boundary.stop_at_n(4) is None


@pytest.mark.parametrize(
    ("ratio", "min_events", "alpha"), [(1.0, 3, 0.05), (2.0, 1, 0.05), (0.5, 2, 0.1), (3.0, 4, 0.2)]
)
def test_the_boundary_is_the_least_conservative_of_its_statistic(ratio: float, min_events: int, alpha: float) -> None:
    """All cutoffs of ten events: ours attains the most that alpha allows; histories enumerated."""
    plan = calibrate_max_sprt(ratio=ratio, alpha=alpha, max_events=10, min_events=min_events)
    p = 1 / (1 + ratio)
    levels = {log_likelihood_ratio(s, n, ratio) for n in range(1, 11) for s in range(min_events, n + 1)} - {0.0}
    sizes = [enumerated(table(level - 1e-9, 10, ratio, min_events), p) for level in levels]
    best = max(size for size in sizes if size <= alpha)
    assert plan.boundary.attained_alpha == pytest.approx(best, rel=1e-9)
    assert not any(plan.boundary.stop_at[: min_events - 1])
    assert all(stop >= min_events for stop in plan.boundary.stop_at if stop)


def test_minimum_events_are_events_on_treatment() -> None:
    """At z = 9 three of six reach the cutoff; with four needed on treatment, controls do not count towards them."""
    asked: dict[str, Any] = {"ratio": 9.0, "alpha": 0.05, "max_events": 12}
    time = {"person_time_treated": 1.0, "person_time_control": 9.0}
    three_of_six = [True, False, False, True, False, True]
    assert calibrate_max_sprt(**asked).judge(three_of_six, **time).alerts
    late = calibrate_max_sprt(min_events=4, **asked)
    assert not late.judge(three_of_six, **time).alerts
    assert late.judge([*three_of_six, True], **time).replay.first_look == 7


def test_two_arms_with_one_rate_alert_as_often_as_planned() -> None:
    """Exponential first events in 300 against 600 subjects: person-time of equal hazards is near 1 to 2."""
    plan = calibrate_max_sprt(ratio=2.0, alpha=0.1, max_events=20)
    random, alerts, trials = np.random.default_rng(3), 0, 2_000
    for _ in range(trials):
        times = random.exponential(1.0, 900)
        order = np.argsort(times)[:20]
        alerts += plan.judge(order < 300, person_time_treated=1.0, person_time_control=2.0).alerts
    exact = plan.boundary.attained_alpha
    assert alerts / trials <= exact + 4 * math.sqrt(exact * (1 - exact) / trials)
    assert alerts / trials >= exact - 4 * math.sqrt(exact * (1 - exact) / trials) - 0.02  # subjects run out slightly


def test_a_drift_of_the_ratio_is_said_in_the_direction_it_has() -> None:
    plan = calibrate_max_sprt(ratio=1.0, alpha=0.05, max_events=20)
    events = [True] * 6
    quiet = plan.judge(events, person_time_treated=100.0, person_time_control=109.9)
    assert (quiet.alerts, quiet.warning) == (True, "")
    fewer = plan.judge(events, person_time_treated=100.0, person_time_control=80.0)
    assert fewer.drift == pytest.approx(-0.2)
    assert "false alarms are more than planned" in fewer.warning
    assert "alerts too rarely" in plan.judge(events, person_time_treated=80.0, person_time_control=100.0).warning
    assert fewer.alerts == quiet.alerts


def test_only_an_excess_on_treatment_alerts_and_an_alert_stays() -> None:
    plan = calibrate_max_sprt(ratio=1.0, alpha=0.05, max_events=20)
    time = {"person_time_treated": 1.0, "person_time_control": 1.0}
    assert not plan.judge([False] * 20, **time).alerts
    first = plan.judge([True] * 6, **time).replay.first_look
    later = plan.judge([True] * 6 + [False] * 14, **time)
    assert (later.alerts, later.replay.first_look) == (True, first)
    beyond = plan.judge([False] * 20 + [True] * 30, **time)
    assert (beyond.alerts, beyond.replay.beyond) == (False, True)


def test_terms_share_alpha() -> None:
    plan = calibrate_max_sprt(ratio=1.0, alpha=0.1, max_events=20, terms=4)
    assert plan.boundary.attained_alpha <= 0.025
    assert plan.multiplicity.words.startswith("4 terms tested, Bonferroni")


@pytest.mark.parametrize(
    ("parameter", "keys"),
    [
        ("ratio", {"ratio": 0.0}),
        ("ratio", {"ratio": math.inf}),
        ("alpha", {"alpha": 1.0}),
        ("max_events", {"max_events": 0}),
        ("min_events", {"min_events": 0}),
        ("min_events", {"min_events": 11}),
        ("terms", {"terms": 0}),
    ],
)
def test_plans_that_cannot_be_are_refused_by_name(parameter: str, keys: dict[str, Any]) -> None:
    with pytest.raises(DesignError) as refused:
        calibrate_max_sprt(**({"ratio": 1.0, "alpha": 0.2, "max_events": 10} | keys))
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(("treated", "control"), [(0.0, 1.0), (1.0, 0.0), (1.0, math.nan), (1e-9, 1.0)])
def test_person_time_must_be_positive(treated: float, control: float) -> None:
    with pytest.raises(DesignError):
        person_time_ratio(treated, control)


def test_the_statistic_by_hand() -> None:
    """4 of 4 at z = 1: 4 ln 2. 3 of 4 at z = 1: 3 ln 1.5 + ln 0.5. Below its expectation: 0."""
    assert log_likelihood_ratio(4, 4, 1.0) == pytest.approx(4 * math.log(2))
    assert log_likelihood_ratio(3, 4, 1.0) == pytest.approx(3 * math.log(1.5) + math.log(0.5))
    assert log_likelihood_ratio(2, 4, 1.0) == 0.0
