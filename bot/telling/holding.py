"""After a pause, a hold or a halt: enrolment and dosing that are recorded all the same, told until somebody resumes.

Each opens its alert again: nobody acknowledged *that*, and calls run anew until somebody does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.snapshots import data_cutoff
from bot.study import Study
from bot.telling.outgoing import PRIORITY, Notice, alert_key, key
from bot.views import HeldLine, StepContent
from rules.holds import after_hold
from rules.model import Urgency
from storage import alerts
from storage.alert_records import BY_BOT, HOLDS, DecisionKind, ResponseKind, StoredAlert
from storage.heads import lock_head


@dataclass(frozen=True, slots=True)
class Hold:
    """A decision in force: its response, its kind, when, and the one subject that it is about ("" = all)."""

    response_id: int
    kind: str
    at: datetime
    subject: str


def holds_of(alert: StoredAlert) -> list[Hold]:
    """The holds in force on an alert: those decided since the last resume."""
    held: list[Hold] = []
    for item in alert.responses:
        if item.kind is not ResponseKind.DECIDED:
            continue
        kind, scope = str(item.body["decision"]), str(item.body.get("scope", ""))
        if kind == DecisionKind.RESUME:
            held = []
        elif kind in set(HOLDS):
            held.append(Hold(item.response_id, kind, item.at, scope.partition("subject:")[2]))
    return held


def held_notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """What was recorded after a hold: one broadcast reply in the alert's thread for each subject and act, once."""
    holding = [item for item in alerts.open_alerts(conn, study.id) if item.holding]
    if not holding:
        return
    cutoff = data_cutoff(conn, study, now)
    snapshot = study.snapshots.build(study.config.plan, study.config.derivation, data_cutoff=cutoff)
    zone = ZoneInfo(study.config.plan.timezone)
    for item in holding:
        alert = alerts.latest(conn, item.alert_id)
        parent = alert_key(conn, study.id, alert.rule_id, alert.scope, alert.episode)
        told: set[tuple[str, str]] = set()
        for hold in holds_of(alert):
            for breach in after_hold(snapshot, [hold.kind], hold.at.astimezone(zone).date(), hold.at, hold.subject):
                if (breach.usubjid, breach.what) in told:
                    continue
                told.add((breach.usubjid, breach.what))
                line = HeldLine(hold.kind, breach.usubjid, breach.what, breach.study_day, breach.partial)
                yield Notice(
                    key(conn, study.id, "held", parent, hold.response_id, breach.usubjid, breach.what),
                    StepContent("held", item.version, held=line), audience=alert.audience, kind="reply",
                    priority=PRIORITY[Urgency.CRITICAL], alert_id=alert.alert_id, alert_version=item.version,
                    thread_key=parent, broadcast=True,
                )  # fmt: skip


def note_broken(conn: Connection, study: Study, notice: Notice, now: datetime) -> None:
    """Beside the queued notice of a broken hold, in its transaction: what was acknowledged covers it no more.

    Which subject and act is in the notice alone. Recorded once for each notice; other notices change nothing.
    """
    content = notice.content
    if not isinstance(content, StepContent) or content.step != "held" or notice.alert_id is None:
        return
    alerts.add_response(
        conn, lock_head(conn, study.id), alert_id=notice.alert_id, kind=ResponseKind.HOLD_BROKEN,
        alert_version=notice.alert_version or 1, user_id=BY_BOT, team_id="", at=now, basis="",
        inbox_key=f"held:{notice.key}",
    )  # fmt: skip
