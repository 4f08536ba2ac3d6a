"""The smallest, rarest, commonest and longest designs: right, finite, without a warning (pytest makes it an error)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from rules.statistics import Boundary, calibrate, operating_characteristics
from tests.rules.statistics import slow

PRIOR = {"prior_a": 0.6, "prior_b": 2.4}
FAMILIES: list[tuple[str, dict[str, float]]] = [
    ("pocock", {}),
    ("obrien_fleming", {}),
    ("wang_tsiatis", {"delta": 0.25}),
    ("beta_binomial", PRIOR),
    ("max_sprt", {}),
]


def named_rate(null_rate: float) -> list[tuple[str, dict[str, float]]]:
    """The designs that name a rate above the null, for a null rate of any size."""
    above = (1 + null_rate) / 2 if null_rate > 0.5 else 2 * null_rate
    prior = {"prior_a": 2.4, "prior_b": 1e-3} if null_rate > 0.5 else PRIOR
    return [("sprt", {"p1": above}), ("chen_chaloner", prior | {"p1": above, "nu": 0.01})]


@pytest.mark.parametrize(("method", "parameters"), FAMILIES + named_rate(0.05))
def test_one_subject(method: str, parameters: dict[str, float]) -> None:
    boundary = calibrate(method, null_rate=0.05, alpha=0.1, looks=[1], **parameters)
    assert boundary.stop_at == (1,)
    assert boundary.attained_alpha == pytest.approx(0.05)
    assert operating_characteristics(boundary, [0.3])[0].p_stop == pytest.approx(0.3)


@pytest.mark.parametrize(("method", "parameters"), FAMILIES + named_rate(1e-6))
def test_a_very_rare_event_stops_at_the_first_few(method: str, parameters: dict[str, float]) -> None:
    with np.errstate(all="raise", under="ignore"):
        boundary = calibrate(method, null_rate=1e-6, alpha=1e-4, looks=range(1, 201), **parameters)
    assert set(boundary.stop_at) <= {None, 1, 2}
    assert 0 < boundary.attained_alpha <= 1e-4
    assert operating_characteristics(boundary, [1e-6])[0].expected_n == pytest.approx(200, rel=1e-3)


@pytest.mark.parametrize(("method", "parameters"), FAMILIES + named_rate(1 - 1e-6))
def test_an_almost_certain_event_can_be_tested_at_a_large_alpha_only(method: str, parameters: dict[str, float]) -> None:
    boundary = calibrate(method, null_rate=1 - 1e-6, alpha=0.99999, looks=range(1, 21), **parameters)
    assert boundary.stop_at[-1] == 20
    assert boundary.attained_alpha <= 0.99999


@pytest.mark.parametrize(("method", "parameters"), FAMILIES + named_rate(0.02))
def test_five_thousand_subjects(method: str, parameters: dict[str, float]) -> None:
    boundary = calibrate(method, null_rate=0.02, alpha=0.05, looks=range(1, 5001), **parameters)
    assert 0.045 < boundary.attained_alpha <= 0.05
    assert boundary.stop_at[-1] is not None
    assert 100 < boundary.stop_at[-1] < 175
    low, high = operating_characteristics(boundary, [0.01, 0.04])
    assert low.p_stop < 0.005
    assert high.p_stop > 0.999


def test_five_thousand_subjects_in_groups_equal_the_counting_of_paths_below_one_thousand() -> None:
    """The same looks up to 1,000, once with a further look that nobody can reach: the two recursions must agree."""
    near = calibrate("pocock", null_rate=0.1, alpha=0.05, looks=range(50, 1001, 50))
    far = calibrate("table", null_rate=0.1, looks=(*near.looks, 5000), stop_at=(*(s for s in near.stop_at), 4999))
    assert far.attained_alpha == pytest.approx(near.attained_alpha, rel=1e-10)


@pytest.mark.parametrize(("prior_a", "prior_b"), [(60, 5), (1000, 1e-3), (1e-6, 1e-6), (1e-3, 1000), (500, 2000)])
def test_strong_and_improper_looking_priors(prior_a: float, prior_b: float) -> None:
    """However odd the prior, the boundary keeps alpha, uses much of it, and can stop in the end."""
    boundary = calibrate(
        "beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 61), prior_a=prior_a, prior_b=prior_b
    )
    assert 0.04 <= boundary.attained_alpha <= 0.1
    assert boundary.stop_at[-1] is not None


@pytest.mark.parametrize("prior", [(500, 2), (900, 1)])
def test_posteriors_that_round_to_one_are_still_ordered(prior: tuple[int, int]) -> None:
    """P(rate ≤ .2) is below 1e-340 everywhere: as floats all counts would tie, and alpha would be given away."""
    looks, alpha = tuple(range(1, 9)), Fraction(1, 10)
    expected = slow.least_conservative(
        "beta_binomial", Fraction(1, 5), alpha, looks, prior_a=prior[0], prior_b=prior[1]
    )
    boundary = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=looks, prior_a=prior[0], prior_b=prior[1])
    assert boundary.stop_at == expected


def test_stop_counts_are_known_at_looks_only() -> None:
    boundary = calibrate("table", null_rate=0.2, looks=(5, 10), stop_at=(6, 6))
    assert (boundary.stop_at_n(5), boundary.stop_at_n(7), boundary.stop_at_n(10), boundary.stop_at_n(11)) == (
        None,
        None,
        6,
        None,
    )
    assert boundary.max_n == 10


def test_a_table_keeps_the_alpha_that_its_protocol_states_and_says_what_it_attains() -> None:
    boundary = calibrate("table", null_rate=0.2, alpha=0.05, looks=(5,), stop_at=[3])
    assert boundary == Boundary(
        "table",
        0.2,
        0.05,
        (5,),
        (3,),
        None,
        pytest.approx(0.05792),
        {"stop_at": (3,)},  # type: ignore[arg-type]
    )
    assert calibrate("table", null_rate=0.2, looks=(5,), stop_at=[3]).alpha is None


def test_equal_requests_give_equal_and_hashable_boundaries() -> None:
    once, again = (calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), **PRIOR) for _ in range(2))
    assert once == again
    assert hash(once) == hash(again)
