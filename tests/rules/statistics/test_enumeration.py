"""The fast search and recursion against every history in fractions: catches a wrong tie, an off-by-one, a lost path."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from rules.errors import DesignError
from rules.statistics import calibrate, operating_characteristics
from tests.rules.statistics import slow

EVERY = {n: tuple(range(1, n + 1)) for n in (1, 2, 5, 8)}
GROUPS = ((3, 6, 9), (2, 3, 9), (10,))
RATES = (Fraction(1, 10), Fraction(1, 5), Fraction(1, 3), Fraction(1, 2), Fraction(4, 5))
ALPHAS = (Fraction(1, 100), Fraction(1, 20), Fraction(1, 10), Fraction(1, 4), Fraction(9, 10))


DESIGNS: list[tuple[str, dict[str, Any]]] = [
    ("pocock", {}),
    ("obrien_fleming", {}),
    ("wang_tsiatis", {"delta": Fraction(1, 4)}),
    ("wang_tsiatis", {"delta": Fraction(1, 2)}),
    ("wang_tsiatis", {"delta": Fraction(1)}),
    ("beta_binomial", {"prior_a": 1, "prior_b": 4}),
    ("beta_binomial", {"prior_a": 2, "prior_b": 1}),
    ("chen_chaloner", {"prior_a": 1, "prior_b": 4, "p1": Fraction(17, 20), "nu": Fraction(1, 50)}),
    ("chen_chaloner", {"prior_a": 2, "prior_b": 1, "p1": Fraction(9, 10), "nu": Fraction(1, 2)}),
    ("sprt", {"p1": Fraction(9, 10)}),
    ("max_sprt", {}),
    ("max_sprt", {"min_events": 3}),
]


def as_floats(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Fraction) else value for name, value in parameters.items()}


@pytest.mark.parametrize("looks", [*EVERY.values(), *GROUPS], ids=str)
@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize(("method", "parameters"), DESIGNS, ids=str)
def test_every_alpha_gives_the_least_conservative_boundary(
    method: str, parameters: dict[str, Any], rate: Fraction, looks: tuple[int, ...]
) -> None:
    asked: dict[str, Any] = {"null_rate": float(rate), "looks": looks} | as_floats(parameters)
    for alpha in ALPHAS:
        expected = slow.least_conservative(method, rate, alpha, looks, **parameters)
        if expected is None:
            with pytest.raises(DesignError, match=r"alpha|nu =|min_events"):
                calibrate(method, alpha=float(alpha), **asked)
            continue
        boundary = calibrate(method, alpha=float(alpha), **asked)
        assert boundary.stop_at == expected
        exact = float(slow.characteristics(looks, expected, rate)[0])
        assert boundary.attained_alpha == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("looks", [EVERY[8], *GROUPS], ids=str)
@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("cutoff", [Fraction(1, 2), Fraction(4, 5), Fraction(19, 20), Fraction(99, 100)], ids=str)
def test_a_posterior_cutoff_stops_at_the_first_count_that_reaches_it(
    cutoff: Fraction, rate: Fraction, looks: tuple[int, ...]
) -> None:
    a, b = 1, 2
    counts = [next((s for s in range(n + 1) if slow.posterior_above(s, n, rate, a, b) >= cutoff), None) for n in looks]
    asked: dict[str, Any] = {"null_rate": float(rate), "looks": looks, "cutoff": float(cutoff)}
    if 0 in counts:
        with pytest.raises(DesignError, match=r"cutoff = .* without an event"):
            calibrate("posterior_cutoff", prior_a=a, prior_b=b, **asked)
        return
    boundary = calibrate("posterior_cutoff", prior_a=a, prior_b=b, **asked)
    assert boundary.stop_at == tuple(counts)
    exact = float(slow.characteristics(looks, counts, rate)[0])
    assert boundary.attained_alpha == pytest.approx(exact, rel=1e-12)


def test_a_posterior_that_equals_its_cutoff_stops() -> None:
    """At rate ½ under Beta(1, 1), 1 of 2, 2 of 4 … have a posterior of exactly ½: floats may be a bit below."""
    looks = range(2, 400, 2)
    boundary = calibrate("posterior_cutoff", null_rate=0.5, looks=looks, prior_a=1, prior_b=1, cutoff=0.5)
    assert boundary.stop_at == tuple(n // 2 for n in looks)


@pytest.mark.parametrize(
    ("looks", "table"),
    [
        ((1, 2, 3, 4, 5, 6, 7, 8), (None, 2, 2, 3, 3, 3, 4, 4)),
        ((4, 8, 9), (None, 5, 5)),
        ((2, 5), (1, 4)),
        ((1,), (1,)),
    ],
)
@pytest.mark.parametrize("rate", [Fraction(0), Fraction(1, 7), Fraction(2, 3), Fraction(1)], ids=str)
def test_characteristics_are_the_sum_over_all_histories(
    looks: tuple[int, ...], table: tuple[int | None, ...], rate: Fraction
) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=looks, stop_at=table)
    row = operating_characteristics(boundary, [float(rate)])[0]
    expected = [float(value) for value in slow.characteristics(looks, table, rate)]
    assert [row.p_stop, row.expected_n, row.expected_events] == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("n", [5, 51, 301, 1301])
def test_tied_statistics_stop_all_or_none(n: int) -> None:
    """At rate ½, 1 of 1, 2 of 3, 3 of 5 … have the same tail, ½, though their floats differ in the last bits."""
    assert {slow.tail(s, 2 * s - 1, Fraction(1, 2)) for s in range(1, 20)} == {Fraction(1, 2)}
    looks = range(1, n + 1, 2)
    tied = [(look + 1) // 2 for look in looks]
    all_of_them = calibrate("table", null_rate=0.5, looks=looks, stop_at=tied).attained_alpha
    assert calibrate("pocock", null_rate=0.5, alpha=all_of_them, looks=looks).stop_at == tuple(tied)
    fewer = calibrate("pocock", null_rate=0.5, alpha=all_of_them * (1 - 1e-6), looks=looks)
    assert all(stop is None or stop > tie for stop, tie in zip(fewer.stop_at, tied, strict=True))


def test_alpha_attained_exactly_is_kept_in_spite_of_rounding() -> None:
    """P(2 of 2) at .2 is .04, but 0.2 ** 2 is a little more: the boundary is found all the same and claims .04."""
    assert 0.2**2 > 0.04
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.04, looks=(2,))
    assert boundary.stop_at == (2,)
    assert boundary.attained_alpha == 0.04
