"""Tables and characteristics against programs written by others: catches a wrong family, tail or convention."""

from __future__ import annotations

import math

import pytest
from scipy.stats import beta

from rules.statistics import calibrate, operating_characteristics
from tests.rules.statistics import golden
from tests.rules.statistics.golden import Golden

DESIGNS = golden.BINARY
SHIPPED = {"null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4}


def reachable(looks: tuple[int, ...], stop_at: tuple[int, ...]) -> tuple[int | None, ...]:
    return tuple(stop if stop <= look else None for look, stop in zip(looks, stop_at, strict=True))


@pytest.mark.parametrize("expected", DESIGNS, ids=lambda design: design.origin)
def test_table_equals_the_reference_to_the_last_count(expected: Golden) -> None:
    boundary = calibrate(
        expected.method, null_rate=expected.null_rate, alpha=expected.alpha, looks=expected.looks, **expected.parameters
    )
    assert boundary.stop_at == reachable(expected.looks, expected.stop_at)
    assert boundary.looks == expected.looks
    assert boundary.attained_alpha <= expected.alpha


@pytest.mark.parametrize("expected", DESIGNS, ids=lambda design: design.origin)
def test_characteristics_equal_the_reference(expected: Golden) -> None:
    boundary = calibrate(
        expected.method, null_rate=expected.null_rate, alpha=expected.alpha, looks=expected.looks, **expected.parameters
    )
    rows = operating_characteristics(boundary, [rate for rate, _, _ in expected.oc])
    for (rate, p_stop, expected_events), row in zip(expected.oc, rows, strict=True):
        assert row.rate == rate
        assert row.p_stop == pytest.approx(p_stop, rel=1e-6)
        assert row.expected_events == pytest.approx(expected_events, rel=1e-6)


def test_group_boundary_of_another_program() -> None:
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=golden.TOXBDRY_LOOKS)
    assert boundary.stop_at == tuple(count + 1 for count in golden.TOXBDRY_HI)


@pytest.mark.parametrize(("events", "critical_value"), golden.MAX_SPRT_BINOMIAL)
def test_binomial_max_sprt_of_another_program(events: int, critical_value: float) -> None:
    """At z = 1 the statistic is s ln(2s/n) + (n − s) ln(2(n − s)/n) while s > n/2."""
    boundary = calibrate("max_sprt", null_rate=0.5, alpha=0.05, looks=range(1, events + 1))
    for n, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        reaching = [
            s for s in range(n // 2 + 1, n + 1)
            if sum(k * math.log(2 * k / n) for k in (s, n - s) if k) >= critical_value
        ]  # fmt: skip
        assert stop == min(reaching, default=None)


def test_an_obrien_fleming_tie_that_floats_would_break() -> None:
    """5 of 10, 6 of 20, 7 of 30 and 8 of 40 exceed 10 % by four events each; all of them would attain .0508."""
    boundary = calibrate("obrien_fleming", null_rate=0.1, alpha=0.05, looks=range(1, 41))
    assert boundary.attained_alpha == pytest.approx(0.0439, abs=5e-5)
    assert [boundary.stop_at_n(n) for n in (10, 20, 30, 40)] == [6, 7, 8, 9]
    tied = [s - 1 if n in (10, 20, 30, 40) else s for n, s in zip(boundary.looks, boundary.stop_at, strict=True) if s]
    first = boundary.stop_at.index(next(s for s in boundary.stop_at if s)) + 1
    all_of_them = calibrate("table", null_rate=0.1, looks=range(first, 41), stop_at=tied)
    assert all_of_them.attained_alpha == pytest.approx(0.0508, abs=5e-5)


def test_an_sprt_that_a_narrow_search_misses() -> None:
    """.05 against .075 with 24 subjects: a search that begins at ½χ²(1 − α) attains .00097, the family has .0492."""
    boundary = calibrate("sprt", null_rate=0.05, alpha=0.05, looks=range(1, 25), p1=0.075)
    assert boundary.attained_alpha == pytest.approx(0.0492, abs=5e-5)


def test_a_max_sprt_whose_root_search_fails_elsewhere() -> None:
    boundary = calibrate("max_sprt", null_rate=0.2, alpha=0.05, looks=range(1, 61))
    assert 0.04 < boundary.attained_alpha <= 0.05


def test_published_example() -> None:
    boundary = calibrate("beta_binomial", looks=range(1, 31), **SHIPPED)
    assert boundary.stop_at[:2] == (None, None)
    assert {n: boundary.stop_at_n(n) for n in golden.PUBLISHED_30} == golden.PUBLISHED_30
    rates = [rate for rate, *_ in golden.PUBLISHED_30_OC]
    for row, expected in zip(operating_characteristics(boundary, rates), golden.PUBLISHED_30_OC, strict=True):
        _, p_stop, expected_events, expected_n = expected
        assert row.p_stop == pytest.approx(p_stop, abs=5e-9)
        assert row.expected_events == pytest.approx(expected_events, abs=5e-7)
        assert row.expected_n == pytest.approx(expected_n, abs=5e-7)


def test_four_of_seven_does_not_stop_in_the_published_example() -> None:
    """The published cutoff .963082305 lies below the posterior .963082692 of 4 of 7, and yet 4 of 7 must not stop."""
    boundary = calibrate("beta_binomial", looks=range(1, 31), **SHIPPED)
    assert boundary.critical_value is not None
    assert boundary.critical_value > 0.963082692
    with_four = [4 if look == 7 else stop for look, stop in zip(boundary.looks, boundary.stop_at, strict=True)]
    assert calibrate("table", null_rate=0.2, looks=range(1, 31), stop_at=with_four).attained_alpha == pytest.approx(
        0.10445, abs=5e-6
    )


def test_shipped_rule() -> None:
    """Beta(0.6, 2.4), 20 subjects: the rule of config.yaml, whose table and figures people read in Slack."""
    boundary = calibrate("beta_binomial", looks=range(1, 21), **SHIPPED)
    assert boundary.stop_at == (None, None, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8)
    assert boundary.attained_alpha == pytest.approx(0.0964, abs=5e-5)
    at_30, at_40 = operating_characteristics(boundary, [0.3, 0.4])
    assert (at_30.p_stop, at_40.p_stop) == (pytest.approx(0.3657, abs=5e-5), pytest.approx(0.7032, abs=5e-5))


def test_false_alarm_of_a_fixed_posterior_cutoff() -> None:
    """A posterior cutoff of .95 is no 5 % rule: Beta(.3, .7), p0 = .3, 40 subjects stops 24 % of safe trials."""
    table = tuple(
        next((s for s in range(n + 1) if beta.sf(0.3, 0.3 + s, 0.7 + n - s) >= 0.95), None) for n in range(1, 41)
    )
    boundary = calibrate("posterior_cutoff", null_rate=0.3, looks=range(1, 41), prior_a=0.3, prior_b=0.7, cutoff=0.95)
    assert boundary.stop_at == table
    assert (boundary.alpha, boundary.critical_value) == (None, 0.95)
    assert boundary.attained_alpha == pytest.approx(0.24, abs=0.005)


def test_power_at_pilot_size() -> None:
    """N = 20, null rate .10, alpha .05 has about a third power at .20, as people are told beside the rule."""
    boundary = calibrate("pocock", null_rate=0.1, alpha=0.05, looks=range(1, 21))
    assert operating_characteristics(boundary, [0.2])[0].p_stop == pytest.approx(0.33, abs=0.02)
