"""What was known at a moment of the past: the last evaluation by then, its findings, the alerts opened by then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from rules.model import Audience, Finding, finding_from_body
from storage import alerts, sealing
from storage.alert_records import StoredAlert
from storage.schema import alert, evaluation, finding


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation: its number, batch and clinical cut-off, when it was, and rule id → version that judged."""

    evaluation_id: int
    batch_no: int
    data_cutoff: datetime
    at: datetime
    rule_versions: dict[str, int]


def evaluation_at(conn: Connection, study_id: str, as_of: datetime) -> Evaluated | None:
    """The last evaluation recorded by a moment; None before the first."""
    c = evaluation.c
    query = select(c.evaluation_id, c.batch_no, c.data_cutoff, c.at, c.rule_versions)
    query = query.where(c.study_id == study_id, c.at <= as_of).order_by(c.evaluation_id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else Evaluated(**row._mapping)


def findings_at(conn: Connection, study_id: str, rule_id: str, evaluation_id: int) -> list[Finding]:
    """The finding of each scope of a rule as it stood after an evaluation, by scope."""
    c = finding.c
    mine = (c.study_id == study_id) & (c.rule_id == rule_id) & (c.evaluation_id <= evaluation_id)
    last = select(func.max(c.finding_id)).where(mine).group_by(c.scope)
    bodies: list[Any] = list(conn.execute(select(c.body).where(c.finding_id.in_(last)).order_by(c.scope)).scalars())
    return [finding_from_body(sealing.opened(conn, study_id, body)) for body in bodies]


def alerts_at(
    conn: Connection, study_id: str, as_of: datetime, *, audiences: Collection[Audience]
) -> list[StoredAlert]:
    """Alerts opened by a moment, oldest first, with all that ever happened to them: the caller looks at what had."""
    c = alert.c
    query = select(c.alert_id).where(c.study_id == study_id, c.opened_at <= as_of)
    query = query.where(c.audience.in_([audience.value for audience in audiences])).order_by(c.alert_id)
    found = alerts.by_id(conn, list(conn.execute(query).scalars()))
    return [found[number] for number in sorted(found)]
