"""The button of a handover: the person who was asked takes the alerts over."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.acting import duty
from bot.acting.actions import Done, Effect
from bot.slack.case import Case
from bot.wording import replies


def take_over(case: Case) -> None:
    """ "Accept handover"."""
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT) if item is None else duty.take_over(conn, item, by, setting)

    case.change(case.study_id, change)
