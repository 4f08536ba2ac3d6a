"""What a person does with an alert beyond acknowledging it: the application of submitted forms, without Slack.

Every function works in the caller's writing transaction, records one response with the basis that the person looked
at, queues one reply in the alert's thread, and says what to tell the person. Whether it is possible was asked before.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.acting.actions import By, Done, Effect, respond
from bot.views import Setting
from bot.wording import replies, responses
from storage.alert_records import DecisionKind, ResponseKind, StoredAlert


def assign(conn: Connection, alert: StoredAlert, by: By, setting: Setting, *, assignee: str) -> Done:
    """The alert is somebody's to follow up. That silences nothing."""
    respond(conn, alert, by, ResponseKind.ASSIGNED, body={"assignee": assignee})
    return Done(Effect.ASSIGNED, replies.recorded(responses.assigned(assignee), setting))


def note(conn: Connection, alert: StoredAlert, by: By, setting: Setting, *, words: str) -> Done:
    """A note changes nothing but what people know."""
    respond(conn, alert, by, ResponseKind.NOTED, note=words)
    return Done(Effect.NOTED, replies.recorded(responses.NOTED, setting))


def snooze(
    conn: Connection, alert: StoredAlert, by: By, setting: Setting, *, until: datetime, reason: str
) -> Done:  # fmt: skip
    """Calls and reminders rest until then, or until anything about the alert changes."""
    if by.version < alert.latest.version:
        return Done(Effect.LOOKED_AT_OLDER, replies.not_done(responses.CHANGED_MEANWHILE))
    respond(conn, alert, by, ResponseKind.SNOOZED, note=reason, body={"until": until.isoformat()})
    return Done(Effect.SNOOZED, replies.recorded(responses.snoozed(until, setting), setting))


def decide(
    conn: Connection, alert: StoredAlert, by: By, setting: Setting, *, decision: DecisionKind, scope: str, reason: str
) -> Done:
    """What people decided is recorded; the bot does nothing of it.

    Whoever decides has seen the alert: where nobody has acknowledged it, that is recorded first, and calls end.
    """
    if by.version < alert.latest.version:
        return Done(Effect.LOOKED_AT_OLDER, replies.not_done(responses.CHANGED_MEANWHILE))
    seen = alert.acknowledgement is None
    if seen:
        respond(conn, alert, replace(by, inbox_key=f"{by.inbox_key}#seen"), ResponseKind.ACKNOWLEDGED)
    respond(conn, alert, by, ResponseKind.DECIDED, note=reason, body={"decision": decision.value, "scope": scope})
    return Done(Effect.DECIDED, replies.recorded(responses.decided(decision, acknowledges=seen), setting))


def resolve(conn: Connection, alert: StoredAlert, by: By, setting: Setting, *, reason: str) -> Done:
    """A person ends the episode; met by a new event after it, the rule opens the next one."""
    if by.version < alert.latest.version:
        return Done(Effect.LOOKED_AT_OLDER, replies.not_done(responses.CHANGED_MEANWHILE))
    respond(conn, alert, by, ResponseKind.RESOLVED, note=reason)
    return Done(Effect.RESOLVED, replies.recorded(responses.RESOLVED, setting))


def one_subject(alert: StoredAlert, rule_kind: str) -> str:
    """The subject that an alert is about, where it is about one; else ""."""
    finding = alert.finding
    whose = {item.usubjid for item in finding.counted()}
    about_one = rule_kind == "event" or finding.details.get("per") == "subject"
    return whose.pop() if about_one and len(whose) == 1 else ""
