"""The one number both designs rest on: catches lost precision in either tail, which would tie what is not tied."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from rules.statistics.tails import log_odds_below
from tests.rules.statistics.slow import tail


def exact_log_odds(a: int, b: int, x: Fraction) -> float:
    """log(I / (1 − I)) for whole a, b, in fractions until the last step."""
    below = tail(a, a + b - 1, x)
    odds = below / (1 - below)
    return math.log(odds.numerator) - math.log(odds.denominator)


@pytest.mark.parametrize(
    ("a", "b"), [(1, 1), (3, 28), (18, 34), (60, 341), (340, 61), (400, 1), (1, 400), (101, 900), (200, 200)]
)
@pytest.mark.parametrize("x", [Fraction(1, 4), Fraction(1, 2), Fraction(7, 8), Fraction(1, 2**20)], ids=str)
def test_equals_fractions_in_both_tails(a: int, b: int, x: Fraction) -> None:
    """The rates are exact as floats, so that the fractions start from the same number."""
    assert log_odds_below(a, b, float(x)).item() == pytest.approx(exact_log_odds(a, b, x), rel=1e-11, abs=1e-11)


def test_far_tails_stay_apart() -> None:
    """Tails such as 1e-600 are 0 as floats; were they all tied at −inf, the search could not order them."""
    events = np.arange(150, 200)
    odds = log_odds_below(events, 1.0 + 200 - events, 2**-20)
    assert np.isfinite(odds).all()
    assert (np.diff(odds) < -5).all()
    assert odds[0] == pytest.approx(exact_log_odds(150, 51, Fraction(1, 2**20)), rel=1e-11)


def test_series_and_library_agree_where_they_meet() -> None:
    """Consecutive tails on both sides of the change of formula (1e-290) keep their even spacing."""
    odds = log_odds_below(np.arange(30, 80), 5.0, 1e-6)
    assert np.abs(np.diff(odds, n=2)).max() < 0.01


def test_empty_and_scalar_arguments() -> None:
    assert log_odds_below(np.array([]), np.array([]), 0.2).shape == (0,)
    assert log_odds_below(1, 1, 0.5).item() == pytest.approx(0, abs=1e-15)
