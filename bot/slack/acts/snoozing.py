"""Snooze: calls and reminders rest for some hours. Never for a crossed stopping boundary; new evidence breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from bot.access import Act
from bot.acting import responding
from bot.acting.actions import By, Done
from bot.slack.acts.form import About, Form, Values
from bot.slack.blocks import Block
from bot.slack.inputs import number_input, words_input
from bot.wording import forms

HOURS, REASON = "hours", "reason"


def _most(about: About) -> int:
    return int(about.voice.slack.snooze_max / timedelta(hours=1))


def _inputs(about: About) -> Sequence[Block]:
    most = _most(about)
    return [
        number_input(
            HOURS, forms.SNOOZE_HOURS, least=1, most=most, initial=min(8, most), hint=forms.snooze_hint(most)
        ),
        words_input(REASON, forms.REASON, most=forms.MOST_WORDS, hint=forms.REASON_HINT),
    ]  # fmt: skip


def _wrong(values: Values, about: About) -> dict[str, str]:
    hours, most = values.get(HOURS, "").strip(), _most(about)
    within = hours.isascii() and hours.isdecimal() and len(hours) <= 4 and 1 <= int(hours) <= most
    return {**({} if within else {HOURS: forms.hours_wrong(most)}), **forms.words_wrong(REASON, values.get(REASON, ""))}


def _apply(conn: Connection, about: About, values: Values, by: By) -> Done:
    until = by.at + timedelta(hours=int(values[HOURS]))
    return responding.snooze(conn, about.alert, by, about.voice.setting, until=until, reason=values[REASON].strip())


def _not_now(about: About) -> str:
    if about.crossed_boundary:
        return forms.NO_SNOOZE_OF_BOUNDARY
    return forms.resolved_already(about)


SNOOZE = Form(Act.SNOOZE, forms.SNOOZE_TITLE, forms.SNOOZE, _inputs, _wrong, _apply, _not_now)
