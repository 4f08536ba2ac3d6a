"""Limits against published figures, against root finding on the tail they are defined by, and at the ends."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import beta, poisson

from rules.errors import DesignError
from rules.statistics.intervals import clopper_pearson, jeffreys, poisson_exact, wilson
from tests.rules.statistics.slow import tail


def test_published_figures() -> None:
    """Newcombe, Statistics in Medicine 1998;17:857, table I: 81/263, 15/148, 0/20 and 1/29, as printed."""
    printed = {
        (81, 263): ((0.2527, 0.3676), (0.2553, 0.3662)),
        (15, 148): ((0.0578, 0.1617), (0.0624, 0.1605)),
        (0, 20): ((0.0, 0.1684), (0.0, 0.1611)),
        (1, 29): ((0.0009, 0.1776), (0.0061, 0.1718)),
    }
    for (events, n), (exact, score) in printed.items():
        for method, wanted in ((clopper_pearson, exact), (wilson, score)):
            found = method(events, n)
            assert (round(found.lower, 4), round(found.upper, 4)) == wanted


def test_garwood_is_its_definition() -> None:
    """3 events: .6187 and 8.7673, the familiar limits of the exact Poisson table; per unit of exposure."""
    found = poisson_exact(3, 2.0)
    assert (round(2 * found.lower, 4), round(2 * found.upper, 4), found.estimate) == (0.6187, 8.7673, 1.5)
    none = poisson_exact(0, 100.0)
    assert (none.lower, none.upper) == (0, pytest.approx(-math.log(0.025) / 100, rel=1e-14))
    for events in (1, 7, 400):
        at = poisson_exact(events, 1.0, 0.9)
        assert poisson.sf(events - 1, at.lower) == pytest.approx(0.05, rel=1e-9)
        assert poisson.cdf(events, at.upper) == pytest.approx(0.05, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.data(), st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_exact_limits_meet_their_tails(n: int, data: st.DataObject, level: float) -> None:
    """The binomial tail in fractions, at the limits, is what the definition says."""
    events = data.draw(st.integers(0, n))
    found = clopper_pearson(events, n, level)
    if events:
        assert float(tail(events, n, Fraction(found.lower))) == pytest.approx((1 - level) / 2, rel=1e-9)
    if events < n:
        assert float(1 - tail(events + 1, n, Fraction(found.upper))) == pytest.approx((1 - level) / 2, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5000), st.data())
def test_wilson_limits_are_where_the_score_test_turns(n: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, n))

    def score(rate: float) -> float:
        return (events / n - rate) ** 2 - 1.959963984540054**2 * rate * (1 - rate) / n

    found = wilson(events, n)
    if events:
        assert found.lower == pytest.approx(brentq(score, 1e-15, min(events / n, 1 - 1e-9)), rel=1e-6)
    if events < n:
        assert found.upper == pytest.approx(brentq(score, max(events / n, 1e-9), 1 - 1e-15), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_hold_the_estimate_and_mirror(n: int, data: st.DataObject, level: float) -> None:
    events = data.draw(st.integers(0, n))
    for method in (clopper_pearson, wilson, jeffreys):
        found, turned = method(events, n, level), method(n - events, n, level)
        assert 0 <= found.lower <= events / n <= found.upper <= 1
        assert found.lower == pytest.approx(1 - turned.upper, rel=1e-6, abs=1e-12)
    assert clopper_pearson(events, n, level).lower <= jeffreys(events, n, level).lower
    assert clopper_pearson(events, n, level).upper >= jeffreys(events, n, level).upper


@pytest.mark.parametrize("n", [1, 20, 5000])
def test_ends(n: int) -> None:
    for method in (clopper_pearson, wilson, jeffreys):
        assert method(0, n).lower == 0.0
        assert method(n, n).upper == 1.0
        assert 0 < method(0, n).upper < 1
    assert jeffreys(0, n).upper == pytest.approx(beta(0.5, n + 0.5).ppf(0.975), rel=1e-9)
    assert clopper_pearson(0, n).upper == pytest.approx(-math.expm1(math.log(0.025) / n), rel=1e-9)


def test_nobody_observed_says_nothing() -> None:
    for method in (clopper_pearson, wilson, jeffreys):
        found = method(0, 0)
        assert (found.estimate, found.lower, found.upper) == (None, 0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [((-1, 5), "events"), ((6, 5), "events"), ((1.5, 5), "events"), ((True, 5), "events"), ((0, -1), "n"),
     ((1, 5, 1.0), "level"), ((1, 5, 95), "level")],
)  # fmt: skip
def test_bad_counts(arguments: tuple[object, ...], parameter: str) -> None:
    for method in (clopper_pearson, wilson, jeffreys):
        with pytest.raises(DesignError) as error:
            method(*arguments)  # type: ignore[arg-type]
        assert error.value.parameter == parameter


@pytest.mark.parametrize(
    ("arguments", "parameter"), [((-1, 5.0), "events"), ((1, 0.0), "exposure"), ((1, float("inf")), "exposure")]
)
def test_bad_exposure(arguments: tuple[int, float], parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        poisson_exact(*arguments)
    assert error.value.parameter == parameter
