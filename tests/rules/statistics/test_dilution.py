"""Harm on one arm under a pooled boundary: against enumeration of every trial, and the equal-rate recursion."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from rules.errors import DesignError
from rules.statistics import calibrate, operating_characteristics, replay
from rules.statistics.dilution import stops_with_harm_on_one_arm

SHIPPED = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)


@pytest.mark.parametrize("shares", [{"a": 1, "c": 1}, {"a": 2, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "c": 3}])
def test_every_trial_enumerated(shares: dict[str, int]) -> None:
    """Catches an order within the block that is fixed, and a last block that is cut wrongly (5 subjects)."""
    boundary = calibrate("table", null_rate=0.2, looks=[2, 3, 4, 5], stop_at=[2, 2, 3, 3])
    rates = dict(zip(shares, (0.5, 0.1, 0.3), strict=False))
    block = [arm for arm, count in shares.items() for _ in range(count)]
    orders = sorted(set(permutations(block)))
    blocks = -(-5 // len(block))
    total = 0.0
    for dealt in product(orders, repeat=blocks):
        arms = [arm for part in dealt for arm in part][:5]
        for events in product((True, False), repeat=5):
            if replay(boundary, events).crossed:
                chance = 1 / len(orders) ** blocks
                for arm, event in zip(arms, events, strict=True):
                    chance *= rates[arm] if event else 1 - rates[arm]
                total += chance
    assert stops_with_harm_on_one_arm(boundary, rates, shares) == pytest.approx(total, rel=1e-12)


def test_equal_rates_are_the_ordinary_characteristics() -> None:
    """Catches mass lost between the blocks."""
    for rate in (0.2, 0.4, 1.0):
        (row,) = operating_characteristics(SHIPPED, [rate])
        found = stops_with_harm_on_one_arm(SHIPPED, {"a": rate, "b": rate}, {"a": 2, "b": 3})
        assert found == pytest.approx(row.p_stop, rel=1e-10)


def test_the_shipped_rule_sees_little_of_harm_on_one_arm() -> None:
    """The figure that the documentation gives: 40 % on active and 5 % on control, dealt in blocks of four."""
    assert f"{stops_with_harm_on_one_arm(SHIPPED, {'a': 0.4, 'c': 0.05}, {'a': 2, 'c': 2}):.0%}" == "11%"


@pytest.mark.parametrize(
    ("rates", "shares", "parameter"),
    [
        ({"a": 0.4}, {"a": 1, "c": 1}, "rates"),
        ({"a": 0.4, "c": 1.1}, {"a": 1, "c": 1}, "rates"),
        ({"a": 0.4, "c": 0.1}, {"a": 0, "c": 1}, "shares"),
        ({}, {}, "rates"),
    ],
)
def test_bad_input_is_named(rates: dict[str, float], shares: dict[str, int], parameter: str) -> None:
    with pytest.raises(DesignError) as caught:
        stops_with_harm_on_one_arm(SHIPPED, rates, shares)
    assert caught.value.parameter == parameter
