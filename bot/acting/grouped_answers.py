"""What a person does with a group of alerts: one click, one response and one audit entry for each alert it reaches."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from bot.acting.actions import By, Done, Effect, respond
from bot.telling.grouping import stored_group
from bot.telling.outgoing import PRIORITY, alert_key
from bot.views import GroupedStored, Setting, StepContent, stored_body
from bot.wording import grouped as wording
from bot.wording import replies
from storage import alerts, outbox, reconcile, sealing
from storage.alert_records import ResponseKind, StoredAlert
from storage.outbox_rows import Item


def acknowledge_all(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """Acknowledge every listed alert that is open and not acknowledged, as it was when the group was told."""
    group = stored_group(conn, item)
    if group is None:
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
    waiting = [one for one in _listed(conn, group) if one.acknowledgement is None and not one.resolved]
    told_at = group.told_at()
    number = sum(_respond(conn, told_at.get(one.alert_id, 1), one, by, ResponseKind.ACKNOWLEDGED) for one in waiting)
    if number == 0:
        return Done(Effect.ALREADY_ACKNOWLEDGED, replies.not_done(wording.NOTHING_LEFT))
    _restate(conn, item, replace(group, acknowledged_by=by.user_id, acknowledged_at=by.at, acknowledged=number))
    return Done(Effect.ACKNOWLEDGED, replies.in_mode(wording.all_acknowledged(number, group.total), setting))


def withdraw_all(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """Take back what this person acknowledged of the group."""
    group = stored_group(conn, item)
    if group is None:
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
    theirs = [one for one in _listed(conn, group) if one.acknowledgement and one.acknowledgement.user_id == by.user_id]
    told_at = group.told_at()
    number = sum(_respond(conn, told_at.get(one.alert_id, 1), one, by, ResponseKind.WITHDRAWN) for one in theirs)
    if number == 0:
        return Done(Effect.NOTHING_TO_WITHDRAW, replies.nothing_to_withdraw(setting))
    _restate(conn, item, replace(group, acknowledged_by="", acknowledged_at=None, acknowledged=0))
    return Done(Effect.WITHDRAWN, replies.in_mode(wording.all_withdrawn(number), setting))


def unfold(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """Give one listed alert a message of its own; `by.basis` is its number, as the menu's option carries it."""
    group = stored_group(conn, item)
    chosen = next((number for number in group.listed if str(number) == by.basis), None) if group else None
    if chosen is None:
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
    alert = alerts.latest(conn, chosen)
    parent = alert_key(conn, item.study_id, alert.rule_id, alert.scope, alert.episode)
    if outbox.find(conn, parent) is not None:
        return Done(Effect.SHOWN, replies.in_mode(wording.UNFOLDED_BEFORE, setting))
    outbox.enqueue(
        conn, study_id=item.study_id, delivery_key=parent, audience=item.audience, kind="parent",
        content=stored_body(StepContent("alert", alert.latest.version)), priority=PRIORITY[alert.urgency],
        created_at=by.queued_at or by.at, alert_id=chosen, alert_version=alert.latest.version,
    )  # fmt: skip
    return Done(Effect.SHOWN, replies.in_mode(wording.UNFOLDED, setting))


def _listed(conn: Connection, group: GroupedStored) -> list[StoredAlert]:
    found = alerts.by_id(conn, group.every)
    return [found[number] for number in group.every if number in found]


def _respond(conn: Connection, version: int, alert: StoredAlert, by: By, kind: ResponseKind) -> bool:
    """One response, with the finding told at `version`; said in the alert's thread only where it has one.

    Returns whether it is in force: an acknowledgement of what the alert no longer says is kept, and does not count.
    """
    seen = next(one for one in alert.versions if one.version == version)
    basis = sealing.digest(conn, alert.study_id, seen.finding)
    mine = replace(by, inbox_key=f"{by.inbox_key}#{alert.alert_id}", version=seen.version, basis=basis)
    if not respond(conn, alert, mine, kind).recorded:
        return False
    return kind is ResponseKind.WITHDRAWN or alerts.latest(conn, alert.alert_id).acknowledgement is not None


def _restate(conn: Connection, item: Item, group: GroupedStored) -> None:
    reconcile.restate(conn, item.delivery_key, sealing.content(conn, item.study_id, stored_body(group)))
