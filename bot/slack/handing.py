"""Handing an answer over: a short one where it was asked, for that person's eyes; a long one to their direct messages,
which stay; on request to the channel, where everybody there may read it.

The text goes first and says everything; pictures and files follow it, because Slack takes its time with them. What
cannot be handed over is logged, and the person is told that it could not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk import WebClient

from bot.slack.links import address_of
from bot.slack.messages import Message, plainer
from bot.slack.outcomes import Fate, Outcome, attempt

log = structlog.get_logger(__name__)

LONG_TEXT, LONG_BLOCKS = 1_200, 8
"""An answer with more characters, or more blocks, than this, or with a picture, goes to the direct messages."""

ALT = 1_000
"""Slack refuses longer descriptions (`alt_txt_too_large`)."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A picture or file that follows an answer.

    Parameters
    ----------
    name, title: of the file, and as people see it.   content: the bytes.   alt: what a picture shows, in words.
    """

    name: str
    title: str
    content: bytes
    alt: str = ""


def is_long(message: Message, enclosures: Sequence[Enclosure] = ()) -> bool:
    """Whether an answer is too long to vanish when the window is loaded anew."""
    return bool(enclosures) or len(message.text) > LONG_TEXT or len(message.blocks) > LONG_BLOCKS


@dataclass(frozen=True, slots=True)
class Handed:
    """Whether an answer was posted, and the address that opens it ("" where Slack gave none)."""

    done: bool
    address: str = ""


def to_person(client: WebClient, user_id: str, message: Message, enclosures: Sequence[Enclosure] = ()) -> Handed:
    """Send an answer to a person's direct messages."""
    opened = attempt(lambda: client.conversations_open(users=user_id))
    channel = str((opened.data.get("channel") or {}).get("id") or "")
    if opened.fate is not Fate.DONE or not channel:
        log.warning("a direct message could not be opened", user=user_id, error=opened.error)
        return Handed(done=False)
    ts = to_channel(client, channel, message, enclosures, thread=False)
    return Handed(bool(ts), address_of(client, channel, ts) if ts else "")


def to_channel(
    client: WebClient, channel_id: str, message: Message, enclosures: Sequence[Enclosure] = (), *, thread: bool = True
) -> str:
    """Post an answer; returns its ts, "" where its text could not be posted. `thread`: what follows goes into it."""
    posted = _posted(client, channel_id, message)
    if posted.fate is not Fate.DONE:
        log.warning("an answer could not be posted", channel=channel_id, error=posted.error)
        return ""
    ts = str(posted.data.get("ts") or "")
    parent = ts if thread else None
    for one in enclosures:
        sent = attempt(lambda one=one: _upload(client, channel_id, parent, one))  # type: ignore[misc]
        if sent.fate is not Fate.DONE:
            log.warning("a file could not be uploaded", channel=channel_id, file=one.name, error=sent.error)
            missing = f"The picture or file “{one.title}” could not be shown; its words are above."
            attempt(lambda missing=missing: _say(client, channel_id, parent, missing))  # type: ignore[misc]
    return ts


def _posted(client: WebClient, channel_id: str, message: Message) -> Outcome:
    outcome = Outcome(Fate.BAD_BLOCKS)
    for form in (message, plainer(message)):
        arguments: dict[str, Any] = {"text": form.text, "blocks": list(form.blocks)}
        outcome = attempt(lambda given=arguments: _post(client, channel_id, given))  # type: ignore[misc]
        if outcome.fate is not Fate.BAD_BLOCKS:
            break
    return outcome


def _post(client: WebClient, channel_id: str, given: dict[str, Any]) -> Any:
    return client.chat_postMessage(channel=channel_id, unfurl_links=False, unfurl_media=False, **given)


def _say(client: WebClient, channel_id: str, parent: str | None, text: str) -> Any:
    return client.chat_postMessage(channel=channel_id, text=text, thread_ts=parent)


def _upload(client: WebClient, channel_id: str, parent: str | None, one: Enclosure) -> Any:
    """In three steps: https://docs.slack.dev/messaging/working-with-files#upload"""
    return client.files_upload_v2(
        channel=channel_id, filename=one.name, title=one.title, file=one.content, alt_txt=one.alt[:ALT] or None,
        thread_ts=parent, initial_comment=None if one.alt else one.title,
    )  # fmt: skip
