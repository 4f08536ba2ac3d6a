"""What one person sees of the workspace, as JSON for the page (pure reading)."""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import UnknownThing
from bot.workspace.files import File
from bot.workspace.people import BOT_USER_ID, Channel
from bot.workspace.state import MARKS, TAGS, State
from bot.workspace.store import Message


def viewer_named(workspace: State, reference: str) -> str:
    """The id of the person whose screen is meant: for "" an investigator, else whoever comes first.

    Raises UnknownThing for an unknown person.
    """
    if reference:
        return workspace.person(reference).id
    everyone = [p for p in workspace.directory.people.values() if not p.is_bot]
    return next((p.id for p in everyone if p.role == "investigator"), everyone[0].id if everyone else BOT_USER_ID)


def state(workspace: State, viewer: str) -> dict[str, Any]:
    """Everything that one person sees now ("" as in `viewer_named`). Raises UnknownThing for an unknown person."""
    person = workspace.person(viewer_named(workspace, viewer))
    with workspace.lock:
        channels = workspace.directory.visible_to(person.id)
        seen = {channel.id for channel in channels}
        kept = [m for m in workspace.store.all() if m.channel in seen] + workspace.store.ephemeral(person.id)
        home, top = workspace.views.homes.get(person.id), workspace.views.top(person.id)
        return {
            "mark": MARKS[workspace.mark],
            "tag": TAGS[workspace.mark],
            "study": workspace.study,
            "timezone": workspace.timezone,
            "you": person.id,
            "people": _people(workspace),
            "bot": BOT_USER_ID,
            "hidden": _hidden(workspace, len([c for c in channels if not c.is_im])),
            "channels": [_channel(channel) for channel in channels],
            "messages": [_message(workspace, m) for m in sorted(kept, key=lambda m: m.ts)],
            "view": top.as_slack() if top else None,
            "home": home.as_slack() if home else None,
            **_service(workspace),
        }


def _people(workspace: State) -> list[dict[str, Any]]:
    return [{"id": p.id, "name": p.name, "role": p.role, "bot": p.is_bot} for p in workspace.directory.people.values()]


def _hidden(workspace: State, seen: int) -> int:
    return len([c for c in workspace.directory.channels.values() if not c.is_im]) - seen


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "audience": channel.audience,
        "purpose": channel.purpose,
        "private": channel.is_private,
        "im": channel.is_im,
        "archived": channel.is_archived,
        "members": len([member for member in channel.members if member != BOT_USER_ID]),
    }


def _service(workspace: State) -> dict[str, Any]:
    return {
        "connections": workspace.hub.connections,
        "caption": workspace.caption,
        "guide": workspace.guide,
        "speed": workspace.speed,
        "time_control": workspace.on_time_control is not None,
        "faults": workspace.faults.planned(),
    }


def _message(workspace: State, message: Message) -> dict[str, Any]:
    body = workspace.store.as_slack(message, include_metadata=True)
    return {"channel": message.channel, "only_you": bool(message.ephemeral_to), "payload": body}


def file(workspace: State, viewer: str, file_id: str) -> File:
    """A file that stands in a conversation this person sees. Raises UnknownThing otherwise, in the same words."""
    person = workspace.person(viewer_named(workspace, viewer))
    with workspace.lock:
        seen = {channel.id for channel in workspace.directory.visible_to(person.id)}
        found = workspace.files.find(file_id)
        shown = any(one["id"] == file_id for m in workspace.store.all() if m.channel in seen for one in m.files)
    if found is None or not shown:
        raise UnknownThing(f"{person.name} sees no file {file_id}")
    return found


def change(workspace: State, viewer: str, heard: dict[str, Any]) -> dict[str, Any] | None:
    """One change as this person's page is to hear it; None where it is not for them. Runs with the lock held."""
    if heard["type"] == "message":
        message: Message = heard["message"]
        seen = {channel.id for channel in workspace.directory.visible_to(viewer)}
        if message.channel not in seen or message.ephemeral_to not in ("", viewer):
            return None
        return {"type": "message", "kind": heard["kind"], "message": _message(workspace, message)}
    if heard["type"] == "view":
        if heard["user"] != viewer:
            return None
        top, home = workspace.views.top(viewer), workspace.views.homes.get(viewer)
        return {"type": "view", "view": top.as_slack() if top else None, "home": home.as_slack() if home else None}
    return {**heard, "service": _service(workspace)}
