"""What a person does to an alert, applied once and audited: the application of clicks, without Slack.

Every function works in the caller's writing transaction, which also marks the inbox row as applied. Authorisation
came before; `refuse` records what it refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from bot.access import QUESTIONS, Act, Refusal
from bot.telling.outgoing import alert_key, key
from bot.views import Acknowledgement, Setting, StartingStateContent, StepContent, stored_body, stored_from_body
from bot.wording import replies
from rules.model import Audience
from storage import alerts, audit, outbox, reconcile, sealing
from storage.alert_records import ResponseKind, StoredAlert
from storage.heads import lock_head
from storage.outbox_rows import Item

NOTHING: Mapping[str, Any] = {}
REPLY_PRIORITY = 7
"""Place of a reply about what a person did: behind alerts and notes to ops, before routine notes."""


class Effect(StrEnum):
    """What a click came to; stored with its inbox row."""

    ACKNOWLEDGED = "acknowledged"
    LOOKED_AT_OLDER = "looked_at_older"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    WITHDRAWN = "withdrawn"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    NOT_THEIRS = "not_theirs"
    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already_accepted"
    REFUSED = "refused"
    ASSIGNED = "assigned"
    NOTED = "noted"
    SNOOZED = "snoozed"
    DECIDED = "decided"
    RESOLVED = "resolved"
    NOT_POSSIBLE = "not_possible"
    RAISED = "raised"
    COVERED = "covered"
    HANDED_OVER = "handed_over"
    TAKEN_OVER = "taken_over"
    SHOWN = "shown"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Done:
    """What a click came to, and what the person who clicked is told in private."""

    effect: Effect
    told: str


@dataclass(frozen=True, slots=True)
class By:
    """Who did it, when, looking at what.

    Parameters
    ----------
    user_id, team_id: as Slack signed them.   at: aware UTC, the study's time.
    inbox_key: proof against redelivery.   version, basis: of the finding on the button that was pressed.
    queued_at: the time that deliveries wait in, aware UTC; None = `at`.
    covering: the absent person whose role allowed it, "" where their own did.
    """

    user_id: str
    team_id: str
    at: datetime
    inbox_key: str
    version: int = 1
    basis: str = ""
    queued_at: datetime | None = None
    covering: str = ""

    @property
    def actor(self) -> str:
        """As the audit names people."""
        return f"user:{self.team_id}/{self.user_id}"


def acknowledge(conn: Connection, alert: StoredAlert, by: By, setting: Setting) -> Done:
    """ "I have seen this and am acting": recorded for the first person only, with the finding they looked at."""
    if alert.resolved:
        return Done(Effect.NOT_POSSIBLE, replies.resolved_before(setting))
    outcome = respond(conn, alert, by, ResponseKind.ACKNOWLEDGED)
    first = outcome.response
    assert first is not None
    if outcome.recorded and alerts.latest(conn, alert.alert_id).acknowledgement is None:
        told = replies.looked_at_older(first.alert_version, alert.latest.version, setting)
        return Done(Effect.LOOKED_AT_OLDER, told)
    acknowledgement = Acknowledgement(first.user_id, first.at)
    if outcome.recorded:
        return Done(Effect.ACKNOWLEDGED, replies.acknowledged(acknowledgement, setting))
    return Done(Effect.ALREADY_ACKNOWLEDGED, replies.already(acknowledgement, setting))


def withdraw(conn: Connection, alert: StoredAlert, by: By, setting: Setting) -> Done:
    """ "Acknowledged by mistake": taken back by the person who gave it; both stay recorded, calling starts again."""
    done = alert.acknowledgement
    if done is None:
        return Done(Effect.NOTHING_TO_WITHDRAW, replies.nothing_to_withdraw(setting))
    if done.user_id != by.user_id:
        return Done(Effect.NOT_THEIRS, replies.not_yours(Acknowledgement(done.user_id, done.at), setting))
    outcome = respond(conn, alert, by, ResponseKind.WITHDRAWN)
    if not outcome.recorded:
        return Done(Effect.NOTHING_TO_WITHDRAW, replies.nothing_to_withdraw(setting))
    return Done(Effect.WITHDRAWN, replies.withdrawn(by.at, setting))


def respond(
    conn: Connection,
    alert: StoredAlert,
    by: By,
    kind: ResponseKind,
    *,
    note: str = "",
    body: Mapping[str, Any] = NOTHING,
) -> alerts.ResponseOutcome:
    """Record what a person did with an alert, and queue the reply that says so in its thread."""
    outcome = alerts.add_response(
        conn,
        lock_head(conn, alert.study_id),
        alert_id=alert.alert_id,
        kind=kind,
        alert_version=min(by.version, alert.latest.version),
        user_id=by.user_id,
        team_id=by.team_id,
        at=by.at,
        basis=by.basis or sealing.digest(conn, alert.study_id, alert.finding),
        inbox_key=by.inbox_key,
        note=note,
        body={**body, "covering_for": by.covering} if by.covering else body,
    )
    if outcome.recorded and outcome.response is not None:
        _queue_reply(conn, alert, by, outcome.response.response_id)
    return outcome


def _queue_reply(conn: Connection, alert: StoredAlert, by: By, response_id: int) -> None:
    """Say it in the alert's thread; an alert without a message of its own (it was told in a group) has none."""
    study_id = alert.study_id
    parent = alert_key(conn, study_id, alert.rule_id, alert.scope, alert.episode)
    if outbox.find(conn, parent) is None:
        return
    outbox.enqueue(
        conn,
        study_id=study_id,
        delivery_key=key(conn, study_id, "response", alert.rule_id, alert.scope, alert.episode, by.inbox_key),
        audience=alert.audience.value,
        kind="reply",
        content=stored_body(StepContent("response", alert.latest.version, number=response_id)),
        priority=REPLY_PRIORITY,
        created_at=by.queued_at or by.at,
        alert_id=alert.alert_id,
        alert_version=alert.latest.version,
        thread_key=parent,
    )


def accept_starting_state(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """One person accepts what was already so when monitoring began; audited, and shown on the message."""
    content = stored_from_body(sealing.opened(conn, item.study_id, item.content))
    if not isinstance(content, StartingStateContent):
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
    if content.accepted_at is not None:
        first = Acknowledgement(content.accepted_by, content.accepted_at)
        return Done(Effect.ALREADY_ACCEPTED, replies.accepted(first, setting))
    accepted = replace(content, accepted_by=by.user_id, accepted_at=by.at)
    reconcile.restate(conn, item.delivery_key, sealing.content(conn, item.study_id, stored_body(accepted)))
    _audit(conn, item.study_id, by, "starting_state_accepted", {"delivery_key": item.delivery_key})
    return Done(Effect.ACCEPTED, replies.accepted(Acknowledgement(by.user_id, by.at), setting))


def refuse(conn: Connection, study_id: str, by: By, act: Act, audience: Audience, refusal: Refusal) -> Done:
    """Record a refused request. What the person is told shows nothing, and for closed content is always the same."""
    _audit(conn, study_id, by, "refused", {"act": act.value, "audience": audience.value, "because": refusal.value})
    told = replies.MAY_NOT if audience is Audience.OPEN and act not in QUESTIONS else replies.OFF_ROSTER
    return Done(Effect.REFUSED, told)


def record_disclosure(conn: Connection, study_id: str, by: By, act: Act, subject: str) -> None:
    """Record that a person was shown closed content (ICH E6(R3) 4.1: every planned unblinding is recorded)."""
    _audit(conn, study_id, by, "closed_content_shown", {"act": act.value, "about": subject})


def _audit(conn: Connection, study_id: str, by: By, kind: str, body: Mapping[str, object]) -> None:
    audit.append(conn, lock_head(conn, study_id), at=by.at, actor=by.actor, kind=kind, body=dict(body))
