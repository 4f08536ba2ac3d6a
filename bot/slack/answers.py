"""Private answers: to the person who asked and nobody else, by the first way that works.

An answer that cannot be given is logged, not retried: what was asked is done and audited all the same, and the
alert's own message shows it to everyone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from slack_sdk import WebClient

from bot.slack.outcomes import Fate, attempt

log = structlog.get_logger(__name__)

Respond = Callable[..., Any]
"""Bolt's `respond`: posts to the request's response URL."""


def tell(
    client: WebClient,
    user_id: str,
    channel_id: str,
    text: str,
    *,
    blocks: Sequence[Mapping[str, Any]] = (),
    respond: Respond | None = None,
) -> bool:
    """Tell one person something in private. False when no way worked.

    Parameters
    ----------
    channel_id: where they asked, "" where that is no channel (App Home): then in their direct messages.
    respond: for a slash command, where a response URL came with it: tried first.
    """
    said: dict[str, Any] = {"text": text, **({"blocks": list(blocks)} if blocks else {})}
    ways: list[Callable[[], Any]] = [
        lambda: client.chat_postEphemeral(channel=channel_id, user=user_id, **said),
        lambda: client.chat_postEphemeral(channel=channel_id, user=user_id, text=text),
    ]
    if respond is not None:
        ways.insert(0, lambda: _checked(respond(response_type="ephemeral", replace_original=False, **said)))
    ways.append(lambda: client.chat_postMessage(channel=_direct(client, user_id), **said))
    errors = []
    for way in ways if channel_id or respond is not None else ways[-1:]:
        outcome = attempt(way)
        if outcome.fate is Fate.DONE:
            return True
        errors.append(outcome.error)
    log.warning("a private answer could not be given", user=user_id, channel=channel_id, errors=errors)
    return False


def _direct(client: WebClient, user_id: str) -> str:
    """The conversation of the bot with one person (https://docs.slack.dev/reference/methods/conversations.open)."""
    return str(client.conversations_open(users=user_id)["channel"]["id"])


def _checked(answer: Any) -> Any:
    """The answer of a response URL, which reports refusals by status and not by exception."""
    if getattr(answer, "status_code", 200) >= 400:
        raise ConnectionError(f"response URL answered {answer.status_code}")
    return answer


def show(client: WebClient, trigger_id: str, view: Mapping[str, Any], *, above: bool = False) -> bool:
    """Open a modal, `above` the open one. False when it could not be opened: the trigger lives three seconds."""
    if not trigger_id:
        return False
    if above:
        return attempt(lambda: client.views_push(trigger_id=trigger_id, view=dict(view))).fate is Fate.DONE
    return attempt(lambda: client.views_open(trigger_id=trigger_id, view=dict(view))).fate is Fate.DONE
