"""conversations.*: who is where, and what was said. https://docs.slack.dev/reference/methods/conversations.history"""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.methods.call import Call, method
from bot.workspace.people import BOT_USER_ID, TEAM_ID, Channel
from bot.workspace.scopes import of_channel
from bot.workspace.store import Message

PAGE, MOST = 100, 999
TYPES = {"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read", "mpim": "mpim:read"}


def as_slack(channel: Channel, *, with_members: bool = False) -> dict[str, Any]:
    """A conversation in Slack's shape: https://docs.slack.dev/reference/objects/conversation-object"""
    body: dict[str, Any] = {
        "id": channel.id,
        "created": 1_760_000_000,
        "is_archived": channel.is_archived,
        "is_im": channel.is_im,
        "is_org_shared": channel.is_org_shared,
        "context_team_id": TEAM_ID,
    }
    if channel.is_im:
        return body | {"user": channel.im_with, "is_user_deleted": False, "priority": 0}
    topic = {"value": channel.purpose, "creator": "", "last_set": 0}
    body |= {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_group": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_general": False,
        "is_shared": channel.is_ext_shared or channel.is_org_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": False,
        "is_member": BOT_USER_ID in channel.members,
        "creator": BOT_USER_ID,
        "shared_team_ids": [TEAM_ID],
        "topic": topic,
        "purpose": topic,
        "previous_names": [],
        "unlinked": 0,
    }
    return body | ({"num_members": len(channel.members)} if with_members else {})


@method("conversations.info")
def info(call: Call) -> dict[str, Any]:
    """One conversation."""
    channel = call.any_channel()
    call.need(of_channel(channel, "read"))
    return {"channel": as_slack(channel, with_members=call.flag("include_num_members"))}


@method("conversations.list")
def list_(call: Call) -> dict[str, Any]:
    """Conversations of the types asked for that the bot may know of."""
    wanted = call.text("types", "public_channel").replace(" ", "").split(",")
    for kind in wanted:
        if kind not in TYPES:
            raise ApiError("invalid_types")
        call.need(TYPES[kind])
    found = [c for c in call.workspace.directory.channels.values() if _type(c) in wanted and _known(c)]
    if call.flag("exclude_archived"):
        found = [c for c in found if not c.is_archived]
    shown, following = call.page([as_slack(c, with_members=True) for c in found], call.number("limit", PAGE, MOST))
    return {"channels": shown, "response_metadata": {"next_cursor": following}}


def _type(channel: Channel) -> str:
    return "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"


def _known(channel: Channel) -> bool:
    return not channel.is_private or BOT_USER_ID in channel.members


@method("conversations.members")
def members(call: Call) -> dict[str, Any]:
    """Who is in a conversation, by user id."""
    channel = call.any_channel()
    call.need(of_channel(channel, "read"))
    shown, following = call.page(channel.members, call.number("limit", PAGE, MOST))
    return {"members": shown, "response_metadata": {"next_cursor": following}}


@method("conversations.open", "im:write")
def open_(call: Call) -> dict[str, Any]:
    """Open the direct message with one person."""
    users = [user for user in call.text("users").split(",") if user]
    if call.given("channel"):
        channel = call.any_channel()
    elif len(users) != 1:
        raise ApiError("users_list_not_supplied" if not users else "not_enough_users")
    elif users[0] not in call.workspace.directory.people:
        raise ApiError("user_not_found")
    else:
        channel = call.workspace.directory.open_im(users[0])
    return {"channel": as_slack(channel) if call.flag("return_im") else {"id": channel.id}}


@method("conversations.join", "channels:join")
def join(call: Call) -> dict[str, Any]:
    """Join a public channel; a private one needs an invitation."""
    channel = call.any_channel()
    if channel.is_private or channel.is_im:
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    already = BOT_USER_ID in channel.members
    if already:
        return {"channel": as_slack(channel), "warning": "already_in_channel"}
    channel.members.append(BOT_USER_ID)
    return {"channel": as_slack(channel)}


@method("conversations.history")
def history(call: Call) -> dict[str, Any]:
    """Messages of a conversation without its threads, newest first."""
    channel = call.readable_channel()
    found = [m for m in reversed(call.workspace.store.channel(channel.id)) if _within(call, m)]
    shown, following = _messages(call, found)
    body: dict[str, Any] = {"messages": shown, "has_more": bool(following), "pin_count": 0}
    return body | ({"response_metadata": {"next_cursor": following}} if following else {})


@method("conversations.replies")
def replies(call: Call) -> dict[str, Any]:
    """A thread: the parent, then its replies, oldest first. The parent comes whatever the bounds are."""
    channel = call.readable_channel()
    thread = call.workspace.store.thread(channel.id, call.required("ts"))
    if not thread:
        raise ApiError("thread_not_found")
    found = [m for m in thread if not m.is_reply or _within(call, m)]
    shown, following = _messages(call, found)
    body: dict[str, Any] = {"messages": shown, "has_more": bool(following)}
    return body | ({"response_metadata": {"next_cursor": following}} if following else {})


def _within(call: Call, message: Message) -> bool:
    oldest, latest = call.text("oldest", "0"), call.text("latest")
    key, low = _order(message.ts), _order(oldest)
    high = _order(latest) if latest else None
    if call.flag("inclusive"):
        return low <= key and (high is None or key <= high)
    return low < key and (high is None or key < high)


def _order(ts: str) -> tuple[int, int]:
    seconds, _, fraction = ts.partition(".")
    if not seconds.isdigit() or not (fraction.isdigit() or fraction == ""):
        raise ApiError("invalid_ts_oldest")
    return int(seconds), int(fraction.ljust(6, "0")[:6])


def _messages(call: Call, found: list[Message]) -> tuple[list[dict[str, Any]], str]:
    page, following = call.page(found, call.number("limit", PAGE, MOST))
    metadata = call.flag("include_all_metadata")
    return [call.workspace.store.as_slack(m, include_metadata=metadata) for m in page], following
