"""Resolve: a person ends the episode. Met by a new event after it, the rule opens the next one, which links this."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.access import Act
from bot.acting import responding
from bot.acting.actions import By, Done
from bot.slack.acts.form import About, Form, Values
from bot.slack.blocks import Block
from bot.slack.inputs import said, words_input
from bot.wording import forms

REASON = "reason"


def _inputs(_about: About) -> Sequence[Block]:
    return [said(forms.RESOLVE_MEANS), words_input(REASON, forms.REASON, most=forms.MOST_WORDS, hint=forms.REASON_HINT)]


def _wrong(values: Values, _about: About) -> dict[str, str]:
    return forms.words_wrong(REASON, values.get(REASON, ""))


def _apply(conn: Connection, about: About, values: Values, by: By) -> Done:
    return responding.resolve(conn, about.alert, by, about.voice.setting, reason=values[REASON].strip())


def _not_now(about: About) -> str:
    """A hold must be lifted, and a crossed boundary decided on, before an episode can end."""
    alert = about.alert
    if not alert.resolved and alert.holding:
        return forms.held_still(alert.holding)
    if not alert.resolved and about.crossed_boundary and (alert.decided_by is None or alert.rearmed):
        return forms.DECIDE_FIRST
    return forms.resolved_already(about)


RESOLVE = Form(Act.RESOLVE, forms.RESOLVE_TITLE, forms.RESOLVE, _inputs, _wrong, _apply, _not_now)
