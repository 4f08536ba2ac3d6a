"""A form: a modal with inputs that an act opens, what is wrong with what was typed, and what it comes to.

A form about an alert is a `Form` with four small functions of the alert's `About`. To write one about something else
(a concern, a person's leave), give it another `about`. Whoever opens it and whoever submits it is authorised each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.access import Act
from bot.acting.actions import By, Done, Effect
from bot.lookup.content import definition
from bot.slack.blocks import Block
from bot.slack.case import Case
from bot.slack.limits import VIEW_TITLE
from bot.voice import Voice
from bot.wording import replies
from rules.model import Action, State
from storage import alerts
from storage.alert_records import StoredAlert
from storage.findings import read_rule_version

BOUNDARIES = frozenset({"boundary", "exposure"})
"""Kinds of rule that are stopping boundaries."""

Values = Mapping[str, str]
"""Field → what was typed or chosen, "" for nothing."""


@dataclass(frozen=True, slots=True)
class About:
    """What a form about an alert is about, as it stands now.

    Parameters
    ----------
    alert: with its history.   voice: of the study or its closed side.   user_id: who asks.   now: the study's time.
    rule_kind, action: of the rule version that judged last.
    """

    alert: StoredAlert
    voice: Voice
    user_id: str
    now: datetime
    rule_kind: str = ""
    action: Action = Action.NOTIFY

    @property
    def crossed_boundary(self) -> bool:
        """A stopping boundary that was crossed in this episode, whatever the records say today."""
        crossed = any(version.finding.state is State.CROSSED for version in self.alert.versions)
        return crossed and self.rule_kind in BOUNDARIES


@dataclass(frozen=True)
class Form:
    """A modal with inputs.

    Parameters
    ----------
    act: what submitting it does; authorised when it is opened and again when it is submitted.
    title, submit: at most 24 characters.
    inputs: the blocks, of `bot.slack.inputs`; the block_id and action_id of an input are the name of its field.
    wrong: field → what is wrong with it, in words; empty where the form can be taken.
    apply: in the transaction that marks the submission as applied.
    not_now: a sentence why the act is not possible as the alert stands, "" where it is.
    """

    act: Act
    title: str
    submit: str
    inputs: Callable[[About], Sequence[Block]]
    wrong: Callable[[Values, About], dict[str, str]]
    apply: Callable[[Connection, About, Values, By], Done]
    not_now: Callable[[About], str] = lambda _: ""

    def opened(self, case: Case) -> None:
        """Somebody asked for the form: shown, or told why it is not possible now."""
        with case.desk.db.reading() as conn:
            about = about_alert(case, conn)
        hindrance = replies.UNKNOWN_ALERT if about is None else self.not_now(about)
        if about is None or hindrance:
            case.finish(hindrance, Effect.UNKNOWN if about is None else Effect.NOT_POSSIBLE)
            return
        case.shown(case.study_id, case.audience, self.act, about.alert.rule_id)
        if not case.open(self.view(case, about)):
            case.answer(replies.TOO_LATE)

    def view(self, case: Case, about: About) -> dict[str, Any]:
        """The modal (https://docs.slack.dev/reference/views), about the message that was clicked."""
        return {
            "type": "modal",
            "callback_id": f"dsmbot_{self.act}",
            "private_metadata": case.request.metadata(self.act),
            "title": {"type": "plain_text", "text": self.title[:VIEW_TITLE]},
            "submit": {"type": "plain_text", "text": self.submit},
            "close": {"type": "plain_text", "text": "Cancel"},
            "blocks": list(self.inputs(about)),
        }

    def errors(self, case: Case, conn: Connection) -> dict[str, str]:
        """What is wrong with a submission, before it is kept: by field, for Slack to show there."""
        about = about_alert(case, conn)
        if about is None:
            return {}
        values = case.request.values
        hindrance = self.not_now(about)
        if hindrance:
            return {next(iter(values), ""): hindrance}
        return self.wrong(values, about)

    def submitted(self, case: Case) -> None:
        """Apply a submission, once. What has become impossible since it was filled in is told in private."""

        def change(conn: Connection) -> Done:
            about = about_alert(case, conn)
            if about is None:
                return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
            problem = self.not_now(about) or " ".join(self.wrong(case.request.values, about).values())
            if problem:
                return Done(Effect.NOT_POSSIBLE, replies.not_done(problem))
            return self.apply(conn, about, case.request.values, case.by)

        case.change(case.study_id, change)


def about_alert(case: Case, conn: Connection) -> About | None:
    """The alert of the message that was clicked; None where the message is about none."""
    if case.item is None or case.item.alert_id is None:
        return None
    alert = alerts.latest(conn, case.item.alert_id)
    stored = read_rule_version(conn, alert.study_id, alert.rule_id, alert.latest.rule_version)
    rule = definition(stored.body) if stored else {}
    kind, action = str(rule.get("kind", "")), Action(rule.get("action", Action.NOTIFY))
    return About(alert, case.voice, case.request.user_id, case.now, kind, action)
