"""The button of a drill: somebody can be reached."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.acting import drill
from bot.acting.actions import Done, Effect
from bot.slack.case import Case
from bot.wording import replies


def got_it(case: Case) -> None:
    """ "I got this on my phone"."""
    item, by, setting = case.item, case.by, case.voice.setting

    def change(conn: Connection) -> Done:
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT) if item is None else drill.confirm(conn, item, by, setting)

    case.change(case.study_id, change)
