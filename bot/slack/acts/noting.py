"""A note: a person's own words, kept in the database and shown in the alert's thread, to those who may read it.

They are words that somebody typed into Slack to be read there; they are escaped, never formatted, and of no effect.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.access import Act
from bot.acting import responding
from bot.acting.actions import By, Done
from bot.slack.acts.form import About, Form, Values
from bot.slack.blocks import Block
from bot.slack.inputs import words_input
from bot.wording import forms

WORDS = "words"


def _inputs(_about: About) -> Sequence[Block]:
    return [words_input(WORDS, forms.NOTE_LABEL, most=forms.MOST_WORDS, hint=forms.NOTE_HINT)]


def _wrong(values: Values, _about: About) -> dict[str, str]:
    return forms.words_wrong(WORDS, values.get(WORDS, ""))


def _apply(conn: Connection, about: About, values: Values, by: By) -> Done:
    return responding.note(conn, about.alert, by, about.voice.setting, words=values[WORDS].strip())


NOTE = Form(Act.NOTE, forms.NOTE_TITLE, forms.NOTE, _inputs, _wrong, _apply)
