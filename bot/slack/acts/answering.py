"""One click is enough: acknowledge, take it back, unfold a group, accept the starting state."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from bot.acting import actions, grouped_answers
from bot.acting.actions import By, Done, Effect
from bot.slack.case import Case
from bot.telling.grouping import GROUP
from bot.views import Setting
from bot.wording import replies
from storage import alerts
from storage.alert_records import StoredAlert
from storage.outbox_rows import Item


def acknowledge(case: Case) -> None:
    """ "I have seen this and am acting"."""
    _answer(case, actions.acknowledge, grouped_answers.acknowledge_all)


def withdraw(case: Case) -> None:
    """ "Acknowledged by mistake"."""
    _answer(case, actions.withdraw, grouped_answers.withdraw_all)


def _answer(
    case: Case,
    act: Callable[[Connection, StoredAlert, By, Setting], Done],
    act_on_all: Callable[[Connection, Item, By, Setting], Done],
) -> None:
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        if item is not None and item.kind == GROUP:
            return act_on_all(conn, item, by, setting)
        if item is None or item.alert_id is None:
            return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
        return act(conn, alerts.latest(conn, item.alert_id), by, setting)

    case.change(case.study_id, change)


def unfold(case: Case) -> None:
    """One alert of a group gets a message of its own."""
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        if item is None:
            return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
        return grouped_answers.unfold(conn, item, by, setting)

    case.change(case.study_id, change)


def accept(case: Case) -> None:
    """The starting state is accepted by one person."""
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        if item is None:
            return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
        return actions.accept_starting_state(conn, item, by, setting)

    case.change(case.study_id, change)
