"""The clock of the practice workspace, which stands for a system outside the bot.

The bot is given its time; Slack has its own. This is the only place in this room that reads the wall clock, and
every caller can pass another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC datetime."""


def wall_clock() -> datetime:
    """The present (aware UTC) as Slack's own servers would read it."""
    return datetime.now(UTC)  # noqa: TID251 - an outside system keeps its own time; tests pass another clock


def timestamp(microseconds: int) -> str:
    """A Slack message timestamp: seconds, a point and six digits; unique and ordered within a workspace.

    Source: https://docs.slack.dev/messaging/retrieving-messages (``ts``).
    """
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware datetime, without rounding through a float."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
