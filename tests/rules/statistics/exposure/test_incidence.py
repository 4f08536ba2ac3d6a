"""Aalen-Johansen by hand, by another algorithm, and against what it must not be.

Catches: 1 − Kaplan-Meier, censoring before events on one day, a competing event treated as censoring.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import DesignError
from rules.statistics.exposure import cumulative_incidence
from tests.rules.statistics.exposure.slow import incidence_by_redistribution

# Ten subjects; 1 = reaction, 2 = death, 0 = censored. Worked by hand:
#   day  at risk  reaction  death   S before   F1                     F2
#    2      10       1        0      1         1/10                   0
#    3       9       0        1      9/10      1/10                   1/10
#    5       8       1        1      8/10      2/10                   2/10     (one censored on day 5 is at risk)
#    8       5       1        0      6/10      2/10 + 6/50 = .32      2/10
#   10       3       0        1      .48       .32                    .2 + .16 = .36
#   12       2       1        0      .32       .32 + .16 = .48        .36
TIME = [2, 3, 5, 5, 5, 8, 9, 10, 12, 13]
CAUSE = [1, 2, 1, 2, 0, 1, 0, 2, 1, 0]


def test_by_hand() -> None:
    found = cumulative_incidence(TIME, CAUSE)
    assert found.times == (2, 3, 5, 8, 10, 12)
    assert found.at_risk == (10, 9, 8, 5, 3, 2)
    assert found.causes == (1, 2)
    assert found.incidence[0] == pytest.approx([0.1, 0.1, 0.2, 0.32, 0.32, 0.48])
    assert found.incidence[1] == pytest.approx([0, 0.1, 0.2, 0.2, 0.36, 0.36])
    assert found.event_free == pytest.approx([0.9, 0.8, 0.6, 0.48, 0.32, 0.16])
    assert found.by(7) == pytest.approx(0.2)
    assert (found.by(1), found.by(99, cause=3)) == (0.0, 0.0)


def test_it_is_not_one_minus_kaplan_meier() -> None:
    survival = (9 / 10) * (7 / 8) * (4 / 5) * (1 / 2)
    assert cumulative_incidence(TIME, CAUSE).by(12) == pytest.approx(0.48)
    assert 1 - survival == pytest.approx(0.685)


OBSERVED = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=25)


@given(OBSERVED, st.integers(0, 12))
@settings(deadline=None)
def test_another_algorithm_gives_the_same(observed: list[tuple[int, int]], by: int) -> None:
    time, cause = zip(*observed, strict=True)
    found = cumulative_incidence(time, cause)
    for k in (1, 2, 3):
        assert found.by(by, k) == pytest.approx(incidence_by_redistribution(time, cause, k, by), abs=1e-12)
    for i, free in enumerate(found.event_free):
        assert free + sum(row[i] for row in found.incidence) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 2)), min_size=2, max_size=25))
@settings(deadline=None)
def test_without_censoring_it_is_the_binomial_proportion(observed: list[tuple[int, int]]) -> None:
    time, cause = (np.array(column) for column in zip(*observed, strict=True))
    found = cumulative_incidence(time, cause)
    for i, t in enumerate(found.times):
        for row, errors, k in zip(found.incidence, found.error, found.causes, strict=True):
            p = np.mean((time <= t) & (cause == k))
            assert row[i] == pytest.approx(p)
            if found.event_free[i] > 1e-12:
                assert errors[i] == pytest.approx(math.sqrt(p * (1 - p) / len(time)), abs=1e-7)


def test_one_cause_has_the_error_of_greenwood() -> None:
    time, cause = [1, 2, 3, 4, 5, 6], [1, 0, 1, 0, 1, 0]
    found = cumulative_incidence(time, cause)
    free = (5 / 6) * (3 / 4) * (1 / 2)
    greenwood = free * math.sqrt(1 / (6 * 5) + 1 / (4 * 3) + 1 / (2 * 1))
    assert found.error[0][-1] == pytest.approx(greenwood)


def test_nobody_and_nothing() -> None:
    assert cumulative_incidence([], []).by(5) == 0.0
    assert cumulative_incidence([3.0], [0]).times == ()


@pytest.mark.parametrize(
    ("time", "cause", "parameter"),
    [
        ([1.0], [1, 0], "cause"),
        ([-1.0], [1], "time"),
        ([float("nan")], [1], "time"),
        (["1"], [1], "time"),
        ([1.0], [0.5], "cause"),
        ([1.0], [-1], "cause"),
    ],
)
def test_bad_input_is_named(time: Any, cause: Any, parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        cumulative_incidence(time, cause)
    assert error.value.parameter == parameter
