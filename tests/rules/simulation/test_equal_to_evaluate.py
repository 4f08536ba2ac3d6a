"""Each kind's `simulate` says what `evaluate` says of the same trials written as records, on the right day.

Catches: a filter read otherwise, a window off by a day, a subject who left kept in (or out of) the sequence, an
alarm that only exists between two days, terms or subjects counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rules.evaluate import evaluate
from rules.model import Rule, State
from rules.statistics.scenario import Scenario
from rules.statistics.trials import NEVER, Trials, draw
from tests.rules.simulation.records import CODES, PLAN, TYPES, changes, snapshot
from tests.rules.tables import REGISTRY

SKIN = {"terms": "skin", "grade": ">=2", "related": True, "lesion_role": "treated", "treatment_emergent": True}
EARLY = {"method": "table", "null_rate": 0.3, "looks": [3, 6, 7], "stop_at": [2, 4, 4]}
EVERY = {"method": "pocock", "null_rate": 0.3, "alpha": 0.15, "max_n": 8}
TIME = {"method": "exposure_pocock", "null_rate": 0.3, "alpha": 0.15, "max_n": 9}
SIGNS = [
    {"name": "skin", "level": "mild", "category": "skin", "events": {"terms": "skin"}},
    {"name": "control", "level": "mild", "category": "skin", "events": {"lesion_role": "control"}},
    {"name": "serious", "level": "grave", "events": {"serious": True, "related": True}},
    {"name": "death", "level": "mild", "events": {"death": True}},
]
WAYS = [{"level": "grave"}, {"level": "mild", "at_least": 2, "different_categories": True}]
RULES: tuple[dict[str, Any], ...] = (
    {"kind": "event", "events": {"serious": True, "related": True}, "except": {"terms": ["trauma"]}},
    {"kind": "event", "events": {"death": True}},
    {"kind": "event", "events": {"grade": "=2", "lesion_role": "control"}, "window": {"after_days": 9}},
    {"kind": "count", "events": {"related": True, "grade": ">=2"}, "at_least": 3, "per": "term"},
    {"kind": "count", "events": {"serious": True}, "at_least": 2, "first": 5, "population": "all"},
    {"kind": "count", "events": {"terms": "skin"}, "at_least": 4, "count": "events", "window": {"after_days": 12}},
    {"kind": "count", "events": {"related": True}, "at_least": 3, "count": "events", "per": "subject"},
    {"kind": "count", "events": {"related": False}, "at_least": 2},
    {"kind": "boundary", "events": SKIN, "window": {"after_days": 20}, "design": EVERY, "beyond_max_n": "refuse"},
    {
        "kind": "boundary",
        "events": SKIN,
        "window": {"after_days": 20},
        "design": EVERY,
        "beyond_max_n": "continue_last",
    },
    {"kind": "boundary", "events": SKIN, "window": {"after_days": 40}, "design": EARLY},
    {
        "kind": "boundary",
        "events": SKIN,
        "window": {"after_days": 20},
        "design": EVERY,
        "per": "arm",
        "audience": "closed",
    },
    {"kind": "exposure", "events": SKIN, "window": {"after_days": 20}, "design": TIME},
    {
        "kind": "exposure",
        "events": {"related": True},
        "window": {"after_days": 30},
        "design": TIME | {"null_rate": 0.5},
        "per": "arm",
        "audience": "closed",
    },
    {"kind": "composite", "signs": SIGNS, "any_of": WAYS, "at_least": 2, "except": {"terms": "trauma"}},
    {"kind": "composite", "signs": SIGNS, "any_of": [{"with_all": ["skin"], "at_least": 1}], "per": "subject"},
    {"kind": "composite", "signs": SIGNS, "first": 6, "after_first": 2, "at_least": 3, "window": {"after_days": 15}},
    {"kind": "count", "events": {"related": True}, "at_least_share": 0.5, "first": 6, "after_first": 2},
)
BUILT: list[Any] = [REGISTRY.build({"id": f"r{i}", "action": "notify"} | r, CODES, PLAN) for i, r in enumerate(RULES)]
SCENARIO = Scenario(
    n=9, events=TYPES, correlation=0.3, accrual_per_month=8, dropout=0.4, followup_days=40, arms={"A": 2, "B": 1}
)
TRIALS = 200


@pytest.fixture(scope="module")
def trials() -> Trials:
    return draw(SCENARIO, TRIALS, np.random.default_rng(5))


def met(trials: Trials, trial: int, at: int, rules: Sequence[Rule] = BUILT) -> set[str]:
    """Rules that `evaluate` finds met at the end of a day."""
    alarming = {State.CROSSED, State.PROVISIONAL}
    return {f.rule for f in evaluate(rules, snapshot(trials, trial, at)) if f.state in alarming}


def test_every_kind_equals_evaluate_at_the_edges_of_alarms(trials: Trials) -> None:
    """All rules on one day of each trial: the first alarm of the rule whose turn it is, or the last day.

    The day before, that rule alone, which must not be met yet.
    """
    days = {rule.id: rule.simulate(trials).tolist() for rule in BUILT}
    for trial in range(TRIALS):
        turn = BUILT[trial % len(BUILT)]
        edge = days[turn.id][trial]
        at = edge if edge < NEVER else changes(trials, trial)[-1]
        found = met(trials, trial, at)
        assert {name for name, day in days.items() if day[trial] == at} <= found, (trial, at)
        assert not [name for name in found if days[name][trial] > at], (trial, at)
        assert edge in (0, NEVER) or not met(trials, trial, edge - 1, [turn]), (trial, at)


def test_nothing_is_met_between_the_days_that_are_told(trials: Trials) -> None:
    """Every change of some trials: catches an alarm that comes and goes, which a replay must not overlook."""
    days = {rule.id: rule.simulate(trials).tolist() for rule in BUILT}
    for trial in range(2):
        seen: set[str] = set()
        for at in changes(trials, trial):
            seen |= met(trials, trial, at)
            assert seen == {name for name, day in days.items() if day[trial] <= at}, (trial, at)


def test_the_trials_try_every_rule(trials: Trials) -> None:
    """A rule that always or never alarms would be held equal by chance."""
    shares = [float((rule.simulate(trials) < NEVER).mean()) for rule in BUILT]
    assert all(0.02 < share < 0.98 for share in shares), shares
