"""Alerts as lines: open ones or all, of the audiences a reader may hear of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from bot.contents.questions import AlertLine, AlertsContent
from bot.lookup.standing import HEARD
from bot.study import Study
from bot.telling.outgoing import alert_key
from rules.model import Audience, State, Urgency
from storage import alerts, outbox, sealing
from storage.alert_records import StoredAlert
from storage.schema import alert

RANK: Mapping[Urgency, int] = {Urgency.CRITICAL: 0, Urgency.URGENT: 1, Urgency.ROUTINE: 2}
_STANDS = (State.CROSSED, State.PROVISIONAL)


def alerts_content(
    conn: Connection, study: Study, audience: Audience, now: datetime, *, every: bool = False
) -> AlertsContent:
    """The alerts that a reader of one audience may list.

    Parameters
    ----------
    study: the open side; its closed side's alerts are added for the closed audience.
    now: aware UTC, the study's time.   every: resolved ones too.
    """
    return AlertsContent(audience, now, tuple(alert_lines(conn, study, audience, every=every)), every)


def alert_lines(
    conn: Connection, study: Study, audience: Audience, *, every: bool = False, rule_id: str = ""
) -> list[AlertLine]:
    """Lines of both sides, unresolved first, then the most urgent, then those that stand, then the newest."""
    heard = HEARD[audience] or (audience,)
    sides = [study, *([study.closed] if study.closed and audience is Audience.CLOSED else [])]
    found = [item for side in sides for item in _stored(conn, side.id, heard, every=every, rule_id=rule_id)]
    titles = {rule.id: rule.title for rule in study.config.rules}
    return sorted((line_of(item, titles, reference_of(conn, item)) for item in found), key=_order)


def reference_of(conn: Connection, item: StoredAlert) -> str:
    """What a button about an alert carries: its message's delivery key, its version, the digest of its finding.

    "" where no message was made of it: it was already true when monitoring began, and the starting state covers it.
    """
    parent = alert_key(conn, item.study_id, item.rule_id, item.scope, item.episode)
    if outbox.find(conn, parent) is None:
        return ""
    return f"{parent}|{item.latest.version}|{sealing.digest(conn, item.study_id, item.finding)}"


def _order(line: AlertLine) -> tuple[bool, int, bool, float]:
    return line.resolved, RANK[line.urgency], line.state not in _STANDS, -line.opened_at.timestamp()


def _stored(
    conn: Connection, study_id: str, heard: Iterable[Audience], *, every: bool, rule_id: str
) -> Iterable[StoredAlert]:
    if every or rule_id:
        query = select(alert.c.alert_id).where(alert.c.study_id == study_id)
        query = query.where(alert.c.audience.in_([a.value for a in heard]))
        query = query.where(alert.c.rule_id == rule_id) if rule_id else query
        wanted = list(conn.execute(query).scalars())
    else:
        wanted = [item.alert_id for item in alerts.open_alerts(conn, study_id, audiences=tuple(heard))]
    return alerts.by_id(conn, wanted).values()


def line_of(item: StoredAlert, titles: Mapping[str, str], reference: str = "") -> AlertLine:
    """One stored alert as a line; `reference` where buttons go with it."""
    by = item.acknowledgement
    about = {e.usubjid for e in item.finding.evidence if e.usubjid}
    return AlertLine(
        item.alert_id, item.rule_id, titles.get(item.rule_id, item.rule_id), item.scope, item.episode,
        item.latest.version, item.finding.state, item.urgency, item.opened_at,
        subject=next(iter(about)) if len(about) == 1 else "",
        acknowledged_by=by.user_id if by else "", acknowledged_at=by.at if by else None, resolved=item.resolved,
        assignee=item.assignee or "", decided=item.decided_by is not None, snoozed_until=item.snoozed_until,
        reference=reference,
    )  # fmt: skip


def of_subject(lines: Iterable[StoredAlert], usubjid: str) -> list[StoredAlert]:
    """Alerts that count an event of one subject."""
    return [item for item in lines if any(e.usubjid == usubjid for e in item.finding.counted())]
