"""Exposure designs against the figures of other programs.

Catches: another statistic, another scale of the cutoff, a hazard not −ln(1 − p) / window, a calibration over the
wrong exposure, an event number off by one.
"""

from __future__ import annotations

import numpy as np
import pytest

from rules.statistics.exposure import ExposureBoundary, calibrate_exposure, exposure_characteristics
from rules.statistics.exposure.designs import EXPOSURE_METHODS, Setting
from tests.rules.statistics.exposure.golden import GOLDEN, MAX_SPRT_POISSON, OBRIEN_FLEMING_EXPECTED, Golden

EACH = pytest.mark.parametrize("golden", GOLDEN, ids=[g.origin for g in GOLDEN])


def ours(golden: Golden) -> ExposureBoundary:
    return calibrate_exposure(
        golden.method,
        null_rate=golden.null_rate,
        alpha=golden.alpha,
        max_n=golden.max_n,
        window=golden.window,
        max_exposure="expected",
        **golden.parameters,
    )


def theirs(golden: Golden) -> ExposureBoundary:
    last = golden.first_event + len(golden.up_to_exposure)
    return ExposureBoundary(
        method=golden.method,
        null_rate=golden.null_rate,
        alpha=golden.alpha,
        max_n=golden.max_n,
        window=golden.window,
        max_exposure="expected",
        events=tuple(range(golden.first_event, last)),
        up_to_exposure=golden.up_to_exposure,
        critical_value=golden.critical_value,
        attained_alpha=golden.alpha,
    )


@EACH
def test_the_statistic_at_the_reference_cutoff_gives_the_reference_table(golden: Golden) -> None:
    setting = Setting(golden.null_rate, golden.max_n, golden.window)
    design = EXPOSURE_METHODS[golden.method](**golden.parameters)
    c = golden.critical_value
    strictness = -np.log1p(-c) if golden.method == "exposure_gamma_poisson" else c
    events = np.arange(1, golden.first_event + len(golden.up_to_exposure), dtype=np.float64)
    exposure = design.stop_by(events, float(strictness), setting) / setting.hazard
    assert (exposure[: golden.first_event - 1] <= 0).all()
    found = np.minimum(exposure[golden.first_event - 1 :], golden.max_n * golden.window)
    assert found == pytest.approx(golden.up_to_exposure, rel=2e-8)


@EACH
def test_characteristics_of_the_reference_table(golden: Golden) -> None:
    for row, (rate, p_stop, events) in zip(
        exposure_characteristics(theirs(golden), [rate for rate, _, _ in golden.oc]), golden.oc, strict=True
    ):
        assert row.rate == rate
        assert row.p_stop == pytest.approx(p_stop, rel=1e-11)
        assert row.expected_events == pytest.approx(events, rel=1e-11)


@EACH
def test_calibration_meets_the_reference_as_far_as_it_is_solved(golden: Golden) -> None:
    boundary = ours(golden)
    assert boundary.attained_alpha_expected == pytest.approx(golden.alpha, rel=1e-12)
    assert boundary.critical_value == pytest.approx(golden.critical_value, abs=1e-5 if golden.slack < 1e-4 else 3e-5)
    assert boundary.events == theirs(golden).events
    assert boundary.up_to_exposure == pytest.approx(golden.up_to_exposure, rel=golden.slack)
    rows = exposure_characteristics(boundary, [rate for rate, _, _ in golden.oc])
    for row, (_, p_stop, events) in zip(rows, golden.oc, strict=True):
        assert row.p_stop == pytest.approx(p_stop, rel=golden.slack)
        assert row.expected_events == pytest.approx(events, rel=golden.slack)


@pytest.mark.parametrize(("upper", "min_events", "critical_value"), MAX_SPRT_POISSON)
def test_max_sprt_critical_values(upper: float, min_events: int, critical_value: float) -> None:
    subjects = 100
    boundary = calibrate_exposure(
        "exposure_max_sprt",
        null_rate=-np.expm1(-upper / subjects),
        alpha=0.05,
        max_n=subjects,
        window=1,
        min_events=min_events,
    )
    assert boundary.critical_value == pytest.approx(critical_value, abs=5e-7)
    assert boundary.events[0] == min_events


@pytest.mark.parametrize(("n", "attained"), OBRIEN_FLEMING_EXPECTED)
def test_expected_exposure_attains_more_than_alpha_over_the_whole(n: int, attained: float) -> None:
    asked = {"null_rate": 0.2, "alpha": 0.1, "max_n": n, "window": 60}
    expected = calibrate_exposure("exposure_obrien_fleming", max_exposure="expected", **asked)
    assert expected.attained_alpha == pytest.approx(attained, abs=5e-5)
    assert expected.attained_alpha_expected == pytest.approx(0.1, rel=1e-12)
    maximum = calibrate_exposure("exposure_obrien_fleming", **asked)
    assert maximum.attained_alpha == pytest.approx(0.1, rel=1e-12)
    assert maximum.attained_alpha_expected is None
