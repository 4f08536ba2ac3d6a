"""P(p_T − p_C > δ): against a finite sum, an adaptive integral, and what must hold whatever the numbers.

Catches: mass lost at 0 or 1, quantiles that miss a narrow peak, δ with the wrong sign.
"""

from __future__ import annotations

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import betaln

from rules.errors import DesignError
from rules.statistics.between_arms import Arms, Prior, probability_of_excess
from rules.statistics.between_arms.posterior import excess

PRIORS = st.sampled_from([0.5, 1.0, 0.05, 2.4, 1e-6, 30.0])
SHAPES = st.tuples(PRIORS, PRIORS, st.integers(0, 400), st.integers(0, 400)).map(lambda v: (v[0] + v[2], v[1] + v[3]))


def one(a1: float, b1: float, a0: float, b0: float, delta: float = 0.0) -> float:
    return float(excess([a1], [b1], [a0], [b0], delta)[0])


def finite_sum(a1: int, b1: float, a0: float, b0: float) -> float:
    """Exact for a whole a1: Σ_{i < a1} B(a0 + i, b0 + b1) / ((b1 + i) B(1 + i, b1) B(a0, b0))."""
    i = np.arange(a1)
    return float(np.exp(betaln(a0 + i, b0 + b1) - np.log(b1 + i) - betaln(1 + i, b1) - betaln(a0, b0)).sum())


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), PRIORS, SHAPES)
def test_no_difference_equals_the_finite_sum(a1: int, b1: float, control: tuple[float, float]) -> None:
    assert one(a1, b1, *control) == pytest.approx(finite_sum(a1, b1, *control), abs=1e-10)


@pytest.mark.parametrize(
    "shapes",
    [(1, 1, 1, 1), (5000, 0.5, 4990, 0.5), (1, 5000.5, 0.5, 5000.5), (1, 1e-9, 1e-9, 1), (2500, 2500, 2600, 2400)],
)
def test_edges_equal_the_finite_sum(shapes: tuple[int, float, float, float]) -> None:
    assert one(*shapes) == pytest.approx(finite_sum(*shapes), abs=1e-10)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")  # a root at the end, integrated well enough
@pytest.mark.parametrize("delta", [-0.9, -0.3, -0.01, 0.001, 0.1, 0.5, 0.95])
@pytest.mark.parametrize(
    "shapes", [(3.5, 5.2, 2.1, 9.3), (0.5, 20.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5), (40, 60, 30, 70), (2, 400, 1.5, 400)]
)
def test_a_difference_equals_an_adaptive_integral(shapes: tuple[float, float, float, float], delta: float) -> None:
    """By scipy's adaptive rule on θ with y = sin² θ, where Beta(½, ½) has no pole; δ < 0 by P = 1 − P(Y − X > −δ)."""
    a1, b1, a0, b0 = shapes if delta > 0 else (*shapes[2:], *shapes[:2])
    x, y, shift = stats.beta(a1, b1), stats.beta(a0, b0), abs(delta)

    def integrand(angle: float) -> float:
        s, c = math.sin(angle), math.cos(angle)
        weight = 2 * s ** (2 * a0 - 1) * c ** (2 * b0 - 1) / math.exp(betaln(a0, b0))
        return weight * float(x.sf(s * s + shift)) if weight else 0.0

    inner = [*y.ppf([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6]), *(x.ppf([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6]) - shift)]
    points = [math.asin(math.sqrt(p)) for p in sorted({0.0, 1 - shift, *(p for p in inner if 0 < p < 1 - shift)})]
    slow = sum(integrate.quad(integrand, p, q, epsabs=1e-12, epsrel=1e-10, limit=300)[0] for p, q in pairwise(points))
    assert one(*shapes, delta) == pytest.approx(slow if delta > 0 else 1 - slow, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(SHAPES, SHAPES, st.floats(-1, 1))
def test_the_two_directions_sum_to_one_and_a_larger_delta_is_less_likely(
    first: tuple[float, float], second: tuple[float, float], delta: float
) -> None:
    here = one(*first, *second, delta)
    assert 0 <= here <= 1
    assert here + one(*second, *first, -delta) == pytest.approx(1, abs=2e-10)
    assert one(*first, *second, min(delta + 0.1, 1)) <= here + 1e-10


def test_equal_posteriors_are_a_toss() -> None:
    assert probability_of_excess(Arms(3, 12, 3, 12)).value == pytest.approx(0.5, abs=1e-12)
    assert probability_of_excess(Arms(0, 5000, 0, 5000)).value == pytest.approx(0.5, abs=1e-10)


def test_a_posterior_names_its_priors_and_has_no_verdict() -> None:
    shown = probability_of_excess(Arms(3, 12, 1, 12))
    assert shown.words == "prior Beta(0.5, 0.5) on either arm"
    assert "Beta(1, 2) on treatment" in probability_of_excess(Arms(3, 12, 1, 12), treated=Prior(1, 2)).words
    assert not {"alerts", "crossed", "judge"} & set(dir(shown))
    assert "not for alerting" in shown.note


def test_impossible_and_certain_differences() -> None:
    assert probability_of_excess(Arms(1, 2, 1, 2), -1.0).value == 1.0
    assert probability_of_excess(Arms(1, 2, 1, 2), 1.0).value == 0.0


@pytest.mark.parametrize(
    ("parameter", "keys"),
    [
        ("delta", {"delta": 1.5}),
        ("delta", {"delta": math.nan}),
        ("prior_a", {"treated": Prior(0.0, 1.0)}),
        ("prior_b", {"control": Prior(1.0, -1.0)}),
    ],
)
def test_bad_input_is_refused_by_name(parameter: str, keys: dict[str, object]) -> None:
    with pytest.raises(DesignError) as refused:
        probability_of_excess(Arms(1, 2, 1, 2), **keys)  # type: ignore[arg-type]
    assert refused.value.parameter == parameter


def test_no_warning_at_the_edges() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for counts in ((0, 1, 0, 1), (1, 1, 0, 1), (5000, 5000, 0, 5000), (0, 5000, 5000, 5000)):
            for prior in (Prior(1e-9, 1e-9), Prior(1e4, 1e-9), Prior()):
                for delta in (-1 + 1e-9, -1e-9, 0.0, 1e-9, 1 - 1e-9):
                    assert 0 <= probability_of_excess(Arms(*counts), delta, treated=prior, control=prior).value <= 1
