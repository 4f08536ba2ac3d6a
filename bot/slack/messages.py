"""A view becomes a message: pure, within Slack's limits, with the delivery key where it can be found again.

May not know the database, the network or the clock. Words come from `bot.wording`, facts from a view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bot.contents.questions import AlertsContent, EventsContent, RuleContent, SubjectContent
from bot.contents.summary import SummaryContent
from bot.slack import blocks as make
from bot.slack.limits import SECTION_TEXT, TEXT_RECOMMENDED, VIEW_BLOCKS, VIEW_TITLE, violations
from bot.views import (
    AlertContent,
    ClosedView,
    DrillContent,
    DutyContent,
    EscalationContent,
    GroupedContent,
    GroupsContent,
    HeldContent,
    OpenView,
    OpsContent,
    ReminderContent,
    ResponseContent,
    StandingContent,
    StartingStateContent,
    StatusContent,
    WeekContent,
)
from bot.wording import listings, outlook
from bot.wording.alerts import alert
from bot.wording.changes import change, escalation, reminder
from bot.wording.drill import drill
from bot.wording.duty import duty
from bot.wording.grouped import grouped, option
from bot.wording.groups import groups
from bot.wording.held import held
from bot.wording.notes import note, starting_state, week
from bot.wording.ops import ops
from bot.wording.responses import response
from bot.wording.rule_page import rule
from bot.wording.said import Said
from bot.wording.subject_page import subject
from bot.wording.summary import summary
from bot.wording.why import why
from storage.schema import canonical

EVENT_TYPE = "dsmbot_delivery"
POSSIBLE_DUPLICATE = "POSSIBLE DUPLICATE · "
_NO_BUTTONS = " (The buttons could not be shown here.)"


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted.

    Parameters
    ----------
    text: top-level text, never empty.   blocks: Block Kit dictionaries, the first one's block_id is the delivery key.
    metadata: the delivery key and nothing else, for anybody in the workspace can read it.
    """

    text: str
    blocks: tuple[dict[str, Any], ...]
    metadata: Mapping[str, Any]

    def digest(self) -> str:
        """SHA-256 (hex) of text and blocks: an edit is sent only when this changes."""
        return sha256(canonical([self.text, list(self.blocks)]).encode()).hexdigest()


def render(
    view: OpenView | ClosedView, delivery_key: str, *, reply: bool = False, possible_duplicate: bool = False
) -> Message:
    """The message of a view.

    Parameters
    ----------
    view: from `bot.access.disclose`.   delivery_key: at most 255 characters, not shown to people.
    reply: say the step (what changed), not the standing alert.
    possible_duplicate: it may already be in the channel, which could not be read; the reader is told.

    Raises
    ------
    TypeError: the content has no message (an explanation is a modal).
    """
    said = _say(view, reply=reply)
    head, text = said.head, said.text
    if possible_duplicate:
        head, text = f"{head} (possible duplicate)", POSSIBLE_DUPLICATE + text
    parts = [
        make.header(head, block_id=delivery_key),
        *make.sections(said.lines),
        *make.context(said.meta),
        *make.sections([said.status]),
        *_actions(view, delivery_key, reply=reply),
    ]
    message = Message(make.shortened(text, TEXT_RECOMMENDED), tuple(parts), metadata(delivery_key))
    return plainer(message) if violations(message.blocks, text=message.text) else message


def plainer(message: Message) -> Message:
    """The same message in the two oldest kinds of blocks, for a server that answered `invalid_blocks`.

    The button stays, because an alert that cannot be acknowledged calls people in vain.
    """
    key = str(message.metadata["event_payload"]["delivery_key"])
    kept = [b for b in message.blocks if b["type"] == "actions"]
    buttons = [{**b, "elements": [e for e in b["elements"] if e["type"] == "button"]} for b in kept]
    text = make.mrkdwn(make.shortened(message.text, SECTION_TEXT))
    body = {"type": "section", "block_id": key, "text": text}
    return Message(message.text, (body, *(b for b in buttons if b["elements"])), message.metadata)


def text_only(message: Message) -> Message:
    """The same message without blocks: the last resort, which says that its buttons are missing."""
    return Message(message.text + _NO_BUTTONS, (), message.metadata)


def metadata(delivery_key: str) -> dict[str, Any]:
    """Message metadata of a delivery (https://docs.slack.dev/messaging/message-metadata)."""
    return {"event_type": EVENT_TYPE, "event_payload": {"delivery_key": delivery_key}}


def key_of(posted: Mapping[str, Any]) -> str:
    """The delivery key of a message read from a channel: of its metadata, else of its first block; "" for others."""
    meta = posted.get("metadata") or {}
    if meta.get("event_type") == EVENT_TYPE:
        return str((meta.get("event_payload") or {}).get("delivery_key", ""))
    first: Mapping[str, Any] = next(iter(posted.get("blocks") or ()), {})
    return str(first.get("block_id", ""))


def keys_of(posted: Mapping[str, Any]) -> Iterator[str]:
    """What a message read from a channel can be found by: its delivery key, and the names of its files."""
    key = key_of(posted)
    if key:
        yield key
    for file in posted.get("files") or ():
        if isinstance(file, Mapping) and file.get("name"):
            yield str(file["name"])


def explanation(view: OpenView | ClosedView) -> dict[str, Any]:
    """The "Why?" modal of an alert (https://docs.slack.dev/reference/views). Raises TypeError for other content."""
    said = why(view)
    parts = [*make.sections(said.lines), *make.context(said.meta)]
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": said.head[:VIEW_TITLE]},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": make.fitted(parts, VIEW_BLOCKS),
    }


def refusal_view(text: str) -> dict[str, Any]:
    """A modal that says one thing."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "DSMBot"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [make.plain_section(make.shortened(text, SECTION_TEXT))],
    }


_WORDS: Mapping[type, Callable[[OpenView | ClosedView], Said]] = {
    AlertContent: alert,
    EscalationContent: escalation,
    GroupedContent: grouped,
    ReminderContent: reminder,
    StatusContent: note,
    StartingStateContent: starting_state,
    WeekContent: week,
    GroupsContent: groups,
    OpsContent: ops,
    DrillContent: drill,
    DutyContent: duty,
    AlertsContent: listings.alerts,
    EventsContent: listings.events,
    RuleContent: rule,
    SubjectContent: subject,
    ResponseContent: response,
    HeldContent: held,
    SummaryContent: summary,
    StandingContent: outlook.reply,
}


def _say(view: OpenView | ClosedView, *, reply: bool) -> Said:
    if reply and isinstance(view.content, AlertContent):
        return change(view)
    words = _WORDS.get(type(view.content))
    if words is None:
        raise TypeError(f"no message is made of {type(view.content).__name__}")
    return words(view)


def _actions(view: OpenView | ClosedView, key: str, *, reply: bool) -> Sequence[dict[str, Any]]:
    content = view.content
    if isinstance(content, AlertContent) and not reply:
        return make.alert_actions(
            f"{key}|{content.version}|{content.basis}",
            acknowledged=content.acknowledgement is not None,
            resolved=content.following.resolved is not None,
            may_snooze=content.may_snooze,
        )
    if isinstance(content, GroupedContent) and content.alerts:
        offered = {str(one): option(alert) for one, alert in zip(content.stored.listed, content.alerts, strict=True)}
        shown, done = content.stored.step in ("alerts", "changes"), content.stored.acknowledged > 0
        return make.group_actions(key, offered, buttons=shown, acknowledged=done)
    if isinstance(content, DrillContent):
        return make.drill_actions(key)
    if isinstance(content, DutyContent) and content.step == "handover" and content.accepted_at is None:
        return make.handover_actions(key)
    if isinstance(content, StartingStateContent) and content.accepted_at is None:
        return make.accept_actions(key)
    return ()
