"""The configurations that are shipped load, mean what they say, and keep what the protocol's words promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.checking.rules import check
from bot.config import Role, StudyConfig
from bot.configuration.reader import read
from rules.model import Action, Audience, Urgency
from tests.bot.config.kinds import load_files, load_text

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*/config.yaml"))


@pytest.fixture(scope="module")
def sts_calc() -> StudyConfig:
    (study,) = load_files(ROOT / "config.yaml")
    return study


def test_sts_calc_is_the_study_of_the_registry(sts_calc: StudyConfig) -> None:
    plan = sts_calc.plan
    assert (plan.id, plan.registry, plan.treatment_days) == ("STS-CALC", "NCT01918904", 84)
    assert (plan.planned_n, plan.followup_days, plan.ctcae, plan.timezone) == (20, 28, "5.0", "America/Chicago")


def test_only_what_a_site_must_add_is_doubtful(sts_calc: StudyConfig) -> None:
    assert [w.where for w in sts_calc.warnings] == ["operations"]


def test_what_is_excluded_at_entry_stops_the_subject_when_it_arises(sts_calc: StudyConfig) -> None:
    """Registry exclusions: pregnancy or breast-feeding, hypercalcaemia, actively infected lesion."""
    stops = {rule.id for rule in sts_calc.rules if rule.action is Action.STOP_SUBJECT}
    assert stops == {"pregnancy", "hypercalcaemia", "infected-lesion"}


def test_what_endangers_everybody_is_critical(sts_calc: StudyConfig) -> None:
    critical = {rule.id: rule.action for rule in sts_calc.rules if rule.urgency is Urgency.CRITICAL}
    assert critical == {
        "related-serious": Action.HOLD_DOSING,
        "any-death": Action.HALT_STUDY,
        "anaphylaxis": Action.HOLD_DOSING,
        "same-severe-related": Action.PAUSE_ENROLMENT,
    }


def test_the_comments_beside_the_tolerability_design_are_true(sts_calc: StudyConfig) -> None:
    rule = check([sts_calc]).rules[0]
    assert rule.id == "tolerability"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    for words in ("3 (of 3-4), 4 (5-7), 5 (8-10)", "6 (11-14), 7 (15-18), 8 (19-20)", "attains 9.64 %"):
        assert words in text
    assert rule.table() == "3 (n 3-4), 4 (n 5-7), 5 (n 8-10), 6 (n 11-14), 7 (n 15-18), 8 (n 19-20)"
    assert rule.attained_alpha is not None
    assert f"{rule.attained_alpha:.2%}" == "9.64%"
    assert "stops\n                                # 36.6 % of trials, a true 40 % stops 70.3 %" in text
    assert [f"{c.p_stop:.1%}" for c in rule.oc[1:]] == ["36.6%", "70.3%"]


def test_the_comments_beside_the_rule_by_arm_are_true(sts_calc: StudyConfig) -> None:
    """Would catch a table, a false alarm or a power in config.yaml that the board would be told wrongly."""
    report = check([sts_calc])
    pooled, rule = (next(r for r in report.rules if r.id == name) for name in ("tolerability", "tolerability-by-arm"))
    text = " ".join((ROOT / "config.yaml").read_text(encoding="utf-8").replace("#", " ").split())
    assert rule.table() == "2 (n 2), 3 (n 3-5), 4 (n 6-9), 5 (n 10)"
    assert "It stops at 2 (of 2), 3 (3-5), 4 (6-9), 5 (10)." in text
    assert rule.attained_alpha is not None
    assert f"it attains {100 * rule.attained_alpha:.2f} %" in text
    power = [f"{100 * c.p_stop:.1f} %" for c in rule.oc[1:]]
    assert f"A true 30 % stops {power[0]} of arms, a true 40 % stops {power[1]}" in text
    assert f"one of them alarms in {100 * (1 - (1 - rule.attained_alpha) ** 2):.1f} %" in text
    assert [f"{100 * one.p_stop:.1f} %" for one in pooled.one_arm] == ["8.4 %", "18.1 %"]
    assert "with 10 % in the other arm, 40 % in one arm alone stops 18.1 %" in text


def test_the_board_alone_hears_of_arms(sts_calc: StudyConfig) -> None:
    by_arm = [rule for rule in sts_calc.rules if getattr(rule, "per", "") == "arm"]
    assert [(rule.id, rule.audience) for rule in by_arm] == [("tolerability-by-arm", Audience.CLOSED)]


def test_every_choice_that_is_not_the_registrys_is_called_one() -> None:
    """A line that fixes a number or a word of judgement carries "Choice"; the registry's own say so."""
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    choices = """planned_n followup_days ctcae contact_domains dates subject_ids every stale_after related grades
    after_days design at_least escalate open_summary daily_note"""
    for key in choices.split():
        at = next(i for i, line in enumerate(lines) if line.strip().startswith((f"{key}:", f"window: {{{key}")))
        assert "Choice" in "".join(lines[at : at + 2]), key
    registry = next(line for line in lines if line.strip().startswith("treatment_days:"))
    assert "registry" in registry


def test_nobody_on_the_board_is_blinded(sts_calc: StudyConfig) -> None:
    board = {m.id for m in sts_calc.slack.holders(Role.DSMB)}
    assert board
    assert board.isdisjoint(m.id for m in sts_calc.slack.holders(Role.INVESTIGATOR))
    assert len(set(sts_calc.slack.channels.values())) == len(Audience)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_loads_without_problems(path: Path) -> None:
    (study,) = load_files(path)
    assert {w.where for w in study.warnings} <= {"operations", "codes.grades"}
    assert check([study]).ok


def test_there_is_an_example_for_each_folder_that_the_list_names() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert EXAMPLES
    for path in EXAMPLES:
        assert f"[{path.parent.name}]({path.parent.name})" in text


def test_shipped_files_surprise_no_other_yaml_reader() -> None:
    """Editors and scripts use ordinary readers: would catch text that we read one way and they another."""
    import yaml

    for path in (ROOT / "config.yaml", *EXAMPLES):
        document = read(path)
        assert document.problems == []
        assert yaml.safe_load(path.read_text(encoding="utf-8")) == document.data


DESIGN = """\
study: {id: STS-CALC, registry: NCT01918904, timezone: America/Chicago, planned_n: 20, treatment_days: 84, followup_days: 28, ctcae: "5.0"}
storage: {url: sqlite:///dsmbot.db}
privacy: {dates: study_day, subject_ids: as_recorded}
sources:
  - {id: edc, kind: sdtm, path: data/, every: 5 min, stale_after: 36 h}
codes: {related: [RELATED, POSSIBLE, PROBABLE, DEFINITE], unrelated: [NOT RELATED, UNLIKELY]}
rules:
  - id: tolerability
    kind: boundary
    title: Related application-site reaction, grade ≥ 2
    events: {related: true, grade: ">=2", terms: application_site, lesion_role: treated, treatment_emergent: true}
    window: {after_days: 28}
    design: {method: beta_binomial, null_rate: 0.20, alpha: 0.10, prior_a: 0.6, prior_b: 2.4, max_n: 20}
    beyond_max_n: refuse
    action: pause_enrolment
    audience: open
  - id: related-serious
    kind: event
    events: {serious: true, related: true}
    except: {terms: [trauma]}
    action: hold_dosing
    scope_of_action: all_subjects
    urgency: critical
slack:
  channels: {open: "#sts-calc-safety", closed: "#sts-calc-dsmb", pharmacy: "#sts-calc-pharmacy", ops: "#sts-calc-ops"}
  roles:
    investigator: [U…]
    dsmb: [{id: U…, team: T…, guest: true, authorised_by: U…}]      # members by name, never from a group
  escalate: [{after: 30 min, to: medical_monitor}, {after: 2 h, to: investigator}]
schedule: {open_summary: "mon 08:00", closed_summary: "mon 08:00", daily_note: "08:00"}
"""  # noqa: E501
"""The configuration in the words of a protocol, as the product was planned; the ellipses stand for what is left out."""


def test_the_planned_words_load_as_they_are_once_the_ellipses_are_filled(tmp_path: Path) -> None:
    filled = (
        DESIGN.replace("investigator: [U…]", "investigator: [U0PI]\n    medical_monitor: [U0MM]")
        .replace(
            "{id: U…, team: T…, guest: true, authorised_by: U…}",
            "{id: U0D, team: T0, guest: true, authorised_by: U0PI}",
        )
        .replace("rules:\n", "terms: {application_site: {terms: [Rash], local: true}, trauma: [Fall]}\nrules:\n")
    )
    study = load_text(tmp_path, filled)
    assert [rule.id for rule in study.rules] == ["tolerability", "related-serious"]
    assert study.rules[0].describe()
    assert check([study]).rules[0].attained_alpha == pytest.approx(0.0964, abs=5e-5)
