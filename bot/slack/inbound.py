"""Clicks and commands as Slack sends them, read into the few facts that matter, under a key proof against redelivery.

Shapes: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and
https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.access import Act
from bot.slack.blocks import ActionId, Choice

ACTION, COMMAND = "action", "command"


@dataclass(frozen=True, slots=True)
class Request:
    """One click or command.

    Parameters
    ----------
    kind: ACTION or COMMAND.   user_id, team_id: who, as Slack signed it.   channel_id: where.
    act: what is asked; None for a word or button that is not ours.
    delivery_key, version, basis: of the message that was clicked.
    command, text: the slash command with its suffix, and what was typed after it.
    trigger_id: opens a modal within three seconds; not stored.
    """

    kind: str
    user_id: str
    team_id: str
    channel_id: str
    act: Act | None = None
    delivery_key: str = ""
    version: int = 1
    basis: str = ""
    command: str = ""
    text: str = ""
    trigger_id: str = ""

    def payload(self) -> dict[str, Any]:
        """What is stored in the inbox: enough to apply it after a crash."""
        return {name: value for name, value in asdict(self).items() if name != "trigger_id"}


def from_payload(stored: Mapping[str, Any]) -> Request:
    """Rebuild a request from the inbox."""
    act = stored.get("act")
    return Request(**{**stored, "act": Act(act) if act else None})


_ACTS = {ActionId.ACKNOWLEDGE: Act.ACKNOWLEDGE, ActionId.ACCEPT: Act.ACCEPT}
_CHOICES = {Choice.WHY: Act.WHY, Choice.WITHDRAW: Act.WITHDRAW}


def click(body: Mapping[str, Any]) -> tuple[str, Request]:
    """Inbox key and request of a block_actions payload; what is missing or foreign becomes "" or None."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    user, team = _ids(body)
    action_id = str(action.get("action_id") or "")
    value = str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")
    act, rest = _meaning(action_id, value)
    key, version, basis = (*rest.split("|"), "", "")[:3]
    request = Request(
        ACTION,
        user,
        team,
        str((body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or ""),
        act,
        key,
        int(version) if version.isdecimal() else 1,
        basis,
        trigger_id=str(body.get("trigger_id") or ""),
    )
    instant = str(action.get("action_ts") or body.get("trigger_id") or "")
    return f"{ACTION}:{team}:{user}:{instant}:{action_id}:{value[:100]}", request


def _meaning(action_id: str, value: str) -> tuple[Act | None, str]:
    if action_id == ActionId.MENU:
        choice, _, rest = value.partition("|")
        return (_CHOICES[Choice(choice)], rest) if choice in set(Choice) else (None, "")
    return (_ACTS[ActionId(action_id)], value) if action_id in set(_ACTS) else (None, "")


def command(body: Mapping[str, Any], instant: str) -> tuple[str, Request]:
    """Inbox key and request of a slash command; `instant` stands in where a server gives no trigger_id."""
    user, team = str(body.get("user_id") or ""), str(body.get("team_id") or "")
    text = str(body.get("text") or "")[:200]
    trigger = str(body.get("trigger_id") or "")
    word = text.split()[0].lower() if text.split() else ""
    request = Request(
        COMMAND,
        user,
        team,
        str(body.get("channel_id") or ""),
        Act.STATUS if word == Act.STATUS else None,
        command=str(body.get("command") or ""),
        text=text,
        trigger_id=trigger,
    )
    return f"{COMMAND}:{team}:{user}:{trigger or instant}", request


def _ids(body: Mapping[str, Any]) -> tuple[str, str]:
    user = body.get("user") or {}
    team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
    return str(user.get("id") or ""), str(team)
