"""What the workspace sends to the bot: interaction, command and event payloads, in Slack's shapes (pure).

Sources: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload,
https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload,
https://docs.slack.dev/interactivity/implementing-slash-commands and https://docs.slack.dev/apis/events-api.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.workspace.errors import UnknownThing
from bot.workspace.people import APP_ID, BOT_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, Channel, Person
from bot.workspace.views import View

VERIFICATION = "practice-verification-token"
MENUS = ("static_select", "overflow", "radio_buttons", "users_select", "conversations_select", "channels_select")


def elements_of(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every interactive element of some blocks, with the id of its block."""
    for block in blocks:
        inside = [*(block.get("elements") or ()), block.get("accessory"), block.get("element")]
        for element in inside:
            if isinstance(element, dict) and element.get("action_id"):
                yield str(block.get("block_id", "")), element


def find_element(blocks: list[dict[str, Any]], action_id: str, block: str = "") -> tuple[str, dict[str, Any]]:
    """The element with this action id, in the block named where one is. Raises UnknownThing naming those that exist."""
    found = list(elements_of(blocks))
    for block_id, element in found:
        if element["action_id"] == action_id and block in ("", block_id):
            return block_id, element
    there = ", ".join(sorted({e["action_id"] for _, e in found})) or "none"
    raise UnknownThing(f"no element with action_id {action_id!r} here; there are: {there}")


def action(block_id: str, element: dict[str, Any], value: str | None, ts: str) -> dict[str, Any]:
    """The ``actions`` entry of pressing a button or choosing `value` in a menu."""
    body: dict[str, Any] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": ts,
    }
    if element["type"] == "button":
        body["text"] = element.get("text")
        if value is not None or "value" in element:
            body["value"] = value if value is not None else element["value"]
        return body | ({"style": element["style"]} if "style" in element else {})
    return body | chosen(element, value)


def chosen(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """What a menu, picker or input holds once `value` is chosen or typed: also one entry of a view's state."""
    kind = element["type"]
    if kind in ("static_select", "overflow", "radio_buttons"):
        return {"selected_option": _option(element, value) if value is not None else None}
    if kind == "checkboxes" or kind == "multi_static_select":
        return {"selected_options": [_option(element, one) for one in value or ()]}
    names = {"users_select": "selected_user", "channels_select": "selected_channel", "datepicker": "selected_date"}
    names |= {"timepicker": "selected_time", "conversations_select": "selected_conversation"}
    names |= {"datetimepicker": "selected_date_time"}
    return {names.get(kind, "value"): value}


def _option(element: dict[str, Any], value: Any) -> dict[str, Any]:
    grouped = [o for group in element.get("option_groups") or () for o in group.get("options") or ()]
    options = [*(element.get("options") or ()), *grouped]
    for option in options:
        if option.get("value") == value:
            return dict(option)
    there = ", ".join(str(o.get("value")) for o in options) or "none"
    raise UnknownThing(f"no option {value!r} in {element['action_id']!r}; there are: {there}")


def user_of(person: Person) -> dict[str, str]:
    """A person as interaction payloads name them."""
    return {"id": person.id, "username": person.handle(), "name": person.handle(), "team_id": person.team_id}


def _from(person: Person, kind: str, trigger_id: str) -> dict[str, Any]:
    return {
        "type": kind,
        "user": user_of(person),
        "api_app_id": APP_ID,
        "token": VERIFICATION,
        "trigger_id": trigger_id,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def block_actions(
    person: Person,
    channel: Channel,
    message: dict[str, Any],
    what: dict[str, Any],
    trigger_id: str,
    response_url: str,
    *,
    ephemeral: bool,
) -> dict[str, Any]:
    """A button pressed or an option chosen in a message."""
    container: dict[str, Any] = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
    container["is_ephemeral"] = ephemeral
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    body = _from(person, "block_actions", trigger_id) | {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [what],
    }
    return body if ephemeral else body | {"message": message}


def view_actions(person: Person, view: View, what: dict[str, Any], trigger_id: str) -> dict[str, Any]:
    """A button pressed in a modal or on the Home tab."""
    container = {"type": "view", "view_id": view.id}
    body = {"container": container, "view": view.as_slack(), "actions": [what]}
    return _from(person, "block_actions", trigger_id) | body


def view_submission(person: Person, view: View, trigger_id: str) -> dict[str, Any]:
    """A modal submitted."""
    return _from(person, "view_submission", trigger_id) | {"view": view.as_slack(), "response_urls": []}


def view_closed(person: Person, view: View) -> dict[str, Any]:
    """A modal closed by the person; sent only where the view asked with ``notify_on_close``."""
    body = _from(person, "view_closed", "") | {"view": view.as_slack(), "is_cleared": False}
    return {key: value for key, value in body.items() if key != "trigger_id"}


def slash_command(
    person: Person, channel: Channel, command: str, text: str, trigger_id: str, response_url: str
) -> dict[str, Any]:
    """A slash command."""
    return {
        "token": VERIFICATION,
        "team_id": person.team_id,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": person.id,
        "user_name": person.handle(),
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def event_callback(event: dict[str, Any], event_id: str, event_time: int) -> dict[str, Any]:
    """The outer shape of an Events API event."""
    authorization = {"enterprise_id": None, "team_id": TEAM_ID, "user_id": BOT_USER_ID, "is_bot": True}
    return {
        "token": VERIFICATION,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "authorizations": [authorization | {"is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def own_message(message: dict[str, Any]) -> bool:
    """Whether the bot wrote this message."""
    return bool(message.get("bot_id") == BOT_ID)
