"""What stops the start after the configuration was read: what the database and the installation have to say to it.

Each refusal names what was found and what to do; nothing was polled or posted when it is raised.
"""

from __future__ import annotations

from sqlalchemy import select

from bot.checking.integrity import damaged_files
from bot.config import ConfigError, Problem, StudyConfig, vanished_rules
from bot.study import by_arm
from storage import alerts
from storage.database import Database
from storage.findings import rules_with_history
from storage.schema import source_state
from storage.sides import closed_side


def refuse_unfit(config: StudyConfig, database: Database) -> None:
    """Refuse a configuration that does not fit what the database holds.

    Raises
    ------
    ConfigError: a rule or a source with history is gone, or a rule changed its audience under an open alert.
    """
    _refuse_vanished(config, database)
    _refuse_vanished_sources(config, database)
    _refuse_moved_alerts(config, database)


def _refuse_vanished(config: StudyConfig, database: Database) -> None:
    with database.reading() as conn:
        sides = {unblinded: rules_with_history(conn, _side(config, unblinded)) for unblinded in (False, True)}
    problems = vanished_rules(config, sides[False] | sides[True])
    if problems:
        raise ConfigError(problems)
    moved = [rule for rule in config.rules if rule.id in sides[not by_arm(rule)]]
    if moved:
        fix = "Take `per` back, retire the rule, and give the changed one a new id"
        raise ConfigError([
            Problem(str(config.path), config.line(*config.rule_place(rule.id)), f"rules.{rule.id}.per",
                    "was judged by arm before, or is judged by arm only now", fix)
            for rule in moved
        ])  # fmt: skip


def _side(config: StudyConfig, unblinded: bool) -> str:
    return closed_side(config.id) if unblinded else config.id


def _refuse_vanished_sources(config: StudyConfig, database: Database) -> None:
    """A source that is renamed would bring every record twice; one that is removed would leave its own behind."""
    with database.reading() as conn:
        known = conn.execute(select(source_state.c.source_id).where(source_state.c.study_id == config.id)).scalars()
        gone = sorted(set(known) - {settings.id for settings in config.sources})
    if gone:
        fix = "Give each source the id that it had: its records stay in the study, and another id would double them"
        raise ConfigError([
            Problem(str(config.path), config.line("sources"), f"sources.{source_id}",
                    "has records but is not configured", fix)
            for source_id in gone
        ])  # fmt: skip


def _refuse_moved_alerts(config: StudyConfig, database: Database) -> None:
    """An open alert keeps its audience: what was open may not become closed under the same message."""
    with database.reading() as conn:
        opened = {item.rule_id: item.audience for item in alerts.open_alerts(conn, config.id)}
    moved = [rule for rule in config.rules if opened.get(rule.id, rule.audience) is not rule.audience]
    if moved:
        fix = "Keep the audience, or retire this rule and give the changed one a new id"
        raise ConfigError([
            Problem(str(config.path), config.line(*config.rule_place(rule.id)), f"rules.{rule.id}.audience",
                    f"is {rule.audience.value}, but an alert of this rule is open for {opened[rule.id].value}", fix)
            for rule in moved
        ])  # fmt: skip


def refuse_damaged() -> None:
    """Refuse to run when an installed file of ours is not ours any more. Raises ConfigError naming the files."""
    damaged = damaged_files()
    if damaged:
        shown = ", ".join(damaged[:5]) + (f" (showing 5 of {len(damaged)})" if len(damaged) > 5 else "")
        raise ConfigError(
            [
                Problem(
                    "installation",
                    0,
                    "",
                    f"files of dsmbot were changed or replaced by another package: {shown}",
                    "Install dsmbot alone in a new virtual environment",
                )
            ]
        )
