"""views.*: modals and the Home tab. https://docs.slack.dev/reference/methods/views.open and its siblings."""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.methods.call import Call, method


def _body(call: Call) -> dict[str, Any]:
    value = call.value("view", "invalid_arguments")
    if not isinstance(value, dict):
        lines = ["[ERROR] missing required field: view"]
        raise ApiError("invalid_arguments", response_metadata={"messages": lines})
    return value


@method("views.open")
def open_(call: Call) -> dict[str, Any]:
    """Open a modal for whoever's trigger this is."""
    body = _body(call)
    user = call.workspace.triggers.exchange(call.required("trigger_id"))
    return {"view": call.workspace.views.open(user, body).as_slack()}


@method("views.push")
def push(call: Call) -> dict[str, Any]:
    """Put a modal on top of the one that is open."""
    body = _body(call)
    user = call.workspace.triggers.exchange(call.required("trigger_id"))
    return {"view": call.workspace.views.push(user, body).as_slack()}


@method("views.update")
def update(call: Call) -> dict[str, Any]:
    """Replace an open view, found by its id or the bot's own id for it."""
    body = _body(call)
    view = call.workspace.views.find(call.text("view_id"), call.text("external_id"))
    return {"view": call.workspace.views.update(view, body, call.text("hash")).as_slack()}


@method("views.publish")
def publish(call: Call) -> dict[str, Any]:
    """Set the Home tab of one person."""
    body = _body(call)
    person = call.person("user_id")
    return {"view": call.workspace.views.publish(person.id, body, call.text("hash")).as_slack()}
