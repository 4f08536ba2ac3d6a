"""Cutoffs between arms: exact false alarm against enumeration and simulation, and what only calibrated looks may do.

Catches: a look that is not counted, an arm's order that changes the verdict, a cutoff that keeps alpha at one null
rate only, a poll that acts as a look.
"""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rules.errors import DesignError
from rules.statistics.between_arms import Arms, Multiplicity, calibrate_between, holm, miettinen_nurminen, newcombe
from rules.statistics.between_arms import worst_false_alarm as worst
from rules.statistics.between_arms.evidence import HybridScore, ScoreStatistic, TwoBeta
from rules.statistics.between_arms.posterior import probability_of_excess
from rules.statistics.between_arms.recursion import stopping_probability

Z = 1.959963984540054


def pairs(last: int, first: int = 1) -> list[tuple[int, int]]:
    return [(k, k) for k in range(first, last + 1)]


@pytest.mark.parametrize(
    ("last", "first", "stated", "exact"),
    [(20, 3, 0.075, 0.07553), (84, 3, 0.138, 0.13783), (20, 1, None, 0.08947), (84, 1, None, 0.15025)],
)
def test_a_limit_looked_at_after_each_pair_is_no_test(
    last: int, first: int, stated: float | None, exact: float
) -> None:
    """Lower 97.5 % Newcombe limit above 0 at rate .2: 7.5 % at 20 per arm, 13.8 % at 84, from the third pair on."""
    looks = pairs(last, first)
    found, rate = worst(looks, [HybridScore().grid(*look) > Z for look in looks], [0.2])
    assert rate == 0.2
    assert found == pytest.approx(exact, abs=5e-6)
    assert stated is None or found == pytest.approx(stated, abs=0.001)


def test_the_same_by_simulation() -> None:
    looks, trials, n = pairs(20), 20_000, 20
    came = np.random.default_rng(6).random((2, trials, n)) < 0.2
    treated, control = came.cumsum(axis=2)
    stopped = np.zeros(trials, dtype=bool)
    for k, _ in looks:
        stopped |= (HybridScore().grid(k, k) > Z)[treated[:, k - 1], control[:, k - 1]]
    assert stopped.mean() == pytest.approx(0.08947, abs=4 * np.sqrt(0.0895 * 0.91 / trials))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_recursion_equals_enumeration_of_every_history(data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.sampled_from([(1, 0), (0, 1), (1, 1), (2, 1)]), min_size=1, max_size=4))
    looks = [(int(a) + 1, int(b) + 1) for a, b in np.cumsum(steps, axis=0)]
    seed = data.draw(st.integers(0, 1_000))
    random = np.random.default_rng(seed)
    regions = [random.random((n + 1, m + 1)) < 0.3 for n, m in looks]
    p, q = data.draw(st.sampled_from([(0.2, 0.2), (0.7, 0.1), (0.0, 1.0)]))
    total = 0.0
    n, m = looks[-1]
    for history in itertools.product((0, 1), repeat=n + m):
        first, second = history[:n], history[n:]
        if any(r[sum(first[:a]), sum(second[:b])] for (a, b), r in zip(looks, regions, strict=True)):
            total += math.prod([p if x else 1 - p for x in first] + [q if x else 1 - q for x in second])
    found = stopping_probability(looks, regions, np.array([p]), np.array([q]))
    assert found[0] == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(
    ("method", "keys"), [("newcombe", {}), ("miettinen_nurminen", {}), ("two_beta", {"delta": 0.1})]
)
@pytest.mark.parametrize("alpha", [0.025, 0.2])
def test_a_calibrated_cutoff_keeps_alpha_at_every_rate_and_the_next_would_not(
    method: str, keys: dict[str, Any], alpha: float
) -> None:
    looks = [(3, 2), (6, 4), (9, 6), (12, 8)]
    plan = calibrate_between(method, looks=looks, alpha=alpha, **keys)
    fine = np.linspace(0.01, 0.99, 99)
    grids = [plan.statistic.grid(*look) for look in looks]
    attained, rate = worst(looks, plan.regions, fine.tolist())
    assert attained == pytest.approx(plan.attained_alpha)
    assert rate == pytest.approx(plan.worst_null_rate)
    assert attained <= alpha
    below = max(v for grid in grids for v in grid[np.isfinite(grid)] if v < plan.cutoff)
    assert worst(looks, [grid >= below - 1e-9 for grid in grids], fine.tolist())[0] > alpha


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 25), st.integers(1, 25), st.data())
def test_evidence_is_the_confidence_at_which_the_shown_limit_is_zero(n: int, m: int, data: st.DataObject) -> None:
    """Would catch an alerting statistic that is not the limit it is named after."""
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    one = Arms(x, n, y, m)
    for statistic, limits in ((HybridScore(), newcombe), (ScoreStatistic(), miettinen_nurminen)):
        z = statistic.grid(n, m)[x, y]
        if one.difference <= 1e-12:
            assert z == -np.inf
        elif norm.sf(z) > 1e-12:
            assert limits(one, 1 - 2 * float(norm.sf(z))).lower == pytest.approx(0, abs=1e-7)
    if one.difference > 1e-12:
        assert TwoBeta(delta=0.1).grid(n, m)[x, y] == pytest.approx(probability_of_excess(one, 0.1).value, abs=1e-12)


def test_looks_are_by_information_not_by_poll() -> None:
    plan = calibrate_between("miettinen_nurminen", looks=[(4, 4), (8, 8)], alpha=0.1)
    bad, good = [True] * 8, [False] * 8
    before = plan.judge(bad[:3], good)
    assert (before.alerts, before.look, before.next_look) == (False, None, (4, 4))
    for n in range(4, 9):
        verdict = plan.judge(bad[:n], good)
        assert (verdict.alerts, verdict.look, verdict.events) == (True, (4, 4), (4, 0))
        assert verdict.evidence is not None
        assert verdict.evidence >= plan.cutoff
    late = plan.judge([False] * 4 + [True] * 3, good)
    assert (late.alerts, late.look, late.next_look) == (False, (4, 4), (8, 8))
    last = plan.judge([False] * 4 + [True] * 40, [False] * 40)
    assert (last.alerts, last.look, last.next_look) == (True, (8, 8), None)


def test_the_share_of_alerts_is_the_plans_power() -> None:
    plan = calibrate_between("newcombe", looks=[(5, 5), (10, 10), (15, 15)], alpha=0.1)
    random = np.random.default_rng(9)
    trials = 2_000
    alerts = sum(plan.judge(random.random(15) < 0.5, random.random(15) < 0.1).alerts for _ in range(trials))
    exact = plan.power(0.5, 0.1)
    assert alerts / trials == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / trials))
    assert plan.power(0.3, 0.3) <= plan.attained_alpha + 1e-12


def test_more_terms_share_one_alpha_and_it_is_said() -> None:
    one = calibrate_between("newcombe", looks=pairs(10), alpha=0.1)
    five = calibrate_between("newcombe", looks=pairs(10), alpha=0.1, terms=5)
    assert five.attained_alpha <= 0.02 < one.attained_alpha
    assert five.multiplicity.words == "5 terms tested, Bonferroni: alpha 0.1 in all, 0.02 each"
    assert one.multiplicity.words == "1 term tested: alpha 0.1"


def test_holm_by_hand() -> None:
    """Holm 1979: ordered 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.6, 0.7]) == (1.0, 1.0)


LOOKS = [(5, 5), (10, 10)]


@pytest.mark.parametrize(
    ("parameter", "keys"),
    [
        ("method", {"method": "newcomb"}),
        ("alpha", {"alpha": 0.0}),
        ("alpha", {"alpha": 1e-12}),
        ("looks", {"looks": []}),
        ("looks", {"looks": [(5, 5), (4, 9)]}),
        ("looks", {"looks": [(5, 5), (5, 5)]}),
        ("looks", {"looks": [(0, 5)]}),
        ("looks", {"looks": [(201, 5)]}),
        ("looks", {"looks": [5, 10]}),
        ("terms", {"terms": 0}),
        ("null_rates", {"null_rates": [1.0]}),
        ("null_rates", {"null_rates": []}),
        ("delta", {"delta": 0.1}),
        ("delta", {"method": "two_beta", "delta": -0.1}),
        ("prior_a", {"method": "two_beta", "prior_a": 0}),
    ],
)
def test_plans_that_cannot_be_are_refused_by_name(parameter: str, keys: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"method": "newcombe", "looks": LOOKS, "alpha": 0.05} | keys
    with pytest.raises(DesignError) as refused:
        calibrate_between(asked.pop("method"), **asked)
    assert refused.value.parameter == parameter


def test_flags_and_terms_that_cannot_be_are_refused() -> None:
    plan = calibrate_between("newcombe", looks=LOOKS, alpha=0.1)
    for flags in ([0, 1, 2], [None, True], np.zeros((2, 2), dtype=bool)):
        with pytest.raises(DesignError):
            plan.judge(flags, [False] * 5)  # type: ignore[arg-type]
    with pytest.raises(DesignError):
        Multiplicity(1, 1.0)
    with pytest.raises(DesignError):
        holm([1.2])
    with pytest.raises(DesignError):
        plan.power(1.2, 0.1)


def test_no_warning_at_the_edges() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrate_between("newcombe", looks=[(1, 1)], alpha=0.9, null_rates=[1e-6, 1 - 1e-6])
        calibrate_between("miettinen_nurminen", looks=[(1, 1), (200, 1)], alpha=0.05, null_rates=[0.5])
        HybridScore().grid(200, 200)
