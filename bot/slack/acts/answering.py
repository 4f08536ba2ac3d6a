"""One click is enough: acknowledge, take it back, accept the starting state."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from bot import actions
from bot.actions import By, Done, Effect
from bot.slack.case import Case
from bot.views import Setting
from bot.wording import replies
from storage import alerts
from storage.alert_records import StoredAlert


def acknowledge(case: Case) -> None:
    """ "I have seen this and am acting"."""
    _answer(case, actions.acknowledge)


def withdraw(case: Case) -> None:
    """ "Acknowledged by mistake"."""
    _answer(case, actions.withdraw)


def _answer(case: Case, act: Callable[[Connection, StoredAlert, By, Setting], Done]) -> None:
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        if item is None or item.alert_id is None:
            return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
        return act(conn, alerts.latest(conn, item.alert_id), by, setting)

    case.change(case.study_id, change)


def accept(case: Case) -> None:
    """The starting state is accepted by one person."""
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        if item is None:
            return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
        return actions.accept_starting_state(conn, item, by, setting)

    case.change(case.study_id, change)
