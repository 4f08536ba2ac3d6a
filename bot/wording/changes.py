"""Replies in an alert's thread: what changed and why people are spoken to again, and whom silence calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.views import AlertContent, ClosedView, EscalationContent, OpenView, ReminderContent
from bot.wording.alerts import unescaped_lines
from bot.wording.clocks import CLOCK, change_title, clock_meaning, clock_sentences
from bot.wording.figures import described, hangs_on
from bot.wording.phrases import DONE_NOTHING, LOOK, MARK, STATE, STOP, marked, protocol_says
from bot.wording.said import Said
from bot.wording.text import SENTENCE, count, mention, mentions, safe, unescaped, words
from bot.wording.times import length, moment
from rules.model import Reason, State

HEADINGS: Mapping[Reason, tuple[str, str]] = {
    Reason.FIRST_CROSSING: (STOP, "Now met"),
    Reason.WORSENED: (STOP, "Worsened"),
    Reason.CONFIRMED: (STOP, "Confirmed"),
    Reason.MET_AGAIN: (STOP, "Met again"),
    Reason.BASIS_CHANGED: (LOOK, "Basis changed"),
    Reason.RULE_CHANGED: (LOOK, "Rule changed"),
    Reason.NO_LONGER_MET: (LOOK, "No longer met on today's records"),
    Reason.NOT_EVALUABLE: (LOOK, "Could not be evaluated"),
    Reason.RESTORED: (LOOK, "Can be evaluated again"),
    Reason.REMINDER_DUE: (LOOK, "Reminder"),
    Reason.NONE: (LOOK, "Changed"),
}

_STAYS = "The first crossing stays recorded. DSMBot has resumed nothing; a person must decide."
_WITHDRAWN = (
    "It was never met for certain: it hung on facts that were missing. Both stay recorded; DSMBot has resumed nothing."
)
_SAYS: Mapping[Reason, str] = {
    Reason.CONFIRMED: "The facts that were missing are recorded; the crossing no longer hangs on them.",
    Reason.BASIS_CHANGED: _STAYS,
    Reason.NO_LONGER_MET: _WITHDRAWN,
    Reason.RULE_CHANGED: "A changed rule is a new version and never clears a crossing.",
    Reason.NOT_EVALUABLE: "Until this is mended nobody is watching this rule. What was crossed stays recorded.",
    Reason.RESTORED: "The events it rests on are those of before; nothing of them has changed.",
    Reason.REMINDER_DUE: "Nobody has acknowledged this alert.",
}
_OF_ANY_KIND = (Reason.RULE_CHANGED, Reason.NOT_EVALUABLE, Reason.RESTORED)
"""Reasons that are told alike of a rule of any kind."""

_FURTHER = "Something counts that did not count before, while the rule was met."
_CEASED = "It was no longer met on later records, and is met again now."
_ASKS = (Reason.FIRST_CROSSING, Reason.WORSENED, Reason.CONFIRMED, Reason.MET_AGAIN)


def change(view: OpenView | ClosedView) -> Said:
    """The reply that tells one version of an alert. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, AlertContent):
        raise TypeError(f"no alert but {type(content).__name__}")
    shape, title = HEADINGS[content.reason]
    lines = [changed(content), *_why(content), _meaning(content), _undone(content), *_protocol(content)]
    if content.rule.kind == CLOCK and content.reason not in _OF_ANY_KIND:
        shape, title = change_title(content)
        first, more = clock_sentences(content, view.setting.timezone)
        lines = [first, *more, *clock_meaning(content), _undone(content), *_protocol(content)]
    as_of = f"Data as of {moment(content.data_as_of, view.setting.timezone)}."
    essential = f"{title.upper()} · {safe(view.setting.study_id)} · {safe(content.rule.id)}:"
    shown = tuple(filter(None, lines))
    return Said(
        text=marked(unescaped_lines([essential, *shown, as_of]), view.setting.mode),
        head=f"{shape} {marked(unescaped(f'{title}: {safe(content.rule.id)}'), view.setting.mode)}",
        lines=(f"*{shown[0]}*", *shown[1:]),
        meta=(as_of, *filter(None, [MARK[view.setting.mode]])),
    )


def changed(content: AlertContent) -> str:
    """Before → after in words: `4 → 3 events; rule stops at 4 of 7 → 4 of 8`, then the count as it is now."""
    before, after = content.change.get("before") or {}, content.change.get("after") or {}
    steps = [_step(name, before[name], after[name]) for name in before if name in after and before[name] != after[name]]
    said = "; ".join(filter(None, steps))
    now = described(content)
    return f"{said}. Now {now}." if said else f"{now}."


def _step(name: str, before: Any, after: Any) -> str:
    if name == "state":
        return f"{_state(before)} → {_state(after)}"
    label = _LABELS.get(name)
    if label is None or not _simple(before) or not _simple(after):
        return ""
    return f"{label} {_shown(before)} → {_shown(after)}"


_LABELS: Mapping[str, str] = {
    "events": "events", "stop_at": "count that stops", "at_n": "among the first", "n_pending": "pending",
    "n_overdue": "overdue", "n_evaluable": "windows closed", "rule_version": "rule version", "grade": "grade",
    "urgency": "urgency", "reason": "reason",
}  # fmt: skip


def _simple(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _shown(value: Any) -> str:
    return "none" if value in (None, "") else safe(value)


def _state(value: Any) -> str:
    return STATE[State(value)] if value in set(State) else safe(value)


def _meaning(content: AlertContent) -> str:
    """What the reason means; "met again" is said of a further event, and of a rule that had ceased to be met."""
    if content.reason is not Reason.MET_AGAIN:
        return _SAYS.get(content.reason, "")
    before = (content.change.get("before") or {}).get("state")
    return _FURTHER if before in (State.CROSSED, State.PROVISIONAL) else _CEASED


def _undone(content: AlertContent) -> str:
    """An acknowledgement of what the alert said before does not cover what it says now."""
    if content.undoes is None:
        return ""
    who = mention(content.undoes.user_id)
    return f"{who} had acknowledged what it said before; that no longer counts. Please look and acknowledge again."


def _why(content: AlertContent) -> list[str]:
    if content.finding.state is State.NOT_EVALUABLE:
        return [safe(content.finding.reason, SENTENCE)]
    if content.finding.state is State.PROVISIONAL:
        return [f"It hangs on this: {'; '.join(hangs_on(content.finding))}."]
    return []


def _protocol(content: AlertContent) -> list[str]:
    rule = content.rule
    if content.reason not in _ASKS or content.finding.state is not State.CROSSED:
        return []
    who = f"{mentions(content.mention)}, please" if content.mention else "Please"
    says = f"The protocol says: {protocol_says(rule.action, safe(words(rule.scope_of_action)))}."
    return [says, f"{DONE_NOTHING[rule.action]} {who} look at the alert above."]


def escalation(view: OpenView | ClosedView) -> Said:
    """The reply that calls a role because nobody acknowledged. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, EscalationContent):
        raise TypeError(f"no escalation but {type(content).__name__}")
    about = alert_line(content.alert)
    waited = f"Nobody has acknowledged this for {_waited(content.waited_minutes)}."
    if content.vacant:
        waited = f"No active {safe(words(content.vacant))} can receive alerts: the next role is called at once."
    who = mentions(content.mention) if content.mention else f"the {safe(words(content.role))} (nobody holds this role)"
    ask = f"{who}, please look now and acknowledge."
    opened = f"Opened {moment(content.alert.opened_at, view.setting.timezone)}."
    limit = "Slack wakes nobody whose notifications are off."
    title = f"Not acknowledged: calling the {words(content.role)}"
    essential = f"NOT ACKNOWLEDGED · {safe(view.setting.study_id)} · {safe(content.alert.rule.id)}:"
    return Said(
        text=marked(unescaped_lines([essential, waited, about, ask, opened]), view.setting.mode),
        head=f"{STOP} {marked(title, view.setting.mode)}",
        lines=(f"*{waited}* {ask}", about),
        meta=tuple(filter(None, [f"{opened} {limit}", MARK[view.setting.mode]])),
    )


def reminder(view: OpenView | ClosedView) -> Said:
    """The reply that reminds whoever acknowledged to decide. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, ReminderContent):
        raise TypeError(f"no reminder but {type(content).__name__}")
    about, done, zone = content.alert, content.alert.acknowledgement, view.setting.timezone
    if done is None:
        waited, ask = "The acknowledgement was withdrawn.", "Please acknowledge, then record a decision."
    else:
        since = f"{_waited(content.waited_minutes)}, since {moment(done.at, zone)}"
        waited = f"Acknowledged by {mention(done.user_id)} and not decided for {since}."
        ask = f"{mentions(list(dict.fromkeys([done.user_id, *about.mention])))}, please record a decision."
    limit = "An acknowledgement is not a decision. This comes again until the alert is decided or resolved."
    essential = f"REMINDER · {safe(view.setting.study_id)} · {safe(about.rule.id)}:"
    return Said(
        text=marked(unescaped_lines([essential, waited, alert_line(about), ask]), view.setting.mode),
        head=f"{LOOK} {marked(unescaped(f'Reminder: {safe(about.rule.id)}'), view.setting.mode)}",
        lines=(f"*{waited}*", alert_line(about), ask),
        meta=tuple(filter(None, [limit, MARK[view.setting.mode]])),
    )


def _waited(minutes: int) -> str:
    """`30 minutes`; from two hours on in the largest whole unit."""
    return count(minutes, "minute") if minutes < 120 else length(timedelta(minutes=minutes))


def alert_line(content: AlertContent) -> str:
    """An alert in one sentence: rule, count, what the protocol says."""
    says = f"The protocol says: {protocol_says(content.rule.action, safe(words(content.rule.scope_of_action)))}."
    return f"{safe(content.rule.title)}: {described(content)}. {says}"
