"""What the bot's token may do: the scopes this workspace knows.

Source: the "Scopes" of each page below https://docs.slack.dev/reference/methods, and
https://docs.slack.dev/reference/scopes.
"""

from __future__ import annotations

from bot.workspace.people import Channel

BOT_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
"""What the bot's app manifest asks for, and the token here has unless told otherwise: a call that needs more is refused
in practice before it is refused in a live workspace. A test holds it against the manifest."""

APP_SCOPE = "connections:write"
"""The scope of the app-level token: https://docs.slack.dev/reference/scopes/connections.write"""


def of_channel(channel: Channel, act: str) -> str:
    """The scope for reading (`act` "read" or "history") a conversation of this type."""
    family = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    return f"{family}:{act}"
