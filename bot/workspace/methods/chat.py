"""chat.*: posting, editing, deleting. https://docs.slack.dev/reference/methods/chat.postMessage and its siblings."""

from __future__ import annotations

from typing import Any

from bot.slack import limits
from bot.workspace.blocks import check_message
from bot.workspace.errors import ApiError
from bot.workspace.methods.call import Call, method
from bot.workspace.people import BOT_USER_ID, Channel
from bot.workspace.store import Message

UPDATE_TEXT = 4_000
"""chat.update refuses longer text (`msg_too_long`), where chat.postMessage takes up to 40,000 characters †."""
METADATA_BYTES = 16_000


@method("chat.postMessage", "chat:write")
def post_message(call: Call) -> dict[str, Any]:
    """Post to a channel, a thread or a person."""
    channel = destination(call)
    text, blocks, metadata = _content(call, limits.TEXT_CUT)
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None:
        check_parent(call, channel, thread_ts)
    message = call.workspace.store.add(
        Message(
            channel=channel.id,
            ts=call.workspace.store.next_ts(),
            user=BOT_USER_ID,
            text=text,
            blocks=blocks,
            is_bot=True,
            thread_ts=thread_ts,
            metadata=metadata,
            broadcast=thread_ts is not None and call.flag("reply_broadcast"),
        )
    )
    shown = call.workspace.store.as_slack(message, include_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(call: Call) -> dict[str, Any]:
    """Show a message to one person in a channel."""
    channel = destination(call)
    person = call.person()
    if person.id not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks, _ = _content(call, limits.TEXT_CUT)
    store = call.workspace.store
    message = store.add(
        Message(
            channel=channel.id,
            ts=store.next_ts(),
            user=BOT_USER_ID,
            text=text,
            blocks=blocks,
            is_bot=True,
            thread_ts=call.text("thread_ts") or None,
            ephemeral_to=person.id,
        )
    )
    return {"message_ts": message.ts}


@method("chat.update", "chat:write")
def update(call: Call) -> dict[str, Any]:
    """Edit one of the bot's own messages; what is not sent stays as it was."""
    channel = call.joined_channel()
    message = _own(call, channel, "cant_update_message")
    if not any(call.given(part) for part in ("text", "blocks", "metadata")):
        raise ApiError("no_text")
    changes: dict[str, Any] = {}
    if call.given("text"):
        changes["text"] = _short_enough(call.text("text"), UPDATE_TEXT)
    if call.given("blocks"):
        changes["blocks"] = check_message(call.value("blocks", "invalid_blocks_format"))
    if call.given("metadata"):
        changes["metadata"] = _metadata(call)
    if not changes.get("text", message.text) and not changes.get("blocks", message.blocks):
        raise ApiError("no_text")
    call.workspace.store.edit(message, BOT_USER_ID, **changes)
    shown = call.workspace.store.as_slack(message, include_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


@method("chat.delete", "chat:write")
def delete(call: Call) -> dict[str, Any]:
    """Delete one of the bot's own messages."""
    channel = call.joined_channel()
    message = _own(call, channel, "cant_delete_message")
    call.workspace.store.remove(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink")
def get_permalink(call: Call) -> dict[str, Any]:
    """The address of a message, here on the practice page."""
    channel = call.any_channel()
    ts = call.required("message_ts")
    if call.workspace.store.find(channel.id, ts) is None:
        raise ApiError("message_not_found")
    link = f"{call.workspace.origin}/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def destination(call: Call, name: str = "channel") -> Channel:
    """Where something may be posted: a conversation, or a person's direct message. Raises ApiError where it may not."""
    directory = call.workspace.directory
    reference = call.required(name)
    person = directory.people.get(reference)
    if person is not None and not person.is_bot:
        return directory.open_im(person.id)
    channel = call.any_channel(name)
    if channel.is_archived:
        raise ApiError("is_archived")
    if BOT_USER_ID not in channel.members and "chat:write.public" not in call.workspace.scopes:
        raise ApiError("not_in_channel")
    return channel


def _content(call: Call, most: int) -> tuple[str, list[dict[str, Any]], dict[str, Any] | None]:
    text = _short_enough(call.text("text"), most)
    raw = call.value("blocks", "invalid_blocks_format")
    blocks = check_message(raw) if raw else []
    if not text and not blocks and not call.given("attachments"):
        raise ApiError("no_text")
    return text, blocks, _metadata(call)


def _short_enough(text: str, most: int) -> str:
    if len(text) > most:
        raise ApiError("msg_too_long")
    return text


def _metadata(call: Call) -> dict[str, Any] | None:
    value = call.value("metadata", "invalid_metadata_format")
    if not value:
        return None
    payload = value.get("event_payload") if isinstance(value, dict) else None
    if not isinstance(payload, dict) or not isinstance(value.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if len(str(value)) > METADATA_BYTES:
        raise ApiError("metadata_too_large")
    return dict(value)


def check_parent(call: Call, channel: Channel, thread_ts: str) -> None:
    """Raise ApiError `cannot_reply_to_message` where there is no such parent."""
    parent = call.workspace.store.find(channel.id, thread_ts)
    if parent is None or parent.is_reply or parent.ephemeral_to:
        raise ApiError("cannot_reply_to_message")


def _own(call: Call, channel: Channel, refusal: str) -> Message:
    message = call.workspace.store.find(channel.id, call.required("ts"))
    if message is None or message.ephemeral_to:
        raise ApiError("message_not_found")
    if not message.is_bot:
        raise ApiError(refusal)
    return message
