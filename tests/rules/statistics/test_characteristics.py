"""When a boundary stops: stage-wise probabilities, median and quantiles, against enumeration in fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings

from rules.errors import DesignError
from rules.statistics import Boundary, Characteristics, calibrate, operating_characteristics
from tests.rules.statistics.slow import histories
from tests.rules.statistics.strategies import tables

RATES = (0.0, 1e-6, 0.1, 0.3, 0.7, 1 - 1e-6, 1.0)


def stages(boundary: Boundary, rate: float) -> dict[int | None, Fraction]:
    """P(first crossing at each look), None for never: the plain sum over all histories."""
    p = Fraction(rate)
    found: dict[int | None, Fraction] = {}
    for cumulative in histories(boundary.max_n):
        pairs = zip(boundary.looks, boundary.stop_at, strict=True)
        at = next((k for k, stop in pairs if stop is not None and cumulative[k - 1] >= stop), None)
        weight = p ** cumulative[-1] * (1 - p) ** (boundary.max_n - cumulative[-1])
        found[at] = found.get(at, Fraction(0)) + weight
    return found


def quantile(boundary: Boundary, chances: dict[int | None, Fraction], q: float) -> int:
    """Smallest number observed whose cumulative probability reaches q; trials that never stop end at the last look."""
    total = Fraction(0)
    for look in boundary.looks[:-1]:
        total += chances.get(look, Fraction(0))
        if total >= Fraction(q):
            return look
    return boundary.max_n


@settings(max_examples=25, deadline=None)
@given(tables(max_n=9))
def test_stages_and_quantiles_are_those_of_enumeration(table: tuple[tuple[int, ...], tuple[int | None, ...]]) -> None:
    """Catches a stage credited to the wrong look, and trials that never stop left out of a quantile."""
    boundary = Boundary("table", 0.2, None, *table, None, 0.0)
    for row in operating_characteristics(boundary, RATES):
        slow = stages(boundary, row.rate)
        wanted = [float(slow.get(look, 0)) for look in boundary.looks]
        assert row.stage_probabilities == pytest.approx(wanted, rel=1e-12, abs=1e-300)
        assert sum(row.stage_probabilities) == pytest.approx(row.p_stop, rel=1e-12)
        assert row.median_n == quantile(boundary, slow, 0.5)
        for q in (0.05, 0.25, 0.9):
            assert row.quantile_n(q) == quantile(boundary, slow, q)


def test_quantiles_of_the_trials_that_stop() -> None:
    row = Characteristics(0.5, 0.5, 5.0, 2.5, (2, 4, 6), (0.25, 0.25, 0.0))
    assert (row.median_n, row.quantile_n(0.25), row.quantile_n(0.51)) == (4, 2, 6)
    assert (row.stopped_quantile_n(0.5), row.stopped_quantile_n(0.51)) == (2, 4)
    assert (row.stopped_by(1), row.stopped_by(2), row.stopped_by(5), row.stopped_by(6)) == (0, 0.25, 0.5, 0.5)


def test_a_rate_at_which_nothing_stops() -> None:
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.05, looks=range(1, 21))
    (row,) = operating_characteristics(boundary, [0])
    assert (row.p_stop, row.median_n, row.stopped_quantile_n(0.5)) == (0, 20, None)
    assert row.expected_n == 20


def test_large_trials_stay_exact_at_the_edges() -> None:
    boundary = calibrate("table", null_rate=0.5, looks=(1, 5000), stop_at=(1, 1))
    for rate in (1e-6, 1 - 1e-6):
        (row,) = operating_characteristics(boundary, [rate])
        assert row.stage_probabilities[0] == pytest.approx(rate, rel=1e-12)
        assert row.p_stop == pytest.approx(float(1 - (1 - Fraction(rate)) ** 5000), rel=1e-9)


@pytest.mark.parametrize("q", [0, 1, -0.1, float("nan"), "half"])
def test_a_quantile_that_is_none(q: object) -> None:
    row = Characteristics(0.5, 0.5, 5.0, 2.5, (2, 4), (0.25, 0.25))
    with pytest.raises(DesignError, match=r"^q = "):
        row.quantile_n(q)  # type: ignore[arg-type]


def test_a_boundary_without_looks_has_no_quantile() -> None:
    with pytest.raises(DesignError, match="numbers of subjects only"):
        Characteristics(0.5, 0.5, 5.0, 2.5).median_n  # noqa: B018
