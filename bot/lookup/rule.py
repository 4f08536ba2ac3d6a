"""One rule as content: its sentence and boundary, where each scope stands, its alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.contents.questions import RuleContent
from bot.lookup.alerts import alert_lines
from bot.lookup.content import definition
from bot.lookup.nearest import Names
from bot.lookup.standing import ADVANCE, HEARD, most_advanced
from bot.study import Study, by_arm
from rules.model import Audience, Finding, Rule
from storage.findings import last_findings, last_rule_versions, read_rule_version
from storage.schema import evaluation


def rules_of(study: Study, audience: Audience) -> tuple[Rule, ...]:
    """Rules that a reader of one audience may ask about, in the order of the configuration."""
    heard = HEARD[audience] or (audience,)
    return tuple(r for r in study.config.rules if r.audience in heard and not getattr(r, "retired", None))


def rule_content(conn: Connection, study: Study, audience: Audience, now: datetime, asked: str) -> RuleContent:
    """One rule.

    Parameters
    ----------
    study: the open side; a rule by arm is read from its closed side.   asked: the rule's id.

    Raises
    ------
    NotFound: no rule of that id that this audience may hear of, with the nearest of those.
    """
    rules = rules_of(study, audience)
    rule_id = Names("rule", tuple(rule.id for rule in rules)).exact(asked)
    rule = next(one for one in rules if one.id == rule_id)
    side = study.closed if by_arm(rule) and study.closed else study
    stored = last_findings(conn, side.id, rule_id=rule_id)
    findings = sorted(stored.values(), key=_advance, reverse=True)
    lines = tuple(most_advanced(rule, [finding]) for finding in findings) or (most_advanced(rule, ()),)
    version = _version(conn, side.id, rule_id)
    return RuleContent(
        audience, now, _data_as_of(conn, side.id), rule_id, rule.title, rule.kind, rule.action.value, rule.describe(),
        version[0], lines, tuple(finding.scope for finding in findings), findings[0] if findings else None,
        version[1], alerts=tuple(alert_lines(conn, study, audience, rule_id=rule_id)),
    )  # fmt: skip


def _advance(finding: Finding) -> tuple[int, int]:
    return ADVANCE[finding.state], finding.events


def _version(conn: Connection, study_id: str, rule_id: str) -> tuple[int, Mapping[str, Any]]:
    last = last_rule_versions(conn, study_id).get(rule_id)
    stored = read_rule_version(conn, study_id, rule_id, last.version) if last else None
    return (stored.version, definition(stored.body)) if stored else (1, {})


def _data_as_of(conn: Connection, study_id: str) -> datetime | None:
    c = evaluation.c
    last = select(c.data_cutoff).where(c.study_id == study_id).order_by(c.evaluation_id.desc()).limit(1)
    return conn.execute(last).scalar_one_or_none()
