"""Whole simulated trials against trials played subject by subject, and against published warnings.

Catches: exposure that goes on after an event, entries not in calendar order, an onset drawn from the wrong curve.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rules.errors import DesignError
from rules.statistics.exposure import CONSTANT, FRONT_LOADED, HazardShape, calibrate_exposure, simulated_alpha
from rules.statistics.exposure.simulation import _crosses, _follow_up
from rules.statistics.onset import Onset
from tests.rules.statistics.exposure.slow import trial_crosses

POCOCK = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=24, window=84)
DELAYED = calibrate_exposure("exposure_max_sprt", null_rate=0.2, alpha=0.1, max_n=24, window=84, delay=3)


@pytest.mark.parametrize("boundary", [POCOCK, DELAYED])
@pytest.mark.parametrize("accrual", [0.0, 50.0, 730.0])
def test_the_fast_way_is_the_slow_way_trial_by_trial(boundary: Any, accrual: float) -> None:
    rng = np.random.default_rng(11)
    entry = accrual * rng.random((150, 24))
    followed, event = _follow_up(rng, (150, 24), 0.3, 84, HazardShape(0.6))
    fast = _crosses(boundary, entry, followed, event)
    slow = [trial_crosses(boundary, *trial) for trial in zip(entry, followed, event, strict=True)]
    assert fast.tolist() == slow
    assert 0 < sum(slow) < 150


@pytest.mark.parametrize(
    ("onset", "accrual", "published"),
    [("constant", 730, 0.10), ("constant", 0, 0.10), ("front_loaded", 730, 0.19), ("front_loaded", 0, 0.55)],
)
def test_early_onset_breaks_the_false_alarm(onset: str, accrual: float, published: float) -> None:
    """Pocock, n = 24: .19 over two years' accrual, .55 if all start together, when the hazard is front-loaded."""
    found = simulated_alpha(POCOCK, accrual=accrual, onset=onset, seed=1, trials=20_000)
    assert found.alpha == pytest.approx(published, abs=0.005 + 4 * found.error)
    assert found.error == pytest.approx(math.sqrt(found.alpha * (1 - found.alpha) / 20_000))
    assert found.exceeds(1.25 * 0.1) == (onset == "front_loaded")


def test_events_come_as_often_and_as_early_as_the_shape_says() -> None:
    rng = np.random.default_rng(5)
    for onset, quarter in ((CONSTANT, (1 - 0.8**0.25) / 0.2), (FRONT_LOADED, (1 - 0.8**0.5) / 0.2), (Onset(0.5), 0.5)):
        time, event = _follow_up(rng, (20_000, 5), 0.2, 84, onset)
        assert event.mean() == pytest.approx(0.2, abs=4 * 0.4 / math.sqrt(100_000))
        assert np.mean(time[event] <= 21) == pytest.approx(quarter, abs=4 * 0.5 / math.sqrt(20_000))
        assert (time[~event] == 84).all()


def test_one_seed_gives_one_figure_and_another_rate_gives_power() -> None:
    first = simulated_alpha(POCOCK, accrual=100, seed=3, trials=2000)
    assert first == simulated_alpha(POCOCK, accrual=100, seed=3, trials=2000)
    assert simulated_alpha(POCOCK, accrual=100, seed=3, trials=2000, rate=0.45).alpha > 0.5
    assert (first.n, first.rate, first.onset) == (24, 0.2, "constant hazard")
    assert simulated_alpha(POCOCK, accrual=1, seed=3, trials=1).error > 0


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"accrual": -1}, "accrual"),
        ({"accrual": 1, "n": 0}, "n"),
        ({"accrual": 1, "trials": 0}, "trials"),
        ({"accrual": 1, "rate": 1}, "rate"),
        ({"accrual": 1, "onset": "early"}, "onset"),
        ({"accrual": 1, "onset": 0.5}, "onset"),
        ({"accrual": 1, "seed": 1.5}, "seed"),
        ({"accrual": 1, "seed": -1}, "seed"),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        simulated_alpha(POCOCK, **given)
    assert error.value.parameter == parameter


def test_a_power_must_be_positive() -> None:
    with pytest.raises(DesignError):
        HazardShape(0)
