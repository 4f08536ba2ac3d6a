"""What must hold for every design, whatever is asked: the promises that people rely on without reading a table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from scipy.stats import beta, binom

from rules.errors import DesignError
from rules.statistics import Boundary, calibrate, operating_characteristics
from tests.rules.statistics.strategies import designs


def built(asked: dict[str, Any]) -> Boundary:
    """The boundary; designs that cannot reach alpha, or whose parameters no count meets, are not the matter here."""
    try:
        return calibrate(**asked)
    except DesignError as error:
        if error.parameter in ("alpha", "nu", "min_events"):
            reject()
        raise


def on_paper(boundary: Boundary, n: int, s: int) -> float:
    """What the design's paper compares with its cutoff, larger = stronger, by scipy.stats and logarithms alone.

    −inf where the design stops for no evidence.
    """
    p, given, q = boundary.null_rate, boundary.parameters, 1 - boundary.null_rate
    if boundary.method == "pocock":
        return float(-binom.logsf(s - 1, n, p))
    if boundary.method in ("obrien_fleming", "wang_tsiatis"):
        delta = given.get("delta", 0.0)
        return float((s - n * p) / np.sqrt(n * p * q) * (n / boundary.max_n) ** (0.5 - delta))
    if boundary.method == "sprt":
        return float(s * np.log(given["p1"] / p) + (n - s) * np.log1p(-given["p1"]) - (n - s) * np.log1p(-p))
    if boundary.method == "max_sprt":
        able = s >= given["min_events"] and s > n * p * (1 + 1e-12)
        return float(binom.logpmf(s, n, s / n) - binom.logpmf(s, n, p)) if able else -np.inf
    a, b = given["prior_a"] + s, given["prior_b"] + n - s
    if boundary.method == "chen_chaloner" and beta.sf(given["p1"], a, b) < given["nu"]:
        return -np.inf
    return float(-beta.logcdf(p, a, b))


def limit(boundary: Boundary) -> float:
    """The reported cutoff on the scale of `on_paper`."""
    cutoff = boundary.critical_value
    assert cutoff is not None
    if boundary.method == "pocock":
        return -float(np.log(cutoff))
    if boundary.method in ("beta_binomial", "chen_chaloner"):
        assume(cutoff < 1 - 1e-12)
        return -float(np.log1p(-cutoff))
    return cutoff


def one_step_more_liberal(boundary: Boundary) -> list[int | None]:
    """The next boundary of the family: the strongest statistic that does not stop yet, with all that tie with it."""
    below = [n if stop is None else stop - 1 for n, stop in zip(boundary.looks, boundary.stop_at, strict=True)]
    found = np.array([on_paper(boundary, n, s) for n, s in zip(boundary.looks, below, strict=True)])
    if found.max() == -np.inf:
        return list(boundary.stop_at)
    tied = np.isclose(found, found.max(), rtol=1e-8, atol=1e-8)
    return [s if lower else stop for s, lower, stop in zip(below, tied, boundary.stop_at, strict=True)]


@given(designs())
@settings(max_examples=250, deadline=None)
def test_keeps_alpha_never_falls_and_stops_only_where_it_can(asked: dict[str, Any]) -> None:
    boundary = built(asked)
    assert 0 < boundary.attained_alpha <= asked["alpha"]
    finite = [stop for stop in boundary.stop_at if stop is not None]
    assert finite == sorted(finite)
    assert None not in boundary.stop_at[boundary.stop_at.index(finite[0]) :]
    assert all(stop is None or 1 <= stop <= n for n, stop in zip(boundary.looks, boundary.stop_at, strict=True))


@given(designs())
@settings(max_examples=250, deadline=None)
def test_one_step_more_liberal_would_exceed_alpha(asked: dict[str, Any]) -> None:
    boundary = built(asked)
    liberal = one_step_more_liberal(boundary)
    if 0 in liberal or tuple(liberal) == boundary.stop_at:
        return  # stopping without an event stops every trial; a second condition may leave no step
    table = calibrate("table", null_rate=boundary.null_rate, looks=boundary.looks, stop_at=liberal)
    assert table.attained_alpha > asked["alpha"]


@given(designs())
@settings(max_examples=100, deadline=None)
def test_applying_the_reported_cutoff_gives_the_same_table(asked: dict[str, Any]) -> None:
    boundary = built(asked)
    cutoff = limit(boundary)
    for n, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if stop is not None:
            assert on_paper(boundary, n, stop) >= cutoff
        if stop is None or stop > 1:
            assert on_paper(boundary, n, n if stop is None else stop - 1) < cutoff


@given(designs(max_n=25))
@settings(max_examples=60, deadline=None)
def test_characteristics_are_coherent(asked: dict[str, Any]) -> None:
    boundary = built(asked)
    rates = [0.0, 0.1, boundary.null_rate, 0.5, 0.9, 1.0]
    rows = operating_characteristics(boundary, rates)
    by_rate = [row.p_stop for row in sorted(rows, key=lambda row: row.rate)]
    assert all(lower <= higher + 1e-12 for lower, higher in pairwise(by_rate))
    assert rows[0].p_stop == 0
    assert rows[0].expected_n == boundary.max_n
    assert rows[-1].p_stop == 1
    assert rows[2].p_stop == pytest.approx(boundary.attained_alpha, rel=1e-11)
    assert all(boundary.looks[0] <= row.expected_n <= boundary.max_n for row in rows)


@given(designs(max_n=25))
@settings(max_examples=40, deadline=None)
def test_a_larger_alpha_never_stops_later(asked: dict[str, Any]) -> None:
    strict = built(asked)
    liberal = calibrate(**{**asked, "alpha": min(0.9995, asked["alpha"] * 1.5)})
    pairs = zip(strict.stop_at, liberal.stop_at, strict=True)
    assert all(more is None or (fewer is not None and fewer <= more) for more, fewer in pairs)
