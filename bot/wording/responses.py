"""Replies in an alert's thread about what a person did with it. Their own words are escaped, never formatted."""

from __future__ import annotations

from datetime import datetime

from bot.views import ClosedView, OpenView, ResponseContent, Setting
from bot.wording.changes import alert_line
from bot.wording.forms import DECISIONS, MOST_WORDS
from bot.wording.phrases import FINE, LOOK, MARK, marked, protocol_says
from bot.wording.said import Said
from bot.wording.text import mention, safe
from bot.wording.times import hour, moment
from rules.model import Action

NOTED = "Your note was added."
RESOLVED = "The episode was resolved."
CHANGED_MEANWHILE = "The alert has changed since you looked at it; please look at it again."

_NOT_CHARACTERISED = (
    "The rule stays armed: the next event is told aloud. Its false alarm and power were computed for stopping here; "
    "they no longer apply."
)
_NOTHING_DONE = "DSMBot has done nothing of this; it records it."


def assigned(assignee: str) -> str:
    """To the person who assigned."""
    return f"Assigned to {mention(assignee)}."


def snoozed(until: datetime, setting: Setting) -> str:
    """To the person who snoozed."""
    return f"Calls and reminders rest until {moment(until, setting.timezone)}, or until anything about it changes."


def decided(decision: str, *, acknowledges: bool = False) -> str:
    """To the person who recorded a decision; `acknowledges`: nobody had acknowledged the alert before."""
    seen = " The alert counts as acknowledged by you." if acknowledges else ""
    made = DECISIONS[decision].lower()
    return f"Recorded: {made}. That is a record, not a signature; DSMBot does nothing of it.{seen}"


def response(view: OpenView | ClosedView) -> Said:
    """The reply about one response. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, ResponseContent):
        raise TypeError(f"no response but {type(content).__name__}")
    setting = view.setting
    title, lines = _told(content, setting)
    older = f"They were looking at version {content.seen}; the alert has changed since." if _older(content) else ""
    when = f"{moment(content.by.at, setting.timezone)}."
    shown = tuple(filter(None, [*lines, older]))
    essential = f"{title.upper()} · {safe(setting.study_id)} · {safe(content.alert.rule.id)}:"
    plain = " ".join(line.replace("*", "") for line in (essential, *shown, when))
    shape = FINE if content.kind in ("acknowledged", "resolved") else LOOK
    return Said(
        text=marked(plain, setting.mode),
        head=f"{shape} {marked(f'{title}: {content.alert.rule.id}', setting.mode)}",
        lines=shown,
        meta=(when, *filter(None, [MARK[setting.mode]])),
    )


def _older(content: ResponseContent) -> bool:
    return content.kind == "acknowledged" and content.seen < content.alert.version


def _told(content: ResponseContent, setting: Setting) -> tuple[str, list[str]]:
    """Title and lines, by kind."""
    who, own = mention(content.by.user_id), _own_words(content.words)
    if content.kind == "acknowledged":
        for_whom = (
            f" It was {mention(content.covering)}'s to answer, for whom they stand in." if content.covering else ""
        )
        return "Acknowledged", [f"{who} has seen this and is acting. Not a decision, not a signature.{for_whom}"]
    if content.kind == "acknowledgement_withdrawn":
        return "Acknowledgement withdrawn", [f"{who} acknowledged by mistake. The alert calls people again."]
    if content.kind == "assigned":
        if content.handed_by:
            return "Handed over", [
                f"{who} took this over from {mention(content.handed_by)}.",
                alert_line(content.alert),
            ]
        return "Assigned", [f"{who} assigned this to {mention(content.assignee)}.", alert_line(content.alert)]
    if content.kind == "noted":
        return "Note", [f"{who} notes:", own]
    if content.kind == "snoozed":
        until = hour(content.until, setting.timezone, beside=content.by.at) if content.until else ""
        rests = f"{who} lets calls and reminders rest until {until}; anything new about the alert ends that."
        return "Snoozed", [rests, own]
    if content.kind == "resolved":
        ends = f"{who} ended this episode. Met by a further event, the rule opens a new alert that links this one."
        return "Resolved", [ends, own]
    return _decided(content, who, own)


def _decided(content: ResponseContent, who: str, own: str) -> tuple[str, list[str]]:
    decision = content.decision
    assert decision is not None
    whom = f"subject {safe(decision.subject)}" if decision.subject else "all subjects"
    lines = [f"*{who} recorded: {DECISIONS[decision.kind].lower()}, {whom}.* {_NOTHING_DONE}", own]
    if decision.kind == "continue_past":
        lines.append(_NOT_CHARACTERISED)
    if content.alert.rule.action is not Action.NOTIFY and decision.kind in ("continue", "continue_past", "modify"):
        lines.append(f"This differs from what the protocol says: {_protocol(content)}.")
    return "Decision recorded", lines


def _protocol(content: ResponseContent) -> str:
    return protocol_says(content.alert.rule.action)


def _own_words(typed: str) -> str:
    return f"“{safe(typed, MOST_WORDS)}”" if typed else ""
