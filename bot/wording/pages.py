"""What is said outside Slack, in an e-mail or to a paging service: enough to make somebody look, no more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.views import AlertContent, ClosedView, Mode, OpenView, PagedContent
from bot.wording.changes import alert_line
from bot.wording.phrases import CHANNEL_WORD, DONE_NOTHING, MARK, MARK_SENTENCE
from bot.wording.text import count, plain, unescaped
from bot.wording.times import moment
from rules.model import Audience

LIMITS = "This message was sent by DSMBot outside Slack. Nobody reads answers to it. It holds no record of a subject."

_WAITING = {
    Audience.OPEN: "A critical alert waits in Slack.",
    Audience.CLOSED: "An alert for the board waits in Slack.",
    Audience.PHARMACY: "An alert for the pharmacist waits in Slack.",
    Audience.OPS: "A critical alert could not be posted to Slack.",
}
"""All that is said of an alert whose content may not leave."""


@dataclass(frozen=True, slots=True)
class Words:
    """Subject line and paragraphs, plain text."""

    subject: str
    lines: tuple[str, ...]


def page(view: OpenView | ClosedView) -> Words:
    """The words of a page. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, PagedContent):
        raise TypeError(f"no page but {type(content).__name__}")
    if content.why == "drill":
        return _drill(view)
    study, mode = plain(view.setting.study_id), view.setting.mode
    marked = f"{MARK[mode]} · " if MARK[mode] else ""
    restricted = content.audience in (Audience.CLOSED, Audience.PHARMACY)
    if restricted:
        lines = [_WAITING[content.audience], _where(content)]
        return Words(f"{marked}{study} · please look into Slack", (*lines, *_foot(mode)))
    told = _alert(content.alert, view.setting.timezone) if content.alert else [_WAITING[content.audience]]
    about = f" · {plain(content.alert.rule.id)}" if content.alert else ""
    lines = [_together(content), *told, _why(content), _where(content)]
    title = f"{content.together:,} {_title(content)}s" if _several(content) else _title(content)
    return Words(f"{marked}{study} · {title}{about}", (*filter(None, lines), *_foot(mode)))


def _several(content: PagedContent) -> bool:
    return content.together > 1 and content.why == "raised"


def _together(content: PagedContent) -> str:
    """A group is called about once: how many wait, and that what follows is one of them."""
    if content.together < 2 or content.why == "acknowledged":
        return ""
    return f"{content.together:,} critical alerts of one message wait together. The first of them:"


def _drill(view: OpenView | ClosedView) -> Words:
    study, mode = plain(view.setting.study_id), view.setting.mode
    nothing = "This is a drill. Nothing has happened to any subject. A critical alert would come this way."
    return Words(f"{f'{MARK[mode]} · ' if MARK[mode] else ''}{study} · drill", (nothing, *_foot(mode)))


def _title(content: PagedContent) -> str:
    if content.audience is Audience.OPS:
        return "Slack has not confirmed a critical message"
    return {
        "raised": "critical alert",
        "unacknowledged": "critical alert not acknowledged",
        "unposted": "critical alert, Slack may not show it",
        "acknowledged": "acknowledged",
    }[content.why]


def _alert(alert: AlertContent, timezone: str) -> list[str]:
    """Rule, count, what the protocol says and what was not done; the scope is left out, for it may name a subject."""
    whole = replace(alert, finding=replace(alert.finding, scope="study"))
    opened = f"Raised {moment(alert.opened_at, timezone)}."
    return [f"{unescaped(alert_line(whole))} {DONE_NOTHING[alert.rule.action]}", opened]


def _why(content: PagedContent) -> str:
    waited = count(content.minutes, "minute")
    if content.why == "unacknowledged":
        return f"Nobody has acknowledged it for {waited}."
    if content.why == "unposted":
        return (
            f"Slack has not confirmed the message for {waited}: it may not be there. DSMBot goes on trying; tell the "
            "others by telephone."
        )
    return "It has been acknowledged: somebody has seen it and is acting." if content.why == "acknowledged" else ""


def _where(content: PagedContent) -> str:
    if content.why == "acknowledged":
        return ""
    if content.audience is Audience.OPS:
        return "Please look after the machine, its network, and https://slack-status.com."
    return f"Please open {CHANNEL_WORD[content.audience]} in Slack and acknowledge."


def _foot(mode: Mode) -> tuple[str, ...]:
    return tuple(filter(None, [LIMITS, MARK_SENTENCE[mode]]))
