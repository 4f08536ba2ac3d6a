"""What runs but should be known: each warning appears when, and only when, its cause is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.config.kinds import GOOD, changed, load_text


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        (", grades: {MILD: 1, SEVERE: 3}", "", "codes.grades", "every event counts as reaching the grade"),
        (", unrelated: [NOT RELATED]", "", "codes.unrelated", "every event counts as related"),
        ("    except: {terms: [trauma]}\n", "", "terms.trauma", "no rule uses the term list 'trauma'"),
        ("    operator: [U0OPS]\n", "", "slack.roles", "nobody is operator"),
        (', ops: "#ops"', "", "slack.channels", "no channel 'ops'"),
        ("  escalate: [{after: 30 min, to: medical_monitor}]\n", "", "slack", "nobody is called when an alert is not"),
        ("  paging: none\n", "", "slack", "Nobody will be woken between 22:00 and 08:00"),
        ('operations: {heartbeat_url: "https://hc.example.org/1"}\n', "", "operations", "no heartbeat"),
        ("operations: {", "operations: {delivery: {settle: 2 s}, ", "operations.delivery", "may be posted twice"),
        ("    operator:", "    dsmb: [U0PI]\n    operator:", "slack.roles.dsmb[1]",
         "U0PI may read closed content and is also investigator, who stays blinded"),
    ],
)  # fmt: skip
def test_a_doubt_is_told(tmp_path: Path, old: str, new: str, where: str, said: str) -> None:
    (warning,) = load_text(tmp_path, changed(old, new)).warnings
    assert warning.where == where
    assert said in warning.problem
    assert warning.fix


def test_a_board_member_may_also_run_the_machine(tmp_path: Path) -> None:
    text = changed("    operator: [U0OPS]", "    operator: [U0OPS]\n    dsmb: [U0OPS]")
    assert load_text(tmp_path, text).warnings == ()


def test_no_warning_about_grades_that_no_rule_asks_for(tmp_path: Path) -> None:
    text = changed(', grade: ">=2"', "", changed(", grades: {MILD: 1, SEVERE: 3}", ""))
    assert load_text(tmp_path, text).warnings == ()


def test_the_good_configuration_raises_no_doubt(tmp_path: Path) -> None:
    assert load_text(tmp_path, GOOD).warnings == ()
