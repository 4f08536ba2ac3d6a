"""The joint false alarm of a configured study: computed from what is stated, never from a default; warned about once.

Catches: a scenario that nobody wrote, a retired rule that still alarms, an allowance that is read for another action.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.checking.joint import joint_false_alarm, joint_warnings
from bot.config import StudyConfig
from rules.statistics.joint import JointResult, NotComputed
from tests.bot.config.kinds import GOOD, load_files, load_text

ROOT = Path(__file__).parents[2]
SCENARIO = """\
null_scenario:
  n: 20
  accrual_per_month: 2
  dropout: 0
  correlation: 0
  events:
    rash: {rate: 0.2, onset: uniform, within_days: 28, grade: 2, related: true, serious: false, lesion_role: treated,
           terms: skin}
    hospital: {rate: 0.02, onset: uniform, within_days: 112, grade: 3, related: false, serious: true,
               lesion_role: systemic}
"""


@pytest.fixture(scope="module")
def sts_calc() -> StudyConfig:
    (study,) = load_files(ROOT / "config.yaml")
    return study


def computed(study: StudyConfig) -> JointResult:
    found = joint_false_alarm(study)
    assert isinstance(found, JointResult)
    return found


def test_without_a_scenario_nothing_is_computed_and_it_says_so(tmp_path: Path) -> None:
    study = load_text(tmp_path, GOOD)
    found = joint_false_alarm(study)
    assert isinstance(found, NotComputed)
    assert "not computed" in found.reason
    assert list(joint_warnings(study, found)) == []


def test_the_figures_are_those_of_the_scenario(tmp_path: Path) -> None:
    """Independent types and no dropout: the boundary's exact false alarm, 1 − .98²⁰, and their product."""
    study = load_text(tmp_path, GOOD + SCENARIO)
    found = computed(study)
    boundary, serious = (alarm.probability for alarm in found.rules)
    assert boundary == pytest.approx(study.rules[0].boundary.attained_alpha, abs=0.008)  # type: ignore[attr-defined]
    assert serious == pytest.approx(1 - 0.98**20, abs=0.012)
    assert found.any.probability == pytest.approx(1 - (1 - boundary) * (1 - serious), abs=0.008)
    assert [alarm.name for alarm in found.actions] == ["pause_enrolment", "hold_dosing"]


def test_a_retired_rule_is_in_no_figure(tmp_path: Path) -> None:
    retired = "    action: hold_dosing\n    retired: {on: 2026-01-01, reason: replaced}\n"
    found = computed(load_text(tmp_path, GOOD.replace("    action: hold_dosing\n", retired) + SCENARIO))
    assert [alarm.name for alarm in found.rules] == ["tolerability"]


@pytest.mark.parametrize(
    ("allowed", "warned"),
    [
        ("0.2", ["some rule alarms"]),
        ("{hold_dosing: 0.2, pause_enrolment: 0.2}", ["some rule with action hold_dosing"]),
    ],
)
def test_what_is_above_the_allowance_is_warned_about_in_words(tmp_path: Path, allowed: str, warned: list[str]) -> None:
    study = load_text(tmp_path, GOOD + SCENARIO + f"  max_joint_false_alarm: {allowed}\n")
    warnings = list(joint_warnings(study, computed(study)))
    assert len(warnings) == len(warned)
    for warning, words in zip(warnings, warned, strict=True):
        assert warning.problem.startswith(words)
        assert "more than the 20.0% that is allowed" in warning.problem
        assert warning.where == "null_scenario.max_joint_false_alarm"
        assert warning.line > 0


def test_the_shipped_study_is_within_what_it_allows_and_every_rule_is_included(sts_calc: StudyConfig) -> None:
    found = computed(sts_calc)
    assert list(joint_warnings(sts_calc, found)) == []
    assert found.any.probability > max(alarm.probability for alarm in found.rules)
    assert found.n == sts_calc.plan.planned_n


def test_the_scenario_of_the_shipped_study_keeps_its_boundary_near_its_design(sts_calc: StudyConfig) -> None:
    """Its two local reactions together are the null rate of the design; dropout and deaths move it by little."""
    (alarm,) = (a for a in computed(sts_calc).rules if a.name == "tolerability")
    assert alarm.probability == pytest.approx(0.0964, abs=0.012)


def test_checking_stays_within_its_budget_however_large_the_study(tmp_path: Path) -> None:
    """`dsmbot check` has three seconds in all; trials are cut, and the Monte-Carlo error says so."""
    study = load_text(tmp_path, GOOD + SCENARIO.replace("n: 20", "n: 3000"))
    began = time.perf_counter()
    found = computed(study)
    assert found.trials == 200
    assert time.perf_counter() - began < 6


def test_the_scenario_is_in_no_rule_version(tmp_path: Path) -> None:
    """Stating a scenario judges nothing otherwise: it must not make new versions of the rules."""
    assert load_text(tmp_path, GOOD).fingerprint() == load_text(tmp_path, GOOD + SCENARIO).fingerprint()
