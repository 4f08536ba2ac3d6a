"""Path counting and forward recursion are two ways to the same numbers: each catches a slip in the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from rules.statistics import recursion
from rules.statistics.recursion import as_counts, stopping_probabilities
from tests.rules.statistics.strategies import tables


@given(tables(max_n=60), st.lists(st.floats(0, 1), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_both_ways_agree(table: tuple[tuple[int, ...], tuple[int | None, ...]], rates: list[float]) -> None:
    looks, counts = np.array(table[0]), as_counts(*table)
    able = counts <= looks
    arguments = looks[able], counts[able], np.array(rates)
    by_paths, by_subject = recursion._by_paths(*arguments), recursion._by_subject(*arguments)
    assert by_paths == pytest.approx(by_subject, rel=1e-11, abs=1e-250)


@pytest.mark.parametrize("rate", [1e-6, 0.2, 0.5, 0.9, 1 - 1e-6])
def test_both_ways_agree_at_the_largest_count_of_paths(rate: float) -> None:
    looks = np.arange(1, recursion.PATHS_UP_TO + 1)
    stops = np.minimum(3 + np.ceil(looks * 0.55).astype(np.int64), looks + 1)
    able = stops <= looks
    arguments = looks[able], stops[able], np.array([rate])
    assert recursion._by_paths(*arguments) == pytest.approx(recursion._by_subject(*arguments), rel=1e-10, abs=1e-250)


@pytest.mark.parametrize("n", [1, 40, 1000, 1001, 5000])
@pytest.mark.parametrize("rate", [1e-6, 0.21, 1 - 1e-6])
def test_one_look_is_a_binomial_tail(n: int, rate: float) -> None:
    stop = max(1, round(n * 0.25))
    stopped = stopping_probabilities(np.array([n]), np.array([stop]), np.array([rate]))
    assert stopped.item() == pytest.approx(binom.sf(stop - 1, n, rate), rel=1e-9, abs=1e-290)


def test_first_event_is_geometric() -> None:
    """Stopping at the first event, P(stop at look k) = (1 − p)^(k − 1) p: no look of 2,000 is lost."""
    looks = np.arange(1, 2001)
    stopped = stopping_probabilities(looks, np.ones(2000, dtype=np.int64), np.array([0.01, 0.3]))
    assert stopped[0] == pytest.approx(0.99 ** (looks - 1) * 0.01, rel=1e-12)
    assert stopped.sum(axis=1) == pytest.approx([1 - 0.99**2000, 1.0], rel=1e-12)


def test_looks_where_no_count_can_stop_have_probability_zero() -> None:
    stopped = stopping_probabilities(
        np.array([1, 2, 4, 6]), as_counts([1, 2, 4, 6], [None, None, 2, None]), np.array([0.5])
    )
    assert stopped == pytest.approx(np.array([[0, 0, 11 / 16, 0]]))


def test_a_boundary_that_never_stops() -> None:
    assert stopping_probabilities(np.array([3]), np.array([4]), np.array([0.5])).sum() == 0


def test_underflow_does_not_raise() -> None:
    with np.errstate(all="raise"):
        stopped = stopping_probabilities(
            np.arange(1, 1501), np.full(1500, 900) + np.arange(1500) // 3, np.array([1e-6])
        )
    assert np.isfinite(stopped).all()
