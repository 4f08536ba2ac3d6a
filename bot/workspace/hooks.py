"""Response URLs: where the bot answers a click or a command, at most five times within thirty minutes.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.workspace.errors import ApiError
from bot.workspace.people import TEAM_ID

USES = 5
SECONDS = 1_800.0


@dataclass(slots=True)
class Hook:
    """One response URL: for whom, where, about which message, and how often it was used."""

    user: str
    channel: str
    message_ts: str
    made: float
    used: int = 0


class Hooks:
    """All response URLs handed out.

    Parameters
    ----------
    monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._hooks: dict[str, Hook] = {}

    def make(self, user: str, channel: str, message_ts: str = "") -> str:
        """A fresh path for a response URL, beginning with a slash."""
        secret = secrets.token_urlsafe(18)
        self._hooks[secret] = Hook(user, channel, message_ts, self._now())
        return f"/actions/{TEAM_ID}/{len(self._hooks)}/{secret}"

    def use(self, secret: str) -> Hook:
        """Count one use. Raises ApiError `expired_url` or `used_url`, as Slack answers them with HTTP 404."""
        hook = self._hooks.get(secret)
        if hook is None or self._now() - hook.made > SECONDS:
            raise ApiError("expired_url")
        if hook.used >= USES:
            raise ApiError("used_url")
        hook.used += 1
        return hook
