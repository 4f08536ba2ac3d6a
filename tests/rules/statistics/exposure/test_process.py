"""The recursion against exact polynomials and simulated processes.

Catches: a stage that stops one event late, counts lost by truncation, a delay that lets early crossings through, a
quantile read from the wrong stage.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.statistics.exposure import calibrate_exposure, exposure_characteristics
from rules.statistics.exposure.process import first_passage
from tests.rules.statistics.exposure.slow import p_stop_by_polynomials, simulated_process


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[int], list[float]]:
    first = draw(st.integers(1, 6))
    widths = draw(st.lists(st.sampled_from([0.0, 0.01, 0.5, 1.0, 7.0]) | st.floats(0.001, 5), min_size=1, max_size=10))
    up_to = np.cumsum([draw(st.floats(0.01, 5)), *widths]).tolist()
    return list(range(first, first + len(up_to))), up_to


@given(tables(), st.floats(0.05, 2.5))
@settings(deadline=None)
def test_the_recursion_is_exact(table: tuple[list[int], list[float]], hazard: float) -> None:
    events, up_to = table
    passage = first_passage(np.array(events), np.array(up_to), hazard)
    slow = p_stop_by_polynomials(events, up_to, hazard)
    assert passage.p_stop == pytest.approx(slow, rel=1e-9, abs=1e-13)
    assert passage.stopped.sum() + passage.running.sum() == pytest.approx(1.0, rel=1e-11)
    assert (passage.stopped >= 0).all()


def test_small_probabilities_keep_their_digits() -> None:
    """At a tiny hazard: an event by 1; or none by then and two between 1 and 2."""
    passage = first_passage(np.array([1, 2]), np.array([1.0, 2.0]), 1e-9)
    assert passage.stopped[0] == pytest.approx(-math.expm1(-1e-9), rel=1e-13)
    assert passage.stopped[1] == pytest.approx(
        1.5e-18, rel=1e-8
    )  # (1 × 1 + 1 / 2) λ²: one before, one after 1; or two after


def test_a_large_table_agrees_with_the_sum_over_the_last_event_alone() -> None:
    """One stage is one Poisson tail, however far above the mean its event number is."""
    for event, mean in ((1, 1e-6), (40, 1.0), (200, 100.0), (3, 900.0)):
        passage = first_passage(np.array([event]), np.array([mean]), 1.0)
        below = math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(event))
        assert passage.running.sum() == pytest.approx(below, rel=1e-10)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("exposure_pocock", {}),
        ("exposure_obrien_fleming", {}),
        ("exposure_max_sprt", {"min_events": 3}),
        ("exposure_max_sprt", {"min_events": 2, "delay": 1.5}),
    ],
)
def test_characteristics_against_simulated_processes(method: str, parameters: dict[str, float]) -> None:
    boundary = calibrate_exposure(method, null_rate=0.2, alpha=0.1, max_n=30, window=60, **parameters)
    row = exposure_characteristics(boundary, [0.32])[0]
    trials = 20_000
    ends = simulated_process(boundary, -math.log1p(-0.32) / 60, trials, seed=7)
    stopped = ends[ends[:, 0] > 0]
    assert row.p_stop == pytest.approx(len(stopped) / trials, abs=4 * math.sqrt(0.25 / trials))
    assert row.expected_exposure == pytest.approx(ends[:, 1].mean(), abs=4 * ends[:, 1].std() / math.sqrt(trials))
    for number, chance in zip(row.events, row.stage_probabilities, strict=True):
        error = math.sqrt(chance * (1 - chance) / trials)
        assert chance == pytest.approx(np.mean(stopped[:, 0] == number) * len(stopped) / trials, abs=5 * error + 2e-4)
    for q in (0.1, 0.25, row.p_stop * 0.9):
        exposure = row.quantile_exposure(q)
        assert np.mean(ends[:, 1] <= exposure) >= q - 5 * math.sqrt(q * (1 - q) / trials)
        if exposure > boundary.first_exposure:
            assert row.stopped_by(exposure) == pytest.approx(q, rel=1e-9)


def test_quantiles_and_means_agree_with_the_distribution() -> None:
    boundary = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=50, window=60)
    low, null, high = exposure_characteristics(boundary, [0.0, 0.2, 0.45])
    assert (low.p_stop, low.expected_events, low.expected_exposure, low.median_events) == (0.0, 0.0, 3000.0, 0)
    assert null.p_stop == pytest.approx(boundary.attained_alpha, rel=1e-12)
    assert null.median_exposure == 3000.0
    assert high.quantile_exposure(0.05) < high.median_exposure < high.expected_exposure < 3000
    assert high.quantile_events(0.05) <= high.median_events <= high.quantile_events(0.95)
    mean = sum(e * p for e, p in zip(high.events, high.stage_probabilities, strict=True))
    mean += sum(k * p for k, p in enumerate(high.unstopped))
    assert high.expected_events == pytest.approx(mean, rel=1e-12)
    assert high.stopped_by(3000.0) == pytest.approx(high.p_stop, rel=1e-12)
    assert high.stopped_by(0.0) == 0.0


def test_expected_exposure_is_the_integral_of_not_having_stopped() -> None:
    boundary = calibrate_exposure("exposure_sprt", null_rate=0.1, alpha=0.05, max_n=20, window=28, p1=0.3)
    row = exposure_characteristics(boundary, [0.25])[0]
    edges = [0.0, *boundary.up_to_exposure]
    nodes, weights = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for begin, end in pairwise(edges):
        half = (end - begin) / 2
        total += half * sum(
            w * (1 - row.stopped_by(begin + half * (x + 1))) for x, w in zip(nodes, weights, strict=True)
        )
    assert row.expected_exposure == pytest.approx(total, rel=1e-9)
