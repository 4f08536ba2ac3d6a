"""What the bot posts to a response URL: an answer to one person, to the channel, or in place of the message.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from bot.workspace.blocks import check_message
from bot.workspace.errors import ApiError
from bot.workspace.hooks import Hook
from bot.workspace.people import BOT_USER_ID
from bot.workspace.workspace import Workspace


async def answer_hook(workspace: Workspace, request: Request) -> str:
    """Carry out one post to a response URL; returns "ok". Raises ApiError as Slack answers it (HTTP 404)."""
    raw = await request.body()
    with workspace.lock:
        hook = workspace.hooks.use(request.path_params["secret"])
        try:
            body = json.loads(raw)
        except ValueError:
            raise ApiError("invalid_payload") from None
        if not isinstance(body, dict):
            raise ApiError("invalid_payload")
        if body.get("blocks"):
            check_message(body["blocks"])
        _carry_out(workspace, hook, body)
    return "ok"


def _carry_out(workspace: Workspace, hook: Hook, body: dict[str, Any]) -> None:
    original = workspace.store.find(hook.channel, hook.message_ts) if hook.message_ts else None
    if body.get("delete_original") and original is not None:
        workspace.store.remove(original)
    elif body.get("replace_original") and original is not None:
        changes = {"text": str(body.get("text", original.text)), "blocks": list(body.get("blocks") or [])}
        workspace.store.edit(original, BOT_USER_ID, **changes)
    elif not (body.get("text") or body.get("blocks")):
        raise ApiError("no_text")
    else:
        workspace.respond(hook.user, hook.channel, body)
