"""Clicks, commands and submitted forms as Slack sends them, read into the few facts that matter, under a key that is
proof against redelivery.

Shapes: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload,
https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload and
https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.access import Act
from bot.slack.blocks import ActionId

ACTION, COMMAND, SUBMISSION = "action", "command", "submission"

TYPED = 3_000
"""Characters kept of one field of a form; every form allows far fewer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One click, command or submitted form.

    Parameters
    ----------
    kind: ACTION, COMMAND or SUBMISSION.   user_id, team_id: who, as Slack signed it.   channel_id: where; for a form,
        where it was asked for.
    act: what is asked; None for a button that is not ours, and for a command, whose word decides.
    delivery_key, version, basis: of the message that was clicked, or that the form is about.
    study_id, audience: of a form that is about no message; else "".
    command, text: the slash command with its suffix, and what was typed after it.
    values: field of a form → what was typed or chosen.
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
    study_id: str = ""
    audience: str = ""
    command: str = ""
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    trigger_id: str = ""

    def payload(self) -> dict[str, Any]:
        """What is stored in the inbox: enough to apply it after a crash."""
        return {name: value for name, value in asdict(self).items() if name != "trigger_id"}

    def metadata(self, act: Act) -> str:
        """What a form that is opened now carries, so that its submission finds what it is about."""
        names = ("delivery_key", "version", "basis", "study_id", "audience", "channel_id")
        return json.dumps({"act": act.value, **{name: getattr(self, name) for name in names}}, separators=(",", ":"))


def from_payload(stored: Mapping[str, Any]) -> Request:
    """Rebuild a request from the inbox."""
    act = stored.get("act")
    return Request(**{**stored, "act": Act(act) if act else None})


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
    """The act of a button is its action_id's, that of a menu is the first word of the chosen option's value."""
    if action_id == ActionId.MENU:
        choice, _, rest = value.partition("|")
        return (Act(choice), rest) if choice in set(Act) else (None, "")
    return (Act(action_id.removeprefix(_OURS)), value) if action_id in set(ActionId) else (None, "")


_OURS = "dsmbot_"


def command(body: Mapping[str, Any], instant: str) -> tuple[str, Request]:
    """Inbox key and request of a slash command; `instant` stands in where a server gives no trigger_id."""
    user, team = str(body.get("user_id") or ""), str(body.get("team_id") or "")
    trigger = str(body.get("trigger_id") or "")
    request = Request(
        COMMAND,
        user,
        team,
        str(body.get("channel_id") or ""),
        command=str(body.get("command") or ""),
        text=str(body.get("text") or "")[:200],
        trigger_id=trigger,
    )
    return f"{COMMAND}:{team}:{user}:{trigger or instant}", request


def asked(body: Mapping[str, Any]) -> tuple[str, Request]:
    """Inbox key and request of a button that stands for a command: what its value says is taken as typed."""
    key, request = click(body)
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    value = str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")[:200]
    typed, _, text = value.partition(" ")
    return f"{COMMAND}:{key}", replace(request, kind=COMMAND, act=None, delivery_key="", command=typed, text=text)


def submission(body: Mapping[str, Any]) -> tuple[str, Request]:
    """Inbox key and request of a view_submission payload. A form counts once, however often it is delivered."""
    user, team = _ids(body)
    view: Mapping[str, Any] = body.get("view") or {}
    about = _metadata(str(view.get("private_metadata") or ""))
    act, version = str(about.get("act") or ""), str(about.get("version") or "")
    request = Request(
        SUBMISSION,
        user,
        team,
        str(about.get("channel_id") or ""),
        Act(act) if act in set(Act) else None,
        str(about.get("delivery_key") or ""),
        int(version) if version.isdecimal() else 1,
        str(about.get("basis") or ""),
        str(about.get("study_id") or ""),
        str(about.get("audience") or ""),
        values=_values((view.get("state") or {}).get("values") or {}),
        trigger_id=str(body.get("trigger_id") or ""),
    )
    return f"{SUBMISSION}:{team}:{user}:{view.get('id') or ''}", request


def _metadata(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _values(state: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """action_id → what was typed or chosen, "" where nothing was."""
    return {name: _value(held)[:TYPED] for fields in state.values() for name, held in fields.items()}


def _value(held: Mapping[str, Any]) -> str:
    option = held.get("selected_option")
    if isinstance(option, Mapping):
        return str(option.get("value") or "")
    names = ("value", "selected_user", "selected_date", "selected_time", "selected_channel", "selected_conversation")
    return next((str(held[name]) for name in names if held.get(name) not in (None, "")), "")


def _ids(body: Mapping[str, Any]) -> tuple[str, str]:
    user = body.get("user") or {}
    team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
    return str(user.get("id") or ""), str(team)
