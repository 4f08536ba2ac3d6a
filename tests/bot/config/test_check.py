"""`dsmbot check` without Slack: figures against the golden table, the document's keys, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.checking.rules import Report, check, refused
from bot.config import ConfigError, Problem
from tests.bot.config.kinds import GOOD, changed, load_text

STS_CALC = "design: {method: beta_binomial, null_rate: 0.20, alpha: 0.10, prior_a: 0.6, prior_b: 2.4, max_n: 20}"
POCOCK = "design: {method: pocock, null_rate: 0.20, alpha: 0.10, max_n: 20}"


def _check(folder: Path, text: str = GOOD) -> Report:
    return check([load_text(folder, text)])


def test_a_boundary_is_shown_with_its_exact_characteristics(tmp_path: Path) -> None:
    """Figures: exact recursion for beta-binomial (0.6, 2.4), null rate .2, alpha .1, a look after each of 20."""
    rule = _check(tmp_path, changed(POCOCK, STS_CALC)).rules[0]
    assert rule.table() == "3 (n 3-4), 4 (n 5-7), 5 (n 8-10), 6 (n 11-14), 7 (n 15-18), 8 (n 19-20)"
    assert rule.attained_alpha == pytest.approx(0.0964, abs=5e-5)
    assert [round(c.rate, 2) for c in rule.oc] == [0.2, 0.3, 0.4]
    assert [round(c.p_stop, 4) for c in rule.oc] == [0.0964, 0.3657, 0.7032]
    assert rule.notes[:2] == (
        "Stops 9.6% of trials whose true rate is 20%, if outcomes are recorded once and correctly.",
        "Stops 36.6% at 30%, 70.3% at 40%: little power at this size.",
    )
    assert "all arms together" in rule.notes[2]


def test_a_rule_without_a_boundary_has_no_figures(tmp_path: Path) -> None:
    rule = _check(tmp_path).rules[1]
    assert (rule.id, rule.title, rule.table()) == ("serious", "Serious event", "")
    assert (rule.attained_alpha, rule.stop_at, rule.oc, rule.notes) == (None, None, (), ())
    assert rule.says


def test_rates_stop_short_of_certainty(tmp_path: Path) -> None:
    rule = _check(tmp_path, changed("null_rate: 0.20, alpha", "null_rate: 0.60, alpha")).rules[0]
    assert [round(c.rate, 2) for c in rule.oc] == [0.6, 0.9]


def test_the_document_has_the_contracts_keys(tmp_path: Path) -> None:
    document = json.loads(json.dumps(_check(tmp_path).document()))
    assert set(document) == {"ok", "problems", "warnings", "rules", "sources", "slack"}
    assert document["ok"] is True
    assert {"id", "title", "attained_alpha", "stop_at", "oc"} <= set(document["rules"][0])
    assert set(document["rules"][0]["oc"][0]) == {"rate", "p_stop", "expected_n", "expected_events"}
    assert len(document["rules"][0]["stop_at"]) == len(document["rules"][0]["looks"]) == 20
    assert document["rules"][0]["stop_at"][0] is None
    assert document["rules"][1]["stop_at"] is None
    assert document["sources"] == [{"study": "S1", "id": "edc", "kind": "sdtm"}]


def test_a_table_that_exceeds_its_alpha_is_warned_about(tmp_path: Path) -> None:
    table = "design: {method: table, null_rate: 0.20, alpha: 0.05, looks: [10, 20], stop_at: [3, 6]}"
    (warning,) = _check(tmp_path, changed(POCOCK, table)).warnings
    assert warning.where == "rules.tolerability.design"
    assert warning.problem.startswith("the table stops 3")
    assert warning.problem.endswith("of trials whose true rate is 20%, more than its alpha of 5.00%")


def test_exit_codes_follow_problems_and_warnings(tmp_path: Path) -> None:
    problem = Problem("slack", 0, "SLACK_BOT_TOKEN", "lacks the scope chat:write", "Reinstall the app")
    good = _check(tmp_path)
    assert (good.ok, good.exit_code) == (True, 0)
    doubtful = good.extended(warnings=[problem], slack={"asked": False})
    assert (doubtful.ok, doubtful.exit_code, doubtful.slack) == (True, 1, {"asked": False})
    broken = doubtful.extended(problems=[problem], sources=[{"id": "edc", "outcome": "failed"}])
    assert (broken.ok, broken.exit_code) == (False, 2)
    assert broken.document()["problems"] == [
        {"file": "slack", "line": 0, "where": "SLACK_BOT_TOKEN", "problem": "lacks the scope chat:write",
         "fix": "Reinstall the app"}
    ]  # fmt: skip
    assert broken.document()["sources"] == [{"id": "edc", "outcome": "failed"}]


def test_a_refused_configuration_is_a_report_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, changed("action: hold_dosing", "action: hold"))
    report = refused(caught.value)
    assert report.exit_code == 2
    assert report.document()["problems"][0]["where"] == "rules.serious.action"
    assert report.document()["rules"] == []
