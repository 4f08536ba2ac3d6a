"""Record a decision: what people decided, for whom, and why. The bot does nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.access import Act
from bot.acting import responding
from bot.acting.actions import By, Done
from bot.acting.responding import one_subject
from bot.clearance.findings import alias
from bot.slack.acts.form import About, Form, Values
from bot.slack.blocks import Block
from bot.slack.inputs import choice_input, said, words_input
from bot.wording import forms
from storage.alert_records import HOLDS, DecisionKind

DECISION, SCOPE, REASON = "decision", "scope", "reason"
ALL, SUBJECT = "all", "subject"


def offered(about: About) -> list[DecisionKind]:
    """The decisions that are possible as the alert stands: while something is held, to hold more or to resume."""
    if about.alert.holding:
        return [DecisionKind.RESUME, *(kind for kind in DecisionKind if kind in HOLDS)]
    never = {DecisionKind.RESUME} | (set() if about.crossed_boundary else {DecisionKind.CONTINUE_PAST})
    never |= {DecisionKind.CONTINUE} if about.crossed_boundary else set()
    return [kind for kind in DecisionKind if kind not in never]


def _scopes(about: About) -> dict[str, str]:
    subject = one_subject(about.alert, about.rule_kind)
    named = {SUBJECT: forms.scope_subject(alias(subject, about.voice.setting))} if subject else {}
    return {ALL: forms.SCOPE_ALL, **named}


def _inputs(about: About) -> Sequence[Block]:
    return [
        said(forms.protocol_says_now(about.action)),
        choice_input(DECISION, forms.DECISION_LABEL, {kind: forms.DECISIONS[kind] for kind in offered(about)}),
        choice_input(SCOPE, forms.SCOPE_LABEL, _scopes(about), initial=ALL),
        words_input(REASON, forms.REASON, most=forms.MOST_WORDS, hint=forms.REASON_HINT),
    ]


def _wrong(values: Values, about: About) -> dict[str, str]:
    found = forms.words_wrong(REASON, values.get(REASON, ""))
    if values.get(DECISION) not in set(offered(about)):
        found[DECISION] = forms.decision_wrong(about.alert.holding)
    if values.get(SCOPE) not in _scopes(about):
        found[SCOPE] = forms.CHOOSE_SCOPE
    return found


def _apply(conn: Connection, about: About, values: Values, by: By) -> Done:
    subject = one_subject(about.alert, about.rule_kind)
    scope = f"subject:{subject}" if values[SCOPE] == SUBJECT else ALL
    return responding.decide(
        conn, about.alert, by, about.voice.setting, decision=DecisionKind(values[DECISION]), scope=scope,
        reason=values[REASON].strip(),
    )  # fmt: skip


DECIDE = Form(Act.DECIDE, forms.DECIDE_TITLE, forms.DECIDE, _inputs, _wrong, _apply, forms.resolved_already)
