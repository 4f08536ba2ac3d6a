"""Limits of a difference of proportions: the worked examples of the papers, a slow likelihood, and properties.

Catches: the wrong root of the cubic, a missing N / (N − 1), arms exchanged, limits beyond ±1.
"""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from rules.errors import DesignError
from rules.statistics.between_arms import Arms, ShownLimits, miettinen_nurminen, newcombe
from rules.statistics.between_arms.limits import constrained_control_rate, score

TABLE_II = [
    ((56, 70, 48, 80), (0.0528, 0.3382), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1700, 0.8406), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0342, 0.8534), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0326, 0.1933), (-0.0381, 0.1926)),
    ((0, 10, 0, 20), (-0.1658, 0.2844), (-0.1611, 0.2775)),
    ((0, 10, 0, 10), (-0.2879, 0.2879), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.7156, 1.0000), (0.6791, 1.0000)),
    ((10, 10, 0, 10), (0.6636, 1.0000), (0.6075, 1.0000)),
]
"""Newcombe, Statistics in Medicine 1998;17:873, Table II: examples (a) to (h), 95 % limits, methods 6 and 10."""

COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@st.composite
def arms(draw: st.DrawFn) -> Arms:
    return Arms(*draw(COUNTS), *draw(COUNTS))


@pytest.mark.parametrize(("counts", "score_limits", "hybrid"), TABLE_II)
def test_worked_examples(
    counts: tuple[int, int, int, int], score_limits: tuple[float, float], hybrid: tuple[float, float]
) -> None:
    for method, expected in ((miettinen_nurminen, score_limits), (newcombe, hybrid)):
        found = method(Arms(*counts))
        assert (round(found.lower, 4), round(found.upper, 4)) == expected


def slow_rate(one: Arms, difference: float) -> float:
    """Maximises the log likelihood of both arms numerically."""

    def against(p: float) -> float:
        q = p + difference
        parts = ((one.events_treated, one.n_treated, q), (one.events_control, one.n_control, p))
        return -sum(x * math.log(r) if x else 0.0 for x, _, r in parts) - sum(
            (n - x) * math.log1p(-r) if n > x else 0.0 for x, n, r in parts
        )

    least, most = max(0.0, -difference) + 1e-12, min(1.0, 1.0 - difference) - 1e-12
    found = minimize_scalar(against, bounds=(least, most), method="bounded", options={"xatol": 1e-12})
    return float(found.x)


@settings(max_examples=80, deadline=None)
@given(arms(), st.floats(-0.95, 0.95))
@example(Arms(0, 10, 0, 20), 0.3)
@example(Arms(10, 10, 10, 20), -0.3)
@example(Arms(5, 10, 5, 10), 1e-9)
def test_the_cubic_has_the_likelihoods_maximum(one: Arms, difference: float) -> None:
    assert constrained_control_rate(one, difference) == pytest.approx(slow_rate(one, difference), abs=2e-5)


@settings(max_examples=80, deadline=None)
@given(arms(), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_limits_hold_the_difference_and_mirror_when_arms_are_exchanged(one: Arms, level: float) -> None:
    other = Arms(one.events_control, one.n_control, one.events_treated, one.n_treated)
    for method in (newcombe, miettinen_nurminen):
        found, mirrored = method(one, level), method(other, level)
        assert -1 <= found.lower <= found.difference <= found.upper <= 1
        assert found.lower == pytest.approx(-mirrored.upper, abs=1e-9)
        wider = method(one, 1 - (1 - level) / 2)
        assert wider.lower <= found.lower
        assert wider.upper >= found.upper


@settings(max_examples=60, deadline=None)
@given(arms())
def test_a_score_limit_is_where_the_score_is_critical(one: Arms) -> None:
    found = miettinen_nurminen(one)
    for limit, sign in ((found.lower, 1), (found.upper, -1)):
        if abs(limit) < 1 and abs(limit - one.difference) > 1e-9:
            assert sign * score(one, limit) == pytest.approx(1.959963984540054, abs=1e-5)


def test_shown_limits_have_no_verdict_and_say_why() -> None:
    """The type is the barrier: there is nothing on it that could alert."""
    found = newcombe(Arms(9, 10, 1, 10))
    assert isinstance(found, ShownLimits)
    assert not {"alerts", "crossed", "judge"} & set(dir(found))
    assert "not for alerting" in found.note


@pytest.mark.parametrize(
    ("parameter", "counts", "level"),
    [
        ("n_treated", (0, 0, 1, 5), 0.95),
        ("events_treated", (6, 5, 1, 5), 0.95),
        ("events_control", (1, 5, -1, 5), 0.95),
        ("events_control", (1, 5, 1.5, 5), 0.95),
        ("level", (1, 5, 1, 5), 1.0),
    ],
)
def test_impossible_counts_are_refused_by_name(parameter: str, counts: tuple[int, ...], level: float) -> None:
    for method in (newcombe, miettinen_nurminen):
        with pytest.raises(DesignError) as refused:
            method(Arms(*counts), level)
        assert refused.value.parameter == parameter


def test_edges_are_quiet() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for counts in ((0, 1, 0, 1), (1, 1, 0, 1), (1, 1, 1, 1), (0, 5000, 5000, 5000), (1, 5000, 0, 1)):
            for method in (newcombe, miettinen_nurminen):
                found = method(Arms(*counts), 1 - 1e-6)
                assert -1 <= found.lower <= found.upper <= 1
