"""Every part beside the designs refuses what it cannot use as the designs do: by name, never by a library's own error.

Catches: a number beyond every float, rows of different length, one value where several are asked, a seed that is none,
a unit of time mistaken by so much that the quadrature has no digits left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rules.errors import DesignError
from rules.statistics import (
    Course,
    calibrate,
    clopper_pearson,
    poisson_exact,
    replay,
    staggered_characteristics,
    wilson,
)
from rules.statistics.between_arms import calibrate_between, holm
from rules.statistics.exposure import calibrate_exposure, cumulative_incidence, replay_exposure, simulated_alpha

RAGGED = [[1], [1, 2]]
BINARY = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=range(1, 11))
EXPOSURE = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=10, window=28)


def staggered(**changed: Any) -> object:
    asked = {"window": 28.0, "accrual_rate": 0.1, "accrual": "poisson", "trials": 200, "seed": 1} | changed
    return staggered_characteristics(BINARY, [0.2], **asked)


def incidence(time: Any, cause: Any) -> object:
    return cumulative_incidence(time, cause)


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        (lambda: staggered(seed=-1), "seed"),
        (lambda: staggered(seed=0.5), "seed"),
        (lambda: staggered(trials=10**9), "trials"),
        (lambda: staggered(trials=99), "trials"),
        (lambda: staggered(window=1e-320), "accrual_rate"),
        (lambda: staggered(accrual_rate=1e-320, accrual="uniform"), "accrual_rate"),
        (lambda: simulated_alpha(EXPOSURE, accrual=1.0, seed="1"), "seed"),  # type: ignore[arg-type]
        (lambda: Course(events=RAGGED, closed=(True,), followed=(1,)), "events"),  # type: ignore[arg-type]
        (lambda: replay(BINARY, RAGGED), "events"),  # type: ignore[arg-type]
        (lambda: replay_exposure(EXPOSURE, 3.0, 3.0), "exposure_at_event"),  # type: ignore[arg-type]
        (lambda: incidence(RAGGED, [1, 1]), "time"),
        (lambda: incidence([1, 2], RAGGED), "cause"),
        (lambda: calibrate_between("newcombe", looks=20, alpha=0.1), "looks"),  # type: ignore[arg-type]
        (lambda: holm(0.03), "p_values"),  # type: ignore[arg-type]
        (lambda: wilson(1, 10**400), "n"),
        (lambda: clopper_pearson(1, 10**13), "n"),
        (lambda: poisson_exact(10**400, 3.0), "events"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(call: Callable[[], object], parameter: str) -> None:
    with pytest.raises(DesignError) as refused:
        call()
    assert refused.value.parameter == parameter


def test_entries_as_far_apart_as_anybody_plans_are_computed() -> None:
    """One subject a year with a window of an hour, and a thousand a day with one of ten years."""
    for window, rate in ((1 / 24, 1 / 365), (3650.0, 1000.0)):
        (row,) = staggered_characteristics(BINARY, [0.2], window=window, accrual_rate=rate)
        assert 1 <= row.expected_enrolled <= 10
        assert 0 < row.expected_time <= 9 / rate + window
