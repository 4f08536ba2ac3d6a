"""Exact figures against seeded simulation through the replay that the rules use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import false_alarm
from rules.statistics import (
    Boundary,
    calibrate,
    false_alarm_with_dropout,
    first_crossings,
    operating_characteristics,
)

TRIALS = 40_000
SHIPPED = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
GROUPS = calibrate("pocock", null_rate=0.2, alpha=0.05, looks=(5, 10, 15, 20, 30, 40))


def within_three_errors(share: float, exact: float, trials: int) -> bool:
    return abs(share - exact) <= 3 * math.sqrt(exact * (1 - exact) / trials)


@pytest.mark.parametrize("boundary", [SHIPPED, GROUPS], ids=["every subject", "groups"])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.35])
def test_characteristics(boundary: Boundary, rate: float) -> None:
    trials = np.random.default_rng(2013).random((TRIALS, boundary.max_n)) < rate
    looks = first_crossings(boundary, trials)
    exact = operating_characteristics(boundary, [rate])[0]
    assert within_three_errors(float((looks > 0).mean()), exact.p_stop, TRIALS)
    observed = np.where(looks > 0, looks, boundary.max_n)
    assert observed.mean() == pytest.approx(exact.expected_n, abs=3 * observed.std() / math.sqrt(TRIALS))
    events = trials.cumsum(axis=1)[np.arange(TRIALS), observed - 1]
    assert events.mean() == pytest.approx(exact.expected_events, abs=3 * events.std() / math.sqrt(TRIALS))


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.3])
def test_dropout(dropout: float) -> None:
    """Leavers taken out one by one from a long enough line of subjects, at the null rate."""
    draw = np.random.default_rng(7)
    events = draw.random((TRIALS, 80)) < SHIPPED.null_rate
    kept = events | (draw.random((TRIALS, 80)) >= dropout)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : SHIPPED.max_n]
    assert (kept.sum(axis=1) >= SHIPPED.max_n).all()
    crossed = first_crossings(SHIPPED, np.take_along_axis(events, order, axis=1)) > 0
    assert within_three_errors(float(crossed.mean()), false_alarm_with_dropout(SHIPPED, dropout), TRIALS)


@pytest.mark.parametrize("gap", false_alarm.GAPS)
@pytest.mark.parametrize("onset", false_alarm.ONSETS)
def test_false_alarm_is_true_whatever_accrual_and_onset(gap: float, onset: str) -> None:
    """Staggered entry, delayed outcomes, a poll a day: the stated false alarm holds in order of first dose."""
    trials = false_alarm.simulate(SHIPPED, gap_days=gap, onset=onset, trials=2_000, seed=11)
    stated = false_alarm.alarms_by_first_dose(SHIPPED, trials).mean()
    assert within_three_errors(float(stated), SHIPPED.attained_alpha, 2_000)


@pytest.mark.parametrize("gap", false_alarm.GAPS)
def test_order_of_outcome_would_not_keep_it(gap: float) -> None:
    """Were the replay ever sorted by outcome again, the test above would fail by this much."""
    trials = false_alarm.simulate(SHIPPED, gap_days=gap, onset="early", trials=2_000, seed=11)
    assert false_alarm.alarms_by_outcome(SHIPPED, trials).mean() > 0.13


def test_false_alarm_of_a_group_design() -> None:
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=(5, 10, 15, 20))
    trials = false_alarm.simulate(boundary, gap_days=7, onset="uniform", trials=2_000, seed=3)
    stated = false_alarm.alarms_by_first_dose(boundary, trials).mean()
    assert within_three_errors(float(stated), boundary.attained_alpha, 2_000)
