"""One outbox row becomes one post: audience checked again, rendered now, tried plainer when the blocks are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.access import disclose
from bot.clearance.findings import RESTRICTED
from bot.lookup.content import content_of
from bot.slack.directory import Directory
from bot.slack.filing import FILE, Filed, file_of, upload
from bot.slack.line import Line
from bot.slack.links import linked
from bot.slack.membership import Verdict, judge
from bot.slack.messages import Message, plainer, render, text_only
from bot.slack.outcomes import Fate, Outcome, attempt
from bot.views import StatusContent
from bot.voice import Voice
from rules.model import Audience
from storage import alerts
from storage.outbox_rows import Item

POSSIBLE_DUPLICATE = "possible duplicate: the channel's history could not be read"
"""`last_error` of a critical row that is sent again without knowing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message and the revision of the alert that it shows (None for notes and replies)."""

    message: Message
    revision: int | None

    def digest(self) -> str:
        """Of what is shown."""
        return self.message.digest()


def composed(line: Line, item: Item) -> Rendered:
    """The message of a row as things stand now.

    Raises
    ------
    bot.access.Withheld: the row's audience may not read it.   Others: the row is not of this program's making.
    """
    voice = line.voice(item)
    with line.db.reading() as conn:
        content = content_of(conn, item, voice)
        is_parent = item.kind == "parent" and item.alert_id is not None
        revision = alerts.latest(conn, item.alert_id).revision if is_parent and item.alert_id else None
    if isinstance(content, StatusContent):
        content = linked(line, item, content)
    view = disclose(content, Audience(item.audience), voice.setting)
    duplicate = item.last_error == POSSIBLE_DUPLICATE
    return Rendered(render(view, item.delivery_key, reply=item.kind == "reply", possible_duplicate=duplicate), revision)


def prepared(line: Line, item: Item) -> Rendered | Filed:
    """The message or the file of a row, ready to go. Raises as `composed` and `file_of` do."""
    return file_of(line, item) if item.kind == FILE else composed(line, item)


def send(line: Line, item: Item, channel_id: str, ready: Rendered | Filed) -> tuple[Outcome, Rendered | Filed]:
    """Send a row once. Returns what became of it, and the form that was tried last."""
    if isinstance(ready, Filed):
        return upload(line, item, channel_id, ready), ready
    outcome, tried = post(line, item, channel_id, ready.message)
    return outcome, Rendered(tried, ready.revision)


def audience_verdict(line: Line, item: Item, channel_id: str) -> tuple[Verdict, Outcome]:
    """Whether the channel may hold this row's audience now, and what became of asking Slack.

    Open channels are not asked about: their content is a function of open data, and whoever is in them may read it.
    """
    return channel_verdict(line.directory, channel_id, Audience(item.audience), line.voice(item))


def channel_verdict(directory: Directory, channel_id: str, audience: Audience, voice: Voice) -> tuple[Verdict, Outcome]:
    """Whether a channel may hold content of an audience now, and what became of asking Slack."""
    if audience is Audience.OPEN:
        return Verdict(True), Outcome(Fate.DONE)
    facts, asked = directory.facts(channel_id, with_members=audience in RESTRICTED)
    return judge(facts, audience, voice.slack, directory.identity()), asked


def post(line: Line, item: Item, channel_id: str, message: Message) -> tuple[Outcome, Message]:
    """Post a row once. A refusal of its blocks or metadata is certain, so that a plainer form may follow at once.

    Returns
    -------
    What became of it, and the form that was tried last.
    """
    placed: dict[str, Any] = {"channel": channel_id, "unfurl_links": False, "unfurl_media": False}
    if item.thread_ts:
        placed |= {"thread_ts": item.thread_ts, "reply_broadcast": item.broadcast}
    return _laddered(message, lambda form: line.client.chat_postMessage(**placed, **form))


def edit(line: Line, channel_id: str, ts: str, message: Message) -> tuple[Outcome, Message]:
    """Edit a posted message in place, in the plainest form that is accepted."""
    return _laddered(message, lambda form: line.client.chat_update(channel=channel_id, ts=ts, **form))


def _laddered(message: Message, call: Callable[[dict[str, Any]], Any]) -> tuple[Outcome, Message]:
    outcome, tried = Outcome(Fate.BAD_BLOCKS), message
    for tried in _forms(message):
        outcome = attempt(partial(call, _arguments(tried)))
        if outcome.fate is Fate.BAD_METADATA:
            outcome = attempt(partial(call, _arguments(tried, metadata=False)))
        if outcome.fate is not Fate.BAD_BLOCKS:
            break
    return outcome, tried


def _forms(message: Message) -> Iterator[Message]:
    yield message
    yield plainer(message)
    yield text_only(message)


def _arguments(message: Message, *, metadata: bool = True) -> dict[str, Any]:
    said: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
    return {**said, "metadata": dict(message.metadata)} if metadata else said
