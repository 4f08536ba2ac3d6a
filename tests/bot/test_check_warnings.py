"""What `dsmbot check` warns of in words: little power, harm on one arm, all rules together; and who never stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.checking.rules import Report, check
from bot.config import ConfigError
from bot.wording.check import DILUTED, rule_lines
from rules.statistics import calibrate
from rules.statistics.dilution import stops_with_harm_on_one_arm
from tests.bot.config.kinds import GOOD, changed, load_text
from tests.bot.test_joint import SCENARIO

POCOCK = "design: {method: pocock, null_rate: 0.20, alpha: 0.10, max_n: 20}"
ARMS = SCENARIO.replace("n: 20", "n: 20\n  arms: {active: 2, control: 1}")


def checked(folder: Path, design: str = POCOCK, more: str = "") -> Report:
    return check([load_text(folder, changed(POCOCK, design) + more)])


def warned(report: Report, words: str) -> list[str]:
    found = [w for w in report.warnings if words in w.problem]
    assert all(w.where == "rules.tolerability.design" and w.line > 0 and w.fix for w in found)
    return [w.problem for w in found]


def test_under_half_power_at_twice_the_null_rate(tmp_path: Path) -> None:
    """Catches a rule of nine subjects whose silence is read as safety."""
    small = checked(tmp_path, "design: {method: pocock, null_rate: 0.10, alpha: 0.05, max_n: 20}")
    (row,) = [c for c in small.rules[0].oc if c.rate == 0.2]
    assert row.p_stop < 0.5
    assert f"stops only {row.p_stop:.1%}" in warned(small, "under 50 % power at twice the null rate")[0]
    assert warned(checked(tmp_path), "under 50 % power") == []


def test_a_table_that_never_reaches_its_alpha_counts_by_its_own_power(tmp_path: Path) -> None:
    """Catches a warning that asks the method instead of the figures."""
    timid = checked(tmp_path, "design: {method: table, null_rate: 0.20, looks: [20], stop_at: [15]}")
    assert len(warned(timid, "under 50 % power")) == 1


def test_harm_on_one_arm_under_a_pooled_rule(tmp_path: Path) -> None:
    """Exact figures for unequal arms, each arm by its name; catches a control rate put on the wrong arm."""
    report = checked(tmp_path, POCOCK.replace("max_n", "control_rate: 0.05, max_n"), ARMS)
    rule, shares = report.rules[0], {"active": 2, "control": 1}
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=range(1, 21))
    for row in rule.one_arm:
        rates = {"active": 0.05, "control": 0.05, row.arm: row.rate}
        assert row.p_stop == pytest.approx(stops_with_harm_on_one_arm(boundary, rates, shares), rel=1e-12)
    assert [(r.arm, round(r.rate, 2)) for r in rule.one_arm] == [
        ("active", 0.3), ("active", 0.4), ("control", 0.3), ("control", 0.4),
    ]  # fmt: skip
    assert rule.document()["one_arm"][1]["p_stop"] == rule.one_arm[1].p_stop
    (said,) = warned(report, DILUTED)
    assert f"{rule.one_arm[1].p_stop:.1%} where active alone has 40%" in said
    assert "(the others 5%)" in said


def test_without_a_control_rate_it_says_what_cannot_be_computed_and_which_key_to_set(tmp_path: Path) -> None:
    """Catches a figure made up of a default, and a blank where a figure should be."""
    report = checked(tmp_path, more=ARMS)
    assert report.rules[0].one_arm == ()
    (warning,) = [w for w in report.warnings if "cannot be computed" in w.problem]
    assert "states no control_rate" in warning.problem
    assert warning.fix.startswith("Set control_rate in its design")


def test_a_trial_of_one_arm_is_not_warned_about_arms(tmp_path: Path) -> None:
    assert [w for w in checked(tmp_path, more=SCENARIO).warnings if w.where.endswith("design")] == []


def test_a_rule_by_arm_on_the_same_events_answers_the_warning(tmp_path: Path) -> None:
    """Catches a warning that nobody can act on, and one that is silenced by a rule on other events."""
    start, end = (GOOD.index(f"  - id: {one}") for one in ("tolerability", "serious"))
    rule = GOOD[start:end].replace("max_n: 20}", "control_rate: 0.1, max_n: 20}")
    closed = rule.replace("id: tolerability", "id: by-arm") + "    per: arm\n    audience: closed\n"
    text = GOOD[:start] + rule + closed + GOOD[end:] + ARMS
    report = check([load_text(tmp_path, text)])
    assert warned(report, DILUTED) == []
    assert f"({DILUTED}); the board's rule by-arm looks by arm." in report.rules[0].notes[2]
    elsewhere = closed.replace('grade: ">=2"', 'grade: ">=3"')
    assert len(warned(check([load_text(tmp_path, text.replace(closed, elsewhere))]), DILUTED)) == 1


def test_a_joint_false_alarm_above_the_allowance_reaches_check(tmp_path: Path) -> None:
    """Catches a simulation that is run and never told."""
    report = checked(tmp_path, more=SCENARIO + "  max_joint_false_alarm: 0.2\n")
    (warning,) = [w for w in report.warnings if w.where == "null_scenario.max_joint_false_alarm"]
    assert "more than the 20.0% that is allowed" in warning.problem
    assert report.exit_code == 1
    assert report.rules[0].joint is not None
    assert report.joint[0].startswith("All rules together, in safe trials of 20 subjects")
    assert "not computed" in checked(tmp_path).joint[0]


def test_a_retired_rule_is_shown_and_not_warned_about(tmp_path: Path) -> None:
    text = changed(POCOCK, POCOCK.replace("0.20", "0.05")).replace(
        "    action: pause_enrolment", "    action: pause_enrolment\n    retired: {on: 2026-01-01, reason: amended}", 1
    )
    report = check([load_text(tmp_path, text)])
    assert report.rules[0].attained_alpha is not None
    assert [w for w in report.warnings if w.where.endswith("design")] == []


@pytest.mark.parametrize(
    ("design", "key", "says"),
    [
        ("{method: table, null_rate: 0.20, looks: [10, 20], stop_at: [null, null]}", "stop_at", "its look can reach"),
        ("{method: pocock, null_rate: 0.20, alpha: 0.01, max_n: 2}", "alpha", "0.01 is not possible"),
    ],
)
def test_a_rule_that_can_never_stop_is_refused(tmp_path: Path, design: str, key: str, says: str) -> None:
    """Catches a rule that watches nothing and starts all the same."""
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, f"design: {design}")
    (problem,) = [p for p in caught.value.problems if "design" in p.where and "planned_n" not in p.problem]
    assert problem.where == f"rules.tolerability.design.{key}"
    assert says in f"{problem.problem} {problem.fix}"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_line_is_never_wider_than_the_terminal_or_a_page(tmp_path: Path, width: int) -> None:
    """Catches sentences that a terminal breaks in the middle of a word."""
    (rule, *_) = checked(tmp_path, more=ARMS).rules
    assert max(len(line) for line in rule_lines(rule, width)) <= min(width, 100)


def test_an_exposure_rule_shows_its_table_and_what_whole_trials_do(tmp_path: Path) -> None:
    """Subjects who start together and react early: catches the Poisson figure taken for the trial's false alarm."""
    timed = changed("kind: boundary", "kind: exposure").replace("method: pocock", "method: exposure_pocock")
    rushed = SCENARIO.replace(*_accrual("accrual_per_month: 200"))
    report = check([load_text(tmp_path, timed + rushed)])
    rule = report.rules[0]
    assert rule.attained_alpha == pytest.approx(0.1, abs=1e-9)
    assert rule.events
    assert rule.events[0] == 1
    assert "1 (up to 9 days)" in rule.table()
    constant, early = rule.simulated
    assert constant.alpha < 0.125 < early.alpha
    (said,) = [w.problem for w in report.warnings if "simulat" in w.problem and "whole" in w.problem]
    assert f"{early.alpha:.1%}" in said


def _accrual(wanted: str) -> tuple[str, str]:
    (line,) = [one.strip() for one in SCENARIO.splitlines() if "accrual_per_month" in one]
    return line, wanted
