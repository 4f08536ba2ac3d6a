"""False alarms of several rules together: against closed forms, a bivariate normal, and themselves on other cores.

Catches: correlation that moves a rate, arms that are dealt unevenly, a dropout that also takes events away, results
that hang on the number of workers, a rule that is silently in no figure.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from rules.errors import DesignError
from rules.statistics import false_alarm_with_dropout
from rules.statistics.joint import JointResult, joint
from rules.statistics.scenario import EventType, OnsetDays, Scenario
from rules.statistics.trials import NEVER, draw
from tests.rules.tables import rule

UNIFORM = OnsetDays("uniform", 28)
LOCAL = EventType("local", (0.2,), UNIFORM, 2, True, False, lesion_role="treated", terms=("skin",))
SERIOUS = EventType("serious", (0.05,), UNIFORM, 3, True, True, lesion_role="systemic")
PLAIN = Scenario(20, (LOCAL, SERIOUS), 0.0, 2.0, 0.0, 112)
DESIGN = {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4, "max_n": 20}
SKIN = {"events": {"terms": "skin", "grade": ">=2"}, "window": {"after_days": 28}}


def named(name: str, kind: str, action: str = "notify", **keys: Any) -> Any:
    return rule(kind, **({"id": name, "action": action} | keys))


BOUNDARY = named("boundary", "boundary", "pause_enrolment", **SKIN, design=DESIGN)
EVENT = named("event", "event", "hold_dosing", events={"serious": True})
COUNT = named("count", "count", "hold_dosing", events={"serious": True}, at_least=2)


def share(result: JointResult, name: str) -> float:
    (found,) = (a.probability for a in (*result.rules, *result.actions, result.any) if a.name == name)
    return found


def near(found: float, exact: float, trials: int) -> bool:
    return abs(found - exact) <= 4 * math.sqrt(exact * (1 - exact) / trials)


def test_independent_rules_have_their_own_exact_false_alarms_and_the_joint_one_is_their_product() -> None:
    size = 40_000
    result = joint([BOUNDARY, EVENT, COUNT], PLAIN, trials=size, seed=3)
    at_least_one, at_least_two = 1 - 0.95**20, 1 - 0.95**20 - 20 * 0.05 * 0.95**19
    alpha = BOUNDARY.boundary.attained_alpha
    assert near(share(result, "boundary"), alpha, size)
    assert near(share(result, "event"), at_least_one, size)
    assert near(share(result, "count"), at_least_two, size)
    assert share(result, "hold_dosing") == share(result, "event")
    assert near(share(result, "any"), 1 - (1 - alpha) * (1 - at_least_one), size)
    assert result.any.error == pytest.approx(math.sqrt(result.any.probability * (1 - result.any.probability) / size))


def test_dropout_gives_the_known_false_alarm_where_every_look_is_reached() -> None:
    """With many more subjects than looks those who leave are replaced, as the closed form assumes; one entry at once.

    Its other assumption, that nobody leaves before an event that would have come, holds where onset is immediate.
    """
    at_once = replace(LOCAL, onset=OnsetDays("uniform", 0))
    scenario = Scenario(60, (at_once,), 0.0, 2.0, 0.2, followup_days=27)
    result = joint([BOUNDARY], scenario, trials=20_000, seed=4)
    assert near(share(result, "boundary"), false_alarm_with_dropout(BOUNDARY.boundary, 0.2), 20_000)


@settings(max_examples=10, deadline=None)
@given(correlation=st.sampled_from([0.0, 0.3, 0.9]), rates=st.tuples(*[st.sampled_from([0.02, 0.2, 0.6])] * 2))
def test_rates_stay_as_stated_and_types_come_together_as_the_copula_says(
    correlation: float, rates: tuple[float, float]
) -> None:
    types = tuple(replace(one, rates=(rate,)) for one, rate in zip((LOCAL, SERIOUS), rates, strict=True))
    size, n = 2_000, 20
    onset = draw(replace(PLAIN, events=types, correlation=correlation), size, np.random.default_rng(8)).onset
    came = onset < NEVER
    for at, rate in enumerate(rates):
        assert near(came[..., at].mean(), rate, size * n)
    both = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf(norm.ppf(rates))
    assert near(came.all(axis=-1).mean(), float(both), size * n)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_workers_changes_nothing(workers: int) -> None:
    """More trials than one batch holds, with a broken last one."""
    asked = {"trials": 7_013, "seed": 11}
    rules = [BOUNDARY, EVENT, COUNT]
    scenario = replace(PLAIN, correlation=0.2, dropout=0.3)
    assert joint(rules, scenario, **asked, workers=workers) == joint(rules, scenario, **asked, workers=1)
    assert joint(rules, scenario, trials=7_013, seed=12).any != joint(rules, scenario, **asked).any


def test_arms_are_dealt_in_blocks_and_have_their_own_rates() -> None:
    local, serious = replace(LOCAL, rates=(0.4, 0.0)), replace(SERIOUS, rates=(0.0, 0.3))
    trials = draw(
        Scenario(18, (local, serious), 0.5, 2.0, 0.0, 112, arms={"A": 2, "B": 1}), 800, np.random.default_rng(1)
    )
    assert ((trials.arm == 0).sum(axis=1) == 12).all()
    assert ((trials.arm[:, :3] == 1).sum(axis=1) == 1).all()
    came = trials.onset < NEVER
    assert not came[trials.arm == 1][:, 0].any()
    assert near(came[trials.arm == 0][:, 0].mean(), 0.4, 800 * 12)


@pytest.mark.parametrize(
    ("onset", "median"), [(UNIFORM, 14), (OnsetDays("front_loaded", 99), 25), (OnsetDays("exponential", 500, 6.0), 6)]
)
def test_onsets_have_their_median_and_stay_in_their_window(onset: OnsetDays, median: int) -> None:
    days = onset.days(np.random.default_rng(2).random(20_001))
    assert days.min() == 0
    assert days.max() <= onset.within_days
    assert abs(np.median(days) - median) <= 1


def test_nothing_is_recorded_after_a_subject_left_or_died() -> None:
    death = EventType("death", (0.5,), UNIFORM, 5, False, True, True)
    trials = draw(replace(PLAIN, events=(LOCAL, death), dropout=0.5), 500, np.random.default_rng(2))
    came = trials.onset < NEVER
    after = trials.entry[..., np.newaxis] + trials.onset > trials.left[..., np.newaxis]
    assert not (came & after).any()
    assert (trials.left[came[..., 1]] == trials.known[came[..., 1], 1]).all()


def test_rules_that_cannot_be_simulated_are_listed_with_the_reason() -> None:
    """Would catch a joint false alarm that looks complete and is not."""

    class Foreign:
        id, kind, action = "foreign", "plug-in", "notify"

    organs = named("soc", "event", events={"soc": "Vascular disorders"})
    field = named("where", "event", events={"where": {"AEOUT": "FATAL"}})
    labs = named("labs", "count", population="assessed", at_least=1)
    sites = named("sites", "count", per="site", at_least=1)
    result = joint([EVENT, Foreign(), organs, field, labs, sites], PLAIN, trials=100, seed=1)
    assert [a.name for a in result.rules] == ["event"]
    assert list(result.not_included) == ["foreign", "soc", "where", "labs", "sites"]
    assert "does not say soc" in result.not_included["soc"]
    assert "does not say AEOUT" in result.not_included["where"]


def test_without_a_rule_nothing_alarms() -> None:
    result = joint([], PLAIN, trials=10, seed=1)
    assert (result.rules, result.actions, result.any.probability) == ((), (), 0.0)


def test_what_is_above_its_allowance_is_told_and_nothing_else() -> None:
    result = joint([BOUNDARY, EVENT], PLAIN, trials=2_000, seed=1)
    above = result.above({"hold_dosing": 0.5, "pause_enrolment": 0.5, "halt_study": 0.0, "any": 0.6})
    assert [alarm.name for alarm, _ in above] == ["hold_dosing", "any"]


@pytest.mark.parametrize(
    ("parameter", "make"),
    [
        ("trials", lambda: joint([EVENT], PLAIN, trials=0, seed=1)),
        ("seed", lambda: joint([EVENT], PLAIN, trials=1, seed=-1)),
        ("workers", lambda: joint([EVENT], PLAIN, trials=1, seed=1, workers=0)),
        ("n", lambda: replace(PLAIN, n=0)),
        ("correlation", lambda: replace(PLAIN, correlation=1.0)),
        ("dropout", lambda: replace(PLAIN, dropout=-0.1)),
        ("accrual_per_month", lambda: replace(PLAIN, accrual_per_month=0)),
        ("within_days", lambda: replace(PLAIN, followup_days=27)),
        ("events", lambda: replace(PLAIN, events=())),
        ("arms", lambda: replace(PLAIN, arms={"A": 0})),
        ("rate", lambda: replace(PLAIN, arms={"A": 1, "B": 1})),
        ("rate", lambda: replace(LOCAL, rates=(1.0,))),
        ("rate", lambda: replace(LOCAL, rates=(float("nan"),))),
        ("grade", lambda: replace(LOCAL, grade=6)),
        ("death", lambda: replace(LOCAL, death=True)),
        ("distinct_terms", lambda: replace(LOCAL, distinct_terms=0)),
        ("median_days", lambda: OnsetDays("exponential", 28)),
        ("median_days", lambda: OnsetDays("uniform", 28, 3.0)),
        ("median_days", lambda: OnsetDays("exponential", 28, 0.0)),
        ("within_days", lambda: OnsetDays("uniform", -1)),
        ("onset", lambda: OnsetDays("late", 28)),  # type: ignore[arg-type]
    ],
)
def test_a_scenario_that_cannot_be_is_refused_by_name(parameter: str, make: Any) -> None:
    with pytest.raises(DesignError) as refused:
        make()
    assert refused.value.parameter == parameter


def test_no_warning_reaches_a_user_at_the_edges() -> None:
    rare = replace(LOCAL, rates=(1e-6,), onset=OnsetDays("exponential", 28, 1e-6))
    sure = replace(SERIOUS, rates=(1 - 1e-6,), onset=OnsetDays("exponential", 28, 1e6))
    never = replace(SERIOUS, rates=(0.0,))
    table = {"method": "table", "null_rate": 0.5, "looks": [1_500], "stop_at": [1]}
    wide = named("wide", "boundary", window={"after_days": 28}, design=table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 5_000):  # replayed up to the last look
            scenario = Scenario(n, (rare, sure, never), 0.999999, 1e-3, 0.999, 112)
            joint([EVENT, COUNT, BOUNDARY, wide], scenario, trials=1, seed=0)


def test_one_arm_alone_keeps_its_subjects_in_order_and_nobody_else() -> None:
    events = tuple(replace(one, rates=one.rates * 2) for one in PLAIN.events)
    trials = draw(replace(PLAIN, arms={"A": 3, "B": 2}, events=events), 50, np.random.default_rng(4))
    for arm, size in ((0, 12), (1, 8)):
        alone = trials.of_arm(arm)
        mine = trials.arm == arm
        assert (alone.entry[:, :size].ravel() == trials.entry[mine]).all()
        assert (alone.entry[:, size:] == NEVER).all()
        assert (alone.known[:, :size].reshape(-1, 2) == trials.known[mine]).all()
        assert (alone.known[:, size:] == NEVER).all()
