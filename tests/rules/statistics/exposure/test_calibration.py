"""Calibration of exposure designs: alpha kept at every edge, families nested, bad input named.

Catches: a root finder that returns a cutoff on the wrong side, a jump of the false alarm taken for a root, a table
that falls, a parameter read in the wrong unit, a numpy warning that reaches a user.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import DesignError
from rules.statistics.exposure import (
    EXPOSURE_METHODS,
    NOT_GUARANTEED,
    ExposureBoundary,
    calibrate_exposure,
    exposure_characteristics,
)
from tests.rules.statistics.exposure.slow import simulated_process

ASKED: dict[str, Any] = {"null_rate": 0.2, "alpha": 0.1, "max_n": 24, "window": 84}


@st.composite
def designs(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `calibrate_exposure`, from plausible to extreme."""
    asked: dict[str, Any] = {
        "method": draw(st.sampled_from(sorted(EXPOSURE_METHODS))),
        "null_rate": draw(st.sampled_from([0.05, 0.1, 0.2, 0.5, 1e-6]) | st.floats(0.001, 0.95)),
        "alpha": draw(st.sampled_from([0.01, 0.05, 0.1, 0.2]) | st.floats(0.001, 0.9)),
        "max_n": draw(st.integers(1, 60)),
        "window": draw(st.sampled_from([1, 28, 84.0]) | st.floats(0.01, 1000)),
        "max_exposure": draw(st.sampled_from(["maximum", "expected"])),
    }
    match asked["method"]:
        case "exposure_wang_tsiatis":
            asked["delta"] = draw(st.sampled_from([0, 0.25, 0.5, 1]) | st.floats(0, 1))
        case "exposure_gamma_poisson":
            asked["shape"] = draw(st.sampled_from([0.1, 1, 5]) | st.floats(0.01, 50))
            if draw(st.booleans()):
                asked["rate"] = draw(st.floats(0.01, 5000))
        case "exposure_sprt":
            asked["p1"] = asked["null_rate"] + (1 - asked["null_rate"]) * draw(st.floats(0.01, 0.99))
        case "exposure_max_sprt":
            asked["min_events"] = draw(st.integers(1, asked["max_n"]))
            asked["delay"] = asked["max_n"] * asked["null_rate"] * draw(st.sampled_from([0, 0.1, 0.9]))
    return asked


@given(designs())
@settings(deadline=None)
def test_alpha_is_kept_and_met(asked: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boundary = calibrate_exposure(**asked)
    spent = boundary.attained_alpha_expected if asked["max_exposure"] == "expected" else boundary.attained_alpha
    assert spent is not None
    assert spent <= asked["alpha"]
    weakest = boundary.critical_value
    continuous = not asked.get("delay")
    if continuous and weakest > 1e-3:
        assert spent == pytest.approx(asked["alpha"], rel=1e-8)
    assert boundary.attained_alpha >= spent * (1 - 1e-12)
    assert list(boundary.up_to_exposure) == sorted(boundary.up_to_exposure)
    assert boundary.up_to_exposure[-1] == boundary.total_exposure
    assert boundary.up_to_exposure[0] > 0
    assert list(boundary.events) == list(range(boundary.events[0], boundary.events[-1] + 1))


@given(designs(), st.floats(1.05, 3))
@settings(deadline=None)
def test_a_smaller_alpha_is_never_easier_to_cross(asked: dict[str, Any], factor: float) -> None:
    wide, narrow = calibrate_exposure(**asked), calibrate_exposure(**asked | {"alpha": asked["alpha"] / factor})
    for event in range(1, 80):
        up_to = narrow.up_to(event)
        if up_to is not None:
            assert up_to <= (wide.up_to(event) or 0.0) * (1 + 1e-9)


def test_the_unit_of_time_changes_nothing() -> None:
    days = calibrate_exposure("exposure_gamma_poisson", shape=2, rate=500, **ASKED)
    weeks = calibrate_exposure("exposure_gamma_poisson", shape=2, rate=500 / 7, **ASKED | {"window": 12})
    assert weeks.critical_value == pytest.approx(days.critical_value, rel=1e-12)
    assert [7 * u for u in weeks.up_to_exposure] == pytest.approx(list(days.up_to_exposure), rel=1e-11)


def test_the_wang_tsiatis_family_holds_its_two_ends() -> None:
    for delta, method in ((0.5, "exposure_pocock"), (0, "exposure_obrien_fleming")):
        one = calibrate_exposure("exposure_wang_tsiatis", delta=delta, **ASKED)
        other = calibrate_exposure(method, **ASKED)
        assert one.critical_value == pytest.approx(other.critical_value, rel=1e-11)
        assert one.up_to_exposure == pytest.approx(other.up_to_exposure, rel=1e-10)


def test_every_event_of_a_table_sits_on_its_statistic() -> None:
    """The score of event e at u_e, against c (μ / μ_max)^(Δ − 1/2), from the definition."""
    boundary = calibrate_exposure("exposure_wang_tsiatis", delta=0.25, **ASKED)
    most = boundary.null_hazard * boundary.total_exposure
    for event, up_to in list(zip(boundary.events, boundary.up_to_exposure, strict=True))[:-1]:
        mean = boundary.null_hazard * up_to
        assert (event - mean) / math.sqrt(mean) == pytest.approx(
            boundary.critical_value * (mean / most) ** (0.25 - 0.5), rel=1e-10
        )


@pytest.mark.parametrize(("min_events", "delay"), [(1, 1.0), (4, 0.0), (2, 2.5), (1, 4.7)])
def test_max_sprt_with_minimum_and_delay_keeps_alpha_in_simulated_processes(min_events: int, delay: float) -> None:
    boundary = calibrate_exposure("exposure_max_sprt", min_events=min_events, delay=delay, **ASKED)
    assert boundary.events[0] >= min_events
    assert boundary.up_to_exposure[0] >= boundary.first_exposure
    ends = simulated_process(boundary, boundary.null_hazard, 20_000, seed=3)
    share = np.mean(ends[:, 0] > 0)
    assert boundary.attained_alpha == pytest.approx(share, abs=4 * math.sqrt(0.1 * 0.9 / 20_000))


def test_a_delay_keeps_alpha_from_below_where_the_false_alarm_jumps() -> None:
    """With a look at 1 expected event, letting one event fewer stop there would exceed alpha at once."""
    boundary = calibrate_exposure("exposure_max_sprt", delay=3.0, **ASKED | {"alpha": 0.02})
    assert boundary.attained_alpha < 0.02
    softer = calibrate_exposure("exposure_max_sprt", delay=3.0, **ASKED | {"alpha": 0.025})
    assert softer.attained_alpha <= 0.025


@pytest.mark.parametrize("method", sorted(EXPOSURE_METHODS))
@pytest.mark.parametrize("null_rate", [1e-6, 0.2, 1 - 1e-6])
def test_edges(method: str, null_rate: float) -> None:
    parameters = {
        "exposure_wang_tsiatis": {"delta": 0.3},
        "exposure_gamma_poisson": {"shape": 1},
        "exposure_sprt": {"p1": null_rate + (1 - null_rate) / 2},
    }.get(method, {})
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        boundary = calibrate_exposure(method, null_rate=null_rate, alpha=0.05, max_n=1, window=28, **parameters)
        rows = exposure_characteristics(boundary, [0, 1e-6, 0.5, 1 - 1e-6])
    assert boundary.attained_alpha <= 0.05
    assert [row.p_stop for row in rows] == sorted(row.p_stop for row in rows)
    assert all(0 <= row.expected_exposure <= boundary.total_exposure for row in rows)


def test_five_thousand_subjects() -> None:
    boundary = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.05, max_n=5000, window=28)
    assert boundary.attained_alpha == pytest.approx(0.05, rel=1e-10)
    null, raised = exposure_characteristics(boundary, [0.2, 0.23])
    assert null.p_stop == pytest.approx(0.05, rel=1e-10)
    assert raised.p_stop == pytest.approx(0.876, abs=0.001)


def test_recurrent_counts_say_what_their_false_alarm_is_worth() -> None:
    assert NOT_GUARANTEED in calibrate_exposure("exposure_pocock", recurrent=True, **ASKED).words
    assert NOT_GUARANTEED not in calibrate_exposure("exposure_pocock", **ASKED).words


def test_a_table_that_needs_more_events_than_subjects_is_known_as_one_that_cannot_stop() -> None:
    strict = ASKED | {"max_n": 3, "alpha": 1e-4}
    never = calibrate_exposure("exposure_obrien_fleming", **strict)
    assert never.events[0] > 3
    assert not never.can_stop
    assert calibrate_exposure("exposure_obrien_fleming", recurrent=True, **strict).can_stop


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("exposure_pocok", {}, "method"),
    ("exposure_pocock", {"null_rate": 0}, "null_rate"),
    ("exposure_pocock", {"null_rate": "0.2"}, "null_rate"),
    ("exposure_pocock", {"alpha": 1}, "alpha"),
    ("exposure_pocock", {"alpha": None}, "alpha"),
    ("exposure_pocock", {"max_n": 0}, "max_n"),
    ("exposure_pocock", {"max_n": 10.5}, "max_n"),
    ("exposure_pocock", {"window": 0}, "window"),
    ("exposure_pocock", {"window": math.inf}, "window"),
    ("exposure_pocock", {"max_exposure": "most"}, "max_exposure"),
    ("exposure_pocock", {"recurrent": 1}, "recurrent"),
    ("exposure_pocock", {"delta": 0.5}, "delta"),
    ("exposure_wang_tsiatis", {}, "delta"),
    ("exposure_wang_tsiatis", {"delta": -0.1}, "delta"),
    ("exposure_gamma_poisson", {}, "shape"),
    ("exposure_gamma_poisson", {"shape": 0}, "shape"),
    ("exposure_gamma_poisson", {"shape": 1, "rate": -1}, "rate"),
    ("exposure_sprt", {"p1": 0.2}, "p1"),
    ("exposure_sprt", {"p1": 1}, "p1"),
    ("exposure_max_sprt", {"min_events": 0}, "min_events"),
    ("exposure_max_sprt", {"min_events": 25}, "min_events"),
    ("exposure_max_sprt", {"delay": -1}, "delay"),
    ("exposure_max_sprt", {"delay": 5, "max_exposure": "expected"}, "delay"),
    ("exposure_max_sprt", {"delay": 5.5}, "delay"),
]


@pytest.mark.parametrize(("method", "given", "parameter"), BAD)
def test_bad_input_is_named(method: str, given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        calibrate_exposure(method, **ASKED | given)
    assert error.value.parameter == parameter
    assert error.value.allowed


@pytest.mark.parametrize("rates", ["0.2", 0.2, [1], [-0.1], [float("nan")]])
def test_bad_rates_are_named(rates: Any) -> None:
    boundary: ExposureBoundary = calibrate_exposure("exposure_pocock", **ASKED)
    with pytest.raises(DesignError) as error:
        exposure_characteristics(boundary, rates)
    assert error.value.parameter == "rates"
