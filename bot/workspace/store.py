"""Messages as the workspace keeps them: posting, editing, deleting, reading back.

Times are Slack timestamps (``ts``), unique and ordered; the store makes them from the workspace's clock. The shapes
are those of https://docs.slack.dev/reference/methods/chat.postMessage and
https://docs.slack.dev/reference/methods/conversations.history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bot.workspace.clock import Clock, microseconds, timestamp
from bot.workspace.people import APP_ID, BOT_ID, BOT_NAME, TEAM_ID

Blocks = list[dict[str, Any]]
ChangeKind = Literal["posted", "changed", "deleted"]


@dataclass(slots=True)
class Message:
    """One message.

    Parameters
    ----------
    channel, ts: where and when; together the identity.
    user: author. is_bot: posted by the bot's token.
    thread_ts: parent of the thread, None outside threads (and on a parent without replies).
    metadata: ``{event_type, event_payload}`` as sent, returned only on request.
    edited: ``{user, ts}`` of the last edit. deleted: tombstone, no longer visible.
    ephemeral_to: the only person who sees it, "" for everyone.
    files: shared with it, in Slack's shape.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: Blocks = field(default_factory=list)
    is_bot: bool = False
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    edited: dict[str, str] | None = None
    broadcast: bool = False
    deleted: bool = False
    ephemeral_to: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Lives in a thread under another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def delivery_key(self) -> str:
        """The key that names the notification this message delivers: metadata first, else the first block's id.

        Returns "" when there is neither. A ``block_id`` that the workspace made itself is no key.
        """
        payload = (self.metadata or {}).get("event_payload")
        if isinstance(payload, dict) and payload.get("delivery_key"):
            return str(payload["delivery_key"])
        first = str(self.blocks[0].get("block_id", "")) if self.blocks else ""
        return "" if first.startswith(MADE_BLOCK_ID) else first


MADE_BLOCK_ID = "b~"
"""Prefix of block ids that the workspace makes where the sender gave none."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one message; listeners get it after the store has changed."""

    kind: ChangeKind
    message: Message


class Store:
    """All messages of the workspace, kept in the order of their timestamps. `Workspace` holds the lock.

    Parameters
    ----------
    clock: present time; timestamps are never equal and never go back, even when the clock does.
    notify: called with each `Change`.
    """

    def __init__(self, clock: Clock, notify: Callable[[Change], None]) -> None:
        self._clock = clock
        self._notify = notify
        self._last = 0
        self._messages: dict[tuple[str, str], Message] = {}
        self._replies: dict[tuple[str, str], list[Message]] = {}

    def next_ts(self) -> str:
        """A fresh timestamp."""
        self._last = max(microseconds(self._clock()), self._last + 1)
        return timestamp(self._last)

    def add(self, message: Message) -> Message:
        """Keep a new message and tell the listeners."""
        name_blocks(message.blocks, message.ts)
        self._keep(message)
        self._notify(Change("posted", message))
        return message

    def _keep(self, message: Message) -> None:
        self._messages[message.channel, message.ts] = message
        if message.is_reply and message.thread_ts and not message.ephemeral_to:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message)

    def edit(self, message: Message, editor: str, **values: Any) -> Message:
        """Change some fields of a message; marks it edited."""
        for name, value in values.items():
            setattr(message, name, value)
        name_blocks(message.blocks, message.ts)
        message.edited = {"user": editor, "ts": self.next_ts()}
        self._notify(Change("changed", message))
        return message

    def remove(self, message: Message) -> None:
        """Delete: no longer visible, its timestamp stays used."""
        message.deleted = True
        self._notify(Change("deleted", message))

    def find(self, channel: str, ts: str) -> Message | None:
        """The visible message with this identity, ephemeral ones among them."""
        message = self._messages.get((channel, ts))
        return None if message is None or message.deleted else message

    def all(self) -> Iterable[Message]:
        """Every visible message that everyone in its channel sees, oldest first."""
        return (m for m in self._messages.values() if not m.deleted and not m.ephemeral_to)

    def ephemeral(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        return [m for m in self._messages.values() if m.ephemeral_to == user and not m.deleted]

    def channel(self, channel: str) -> list[Message]:
        """The conversation without its threads, oldest first; broadcast replies are part of it."""
        return [m for m in self.all() if m.channel == channel and (not m.is_reply or m.broadcast)]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A parent (where it still exists) and its replies, oldest first."""
        parent = self._messages.get((channel, ts))
        shown = [] if parent is None or parent.deleted or parent.ephemeral_to else [parent]
        return shown + [m for m in self._replies.get((channel, ts), ()) if not m.deleted]

    def replies(self, message: Message) -> list[Message]:
        """The visible replies to a message, oldest first."""
        return [m for m in self._replies.get((message.channel, message.ts), ()) if not m.deleted]

    def as_slack(self, message: Message, *, include_metadata: bool = False) -> dict[str, Any]:
        """The message in Slack's shape; metadata only on request, as `include_all_metadata` has it."""
        body: dict[str, Any] = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
        body["team"] = TEAM_ID
        if message.is_bot:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": bot_profile()}
        if message.blocks:
            body["blocks"] = message.blocks
        if message.files:
            body |= {"files": message.files, "upload": False}
        if message.edited:
            body["edited"] = message.edited
        if include_metadata and message.metadata:
            body["metadata"] = message.metadata
        if message.is_reply:
            body["thread_ts"] = message.thread_ts
            if message.broadcast:
                body["subtype"] = "thread_broadcast"
        elif replies := self.replies(message):
            body |= _thread_summary(message, replies)
        return body

    def dump(self) -> dict[str, Any]:
        """The whole store as JSON values."""
        return {"last": self._last, "messages": [asdict(m) for m in self._messages.values()]}

    def load(self, body: dict[str, Any]) -> None:
        """Replace everything by what `dump` gave. Raises KeyError or TypeError on another shape."""
        self._last = body["last"]
        self._messages, self._replies = {}, {}
        for message in body["messages"]:
            self._keep(Message(**message))


def name_blocks(blocks: Blocks, stem: str) -> None:
    """Give every block without one a `block_id`, as Slack does; `stem` makes it unique."""
    for index, block in enumerate(blocks):
        block.setdefault("block_id", f"{MADE_BLOCK_ID}{stem}-{index}")


def bot_profile() -> dict[str, Any]:
    """The bot as messages show it: https://docs.slack.dev/reference/methods/bots.info"""
    return {"id": BOT_ID, "app_id": APP_ID, "name": BOT_NAME, "deleted": False, "team_id": TEAM_ID, "updated": 0}


def _thread_summary(parent: Message, replies: list[Message]) -> dict[str, Any]:
    authors = list(dict.fromkeys(m.user for m in replies))
    return {
        "thread_ts": parent.ts,
        "reply_count": len(replies),
        "reply_users_count": len(authors),
        "reply_users": authors,
        "latest_reply": replies[-1].ts,
    }
