"""Many alerts of one evaluation, told in one message and listed in its thread: nothing is left out unsaid."""

from __future__ import annotations

from datetime import timedelta

from bot.views import AlertContent, ClosedView, GroupedContent, GroupedStored, OpenView, Setting
from bot.wording.alerts import named, unescaped_lines
from bot.wording.changes import HEADINGS
from bot.wording.phrases import LOOK, MARK, MARK_SENTENCE, STATE, STOP, URGENCY, marked
from bot.wording.said import Said
from bot.wording.text import count, mention, mentions, plain, safe, unescaped, words
from bot.wording.times import hour, length, moment
from rules.model import Urgency

COLUMNS = ("number", "rule", "about", "state", "urgency", "change")
OPEN_ONE = "Give one its own message…"
HOW = "Choose one below and it gets a message of its own, with Why? and the form for a decision."


def grouped(view: OpenView | ClosedView) -> Said:
    """A group's message, or a reply in its thread. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, GroupedContent):
        raise TypeError(f"no group of alerts but {type(content).__name__}")
    if content.stored.step in ("call", "reminder"):
        return _asked_again(content, view.setting)
    return _more(content, view.setting) if content.stored.step == "more" else _message(content, view.setting)


def option(content: AlertContent) -> str:
    """An alert's name in a menu, plain text."""
    return unescaped(f"{_about(content)}")


def line(content: AlertContent) -> str:
    """`• sae · subject P-014 · met`, of a change `• sae · subject P-014 · rule changed, now met`."""
    state = STATE[content.finding.state]
    heading = HEADINGS[content.reason][1].casefold()
    told = state if content.version == 1 else heading if state in heading else f"{heading}, now {state}"
    return f"• {_about(content)} · {told}"


def row(content: AlertContent) -> tuple[str, ...]:
    """An alert in a table: rule, what it is about, state, urgency, what changed."""
    state, urgency = STATE[content.finding.state], URGENCY[content.rule.urgency]
    change = "new" if content.version == 1 else HEADINGS[content.reason][1].casefold()
    return plain(content.rule.id), unescaped(named(content)), state, urgency, change


def file_title(content: GroupedContent, setting: Setting) -> str:
    """What a group's file is called above it."""
    return marked(f"All {count(content.stored.total, 'alert')} of this group", setting.mode)


def _about(content: AlertContent) -> str:
    rule, about = safe(content.rule.id), named(content)
    return about if about.startswith(rule) else f"{rule} · {about}"


def _message(content: GroupedContent, setting: Setting) -> Said:
    stored, shown = content.stored, len(content.alerts)
    sign = STOP if stored.urgency is Urgency.CRITICAL else LOOK
    kind, done = ("", " changed") if stored.step == "changes" else ("new ", "")
    title = f"{count(stored.total, f'{kind}{URGENCY[stored.urgency]} alert')}{done} at once"
    lines = [line(alert) for alert in content.alerts]
    rest = " The rest is in the thread." if shown < stored.total else ""
    showing = f"Showing {shown:,} of {stored.total:,}.{rest}"
    who = f"{mentions(content.mention)}, please" if content.mention else "Please"
    ask = f"{who} look at every one and acknowledge. DSMBot has stopped, held and paused nothing."
    return Said(
        text=marked(unescaped_lines([f"{title.upper()} · {safe(setting.study_id)}.", _joined(lines), showing, ask]),
                    setting.mode),
        head=f"{sign} {marked(title, setting.mode)}",
        lines=(f"*{ask}*", *lines, showing, HOW),
        meta=tuple(filter(None, [f"Found {moment(stored.at, setting.timezone)}.", MARK_SENTENCE[setting.mode]])),
        status=_status(stored, setting),
    )  # fmt: skip


def _more(content: GroupedContent, setting: Setting) -> Said:
    stored = content.stored
    last = stored.first + len(content.alerts) - 1
    title = f"Alerts {stored.first:,} to {last:,} of {stored.total:,}"
    lines = [line(alert) for alert in content.alerts]
    return Said(
        text=marked(unescaped_lines([f"{title} · {safe(setting.study_id)}.", _joined(lines)]), setting.mode),
        head=marked(title, setting.mode),
        lines=tuple(lines),
        meta=tuple(filter(None, [MARK[setting.mode]])),
    )


def _asked_again(content: GroupedContent, setting: Setting) -> Said:
    """One call, or one reminder, for all alerts of a group that wait for the same thing."""
    stored = content.stored
    waited = length(timedelta(minutes=stored.after_minutes))
    which = count(stored.total, "alert")
    if stored.step == "reminder":
        title, sign = f"Reminder: {which} without a decision", LOOK
        said = f"{which} of this group acknowledged by {mention(stored.acknowledged_by)} and not decided for {waited}."
        ask = f"{mentions(content.mention or [stored.acknowledged_by])}, please record a decision for each."
    else:
        title, sign = f"Not acknowledged: calling the {words(stored.role)}", STOP
        said = f"Nobody has acknowledged {which} of this group for {waited}."
        if stored.vacant:
            said = f"No active {words(stored.vacant)} can receive alerts: the next role is called at once."
        who = mentions(content.mention) if content.mention else f"The {words(stored.role)} (nobody holds this role)"
        ask = f"{who}, please look now and acknowledge."
    return Said(
        text=marked(unescaped_lines([f"{title.upper()} · {safe(setting.study_id)}.", said, ask]), setting.mode),
        head=f"{sign} {marked(title, setting.mode)}",
        lines=(f"*{said}* {ask}",),
        meta=tuple(filter(None, [MARK[setting.mode]])),
    )


def _status(stored: GroupedStored, setting: Setting) -> str:
    if stored.acknowledged_at is None:
        return "○ Not acknowledged yet"
    at = hour(stored.acknowledged_at, setting.timezone, beside=stored.at)
    reached = f"{stored.acknowledged:,} of {stored.total:,}"
    return f"● Acknowledged by {mention(stored.acknowledged_by)} {at}: {reached}. No decision yet."


def _joined(lines: list[str]) -> str:
    return "; ".join(line.removeprefix("• ") for line in lines) + "."


def all_acknowledged(number: int, total: int) -> str:
    """To the person who clicked."""
    rest = f" The other {total - number:,} had been acknowledged, resolved or changed." if number < total else ""
    limits = "That is not a decision and not a signature; the decisions are still open."
    return f"{count(number, 'alert')} acknowledged.{rest} {limits}"


def all_withdrawn(number: int) -> str:
    """To the person who took it back."""
    return (
        f"Your acknowledgement of {count(number, 'alert')} was withdrawn; both stay recorded. They call people again."
    )


NOTHING_LEFT = "Every alert of this group has been acknowledged or resolved."
UNFOLDED = "It gets a message of its own in this channel now."
UNFOLDED_BEFORE = "It has a message of its own in this channel already."
