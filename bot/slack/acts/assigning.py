"""Assign an alert: to oneself, who is filled in, or to another person who follows up alerts of this audience."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.access import Act, holds_act
from bot.acting import responding
from bot.acting.actions import By, Done
from bot.slack.acts.form import About, Form, Values
from bot.slack.blocks import Block
from bot.slack.inputs import person_input
from bot.wording import forms

PERSON = "person"


def _inputs(about: About) -> Sequence[Block]:
    return [person_input(PERSON, forms.ASSIGN_TO, initial=about.user_id, hint=forms.ASSIGN_HINT)]


def _wrong(values: Values, about: About) -> dict[str, str]:
    person = values.get(PERSON, "")
    if not person:
        return {PERSON: forms.CHOOSE_PERSON}
    if not holds_act(person, Act.ASSIGN, about.alert.audience, about.voice.slack):
        return {PERSON: forms.NOT_A_READER}
    return {PERSON: forms.already_theirs(person)} if person == about.alert.assignee else {}


def _apply(conn: Connection, about: About, values: Values, by: By) -> Done:
    return responding.assign(conn, about.alert, by, about.voice.setting, assignee=values[PERSON])


ASSIGN = Form(Act.ASSIGN, forms.ASSIGN_TITLE, forms.ASSIGN, _inputs, _wrong, _apply, forms.resolved_already)
