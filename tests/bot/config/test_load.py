"""What a configuration becomes: plan, settings, rules, people, places, fingerprint, and rules that vanished."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import ConfigError, Role, StudyConfig, vanished_rules
from rules.model import Audience, Derivation, Urgency
from tests.bot.config.kinds import GOOD, changed, load_files, load_text


@pytest.fixture
def study(tmp_path: Path) -> StudyConfig:
    return load_text(tmp_path, GOOD)


def test_the_plan_is_what_the_protocol_fixes(study: StudyConfig) -> None:
    assert (study.plan.id, study.plan.timezone, study.plan.planned_n) == ("S1", "America/Chicago", 20)
    assert (study.plan.treatment_days, study.plan.followup_days, study.plan.ctcae) == (84, 28, "5.0")


def test_codes_and_terms_become_the_derivation(study: StudyConfig) -> None:
    derivation, default = study.derivation, Derivation()
    assert derivation.related == {"RELATED"}
    assert derivation.unrelated == {"NOT RELATED"}
    assert derivation.grades == {"MILD": 1, "SEVERE": 3}
    assert derivation.terms == {"skin": {"Application site pain"}, "trauma": {"Fall"}}
    assert derivation.synonyms == {"skin": {"burning"}}
    assert derivation.followup_days == 28
    assert derivation.death == default.death  # what is not written keeps the default of its field


def test_every_list_of_codes_reaches_its_own_field(tmp_path: Path) -> None:
    """Would catch a code list that is read and then dropped or swapped."""
    names = ["expected", "unexpected", "fatal_outcome", "death", "withdrawn", "completed", "lost", "screen_failure",
             "randomised", "treated_lesion", "control_lesion", "systemic"]  # fmt: skip
    written = ", ".join(f"{name}: [{name.upper()} X]" for name in names)
    derivation = load_text(tmp_path, changed("codes: {", f"codes: {{{written}, ")).derivation
    assert {name: getattr(derivation, name) for name in names} == {n: frozenset({f"{n.upper()} X"}) for n in names}


def test_contact_domains_are_the_studys(tmp_path: Path) -> None:
    text = changed("planned_n: 20", "planned_n: 20, contact_domains: [SV, DA]")
    assert load_text(tmp_path, text).derivation.contact_domains == ("SV", "DA")
    with pytest.raises(ConfigError, match="no source reads 'VS': it would never be evidence"):
        load_text(tmp_path, changed("planned_n: 20", "planned_n: 20, contact_domains: [SV, VS]"))


def test_rules_and_sources_keep_the_order_of_the_file(study: StudyConfig) -> None:
    assert [(rule.id, rule.kind) for rule in study.rules] == [("tolerability", "boundary"), ("serious", "event")]
    (source,) = study.sources
    assert (source.id, source.kind, source.every) == ("edc", "sdtm", timedelta(minutes=5))


def test_people_and_channels(study: StudyConfig) -> None:
    assert study.slack.channels == {Audience.OPEN: "#safety", Audience.CLOSED: "#dsmb", Audience.OPS: "#ops"}
    assert [m.id for m in study.slack.holders(Role.INVESTIGATOR)] == ["U0PI"]
    assert study.slack.holders(Role.DSMB) == ()
    assert study.slack.roles_of("U0MM") == {Role.MEDICAL_MONITOR}
    assert [(step.after, step.to) for step in study.slack.escalate] == [(timedelta(minutes=30), Role.MEDICAL_MONITOR)]


def test_a_guest_is_known_with_who_stands_for_them(tmp_path: Path) -> None:
    roles = "    dsmb: [{id: U0D, team: T0B, guest: true, authorised_by: U0PI}, U0E]\n  escalate"
    board = load_text(tmp_path, changed("  escalate", roles)).slack.holders(Role.DSMB)
    assert [(m.id, m.team, m.guest, m.authorised_by) for m in board] == [
        ("U0D", "T0B", True, "U0PI"), ("U0E", None, False, None)
    ]  # fmt: skip


def test_what_is_left_out_has_the_careful_default(study: StudyConfig) -> None:
    assert (study.privacy.dates, study.privacy.subject_ids) == ("study_day", "as_recorded")
    assert {k: str(v) for k, v in study.schedule.moments().items()} == {
        "open_summary": "mon 08:00", "closed_summary": "mon 08:00", "daily_note": "08:00"
    }  # fmt: skip
    assert study.storage.url == f"sqlite:///{study.base_dir.as_posix()}/dsmbot.db"


def test_the_environment_overrides_the_database_of_every_study(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "sub" / "b.yaml").write_text(changed("id: S1", "id: S2"))
    studies = load_files(tmp_path / "a.yaml", tmp_path / "sub" / "b.yaml", DSMBOT_DATABASE_URL="sqlite:///one.db")
    assert {study.storage.url for study in studies} == {f"sqlite:///{tmp_path.resolve().as_posix()}/one.db"}
    (tmp_path / "url").write_text("postgresql+psycopg://bot:hush@db/x\n")
    (study,) = load_files(tmp_path / "a.yaml", DSMBOT_DATABASE_URL_FILE=str(tmp_path / "url"))
    assert study.storage.url == "postgresql+psycopg://bot:hush@db/x"


def test_a_wrong_address_in_the_environment_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="environment: DSMBOT_DATABASE_URL: 'mysql' is not a database"):
        load_text(tmp_path, GOOD, DSMBOT_DATABASE_URL="mysql://db/x")


def test_lines_of_every_key(study: StudyConfig) -> None:
    assert study.line("rules", 0, "design", "max_n") == 14
    assert study.line("slack", "escalate", 0, "to") == 28
    assert study.line(*study.rule_place("serious")) == 16
    assert study.rule_place("unheard of") == ("rules",)


# ---- fingerprint -----------------------------------------------------------------------------------------------------

MATTERS = [
    ("related: [RELATED]", "related: [RELATED, POSSIBLE]"), ("SEVERE: 3", "SEVERE: 4"), ("[Fall]", "[Fall, Accident]"),
    ("synonyms: [burning]", "synonyms: [stinging]"), ("followup_days: 28", "followup_days: 14"),
    ("after_days: 28", "after_days: 27"), ("null_rate: 0.20", "null_rate: 0.25"), ('">=2"', '">=3"'),
    ("planned_n: 20", "planned_n: 19"), ("treatment_days: 84", "treatment_days: 85"),
    ("serious: true", "serious: true, related: true"), ("action: hold_dosing", "action: halt_study"),
]  # fmt: skip
IRRELEVANT = [
    ('"#safety"', '"#other"'), ("[U0PI]", "[U0PI, U0SUB]"), ("every: 5 min", "every: 6 min"), ("  paging: none\n", ""),
    ("America/Chicago", "Europe/Prague"), ("study:", "# a comment\nstudy:"), ("[RELATED]", '["RELATED"]'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), MATTERS, ids=[new for _, new in MATTERS])
def test_what_changes_a_verdict_changes_the_fingerprint(study: StudyConfig, tmp_path: Path, old: str, new: str) -> None:
    assert load_text(tmp_path, changed(old, new), "new.yaml").fingerprint() != study.fingerprint()


@pytest.mark.parametrize(("old", "new"), IRRELEVANT, ids=[new for _, new in IRRELEVANT])
def test_what_changes_no_verdict_keeps_the_fingerprint(study: StudyConfig, tmp_path: Path, old: str, new: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert load_text(tmp_path, text, "new.yaml").fingerprint() == study.fingerprint()


def test_a_term_list_belongs_to_the_rules_that_name_it(study: StudyConfig, tmp_path: Path) -> None:
    """Would catch an amended list that makes every rule of the study a new version."""
    amended = load_text(tmp_path, changed("[Fall]", "[Fall, Accident]"), "new.yaml")
    bodies = [[config.rule_body(rule) for rule in config.rules] for config in (study, amended)]
    assert bodies[0][0] == bodies[1][0]
    assert bodies[0][1] != bodies[1][1]
    assert bodies[1][1]["derivation"]["terms"] == {"trauma": ["Accident", "Fall"]}
    assert bodies[0][0]["derivation"]["synonyms"] == {"skin": ["burning"]}


def test_a_rule_body_survives_json(study: StudyConfig) -> None:
    for rule in study.rules:
        assert json.loads(json.dumps(study.rule_body(rule))) == study.rule_body(rule)


def test_a_better_title_is_stored_and_makes_no_new_version(study: StudyConfig, tmp_path: Path) -> None:
    """A corrected typo in a title must not tell everybody that the rule was amended."""
    rule = study.rules[0]
    retitled = study.rules[0].model_copy(update={"title": "Another title"})
    assert study.rule_body(retitled)["rule"]["title"] == "Another title"
    assert study.rule_fingerprint(retitled) == study.rule_fingerprint(rule)
    stricter = study.rules[0].model_copy(update={"urgency": Urgency.ROUTINE})
    assert study.rule_fingerprint(stricter) != study.rule_fingerprint(rule)
    other = replace(study, rules=(retitled, *study.rules[1:]))
    assert other.fingerprint() == study.fingerprint()


def test_the_order_of_rules_keeps_the_fingerprint(study: StudyConfig, tmp_path: Path) -> None:
    head, rest = GOOD.split("rules:\n")
    first, second = rest.split("  - id: serious")
    serious, tail = second.split("slack:")
    text = f"{head}rules:\n  - id: serious{serious}{first}slack:{tail}"
    assert load_text(tmp_path, text, "new.yaml").fingerprint() == study.fingerprint()


def test_the_fingerprint_is_the_same_in_another_process(study: StudyConfig) -> None:
    """Sets have another order in each process: would catch a digest of an unsorted set."""
    import os
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from tests.bot.config.kinds import load_files;"
        "print(load_files(Path(sys.argv[1]))[0].fingerprint())"
    )
    root = Path(__file__).parents[3]
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", code, str(study.path)], cwd=root, check=True, text=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert found.stdout.strip() == study.fingerprint()


# ---- rules that vanished ---------------------------------------------------------------------------------------------


def test_a_rule_with_history_that_is_gone_is_named_with_the_nearest_one(study: StudyConfig) -> None:
    (problem,) = vanished_rules(study, {"tolerability", "serius"})
    assert (problem.file, problem.line, problem.where) == (str(study.path), 8, "rules")
    assert problem.problem == "rule 'serius' has history, but is no longer here"
    assert "retired: {on: DATE, reason: WHY}" in problem.fix
    assert "Did you mean 'serious'?" in problem.fix


def test_a_retired_rule_is_still_there(tmp_path: Path) -> None:
    retired = "action: hold_dosing\n    retired: {on: 2026-05-14, reason: protocol amendment 3}"
    study = load_text(tmp_path, changed("action: hold_dosing", retired))
    assert vanished_rules(study, {"tolerability", "serious"}) == []
    assert vanished_rules(study, set()) == []


def test_a_retired_rule_needs_neither_a_channel_nor_the_whole_plan(tmp_path: Path) -> None:
    text = changed("max_n: 20}", "max_n: 15}")
    text = changed("action: pause_enrolment", "action: pause_enrolment\n    retired: {on: 2026-05-14, reason: x}", text)
    assert load_text(tmp_path, text).rules[0].id == "tolerability"
