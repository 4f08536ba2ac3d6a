"""What the bot's token may do: the scopes this workspace knows.

Source: the "Scopes" of each page below https://docs.slack.dev/reference/methods, and
https://docs.slack.dev/reference/scopes.
"""

from __future__ import annotations

from bot.workspace.people import Channel

EVERY_SCOPE = (
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:read",
    "pins:write",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
"""Every scope that a method here can ask for, and those an app manifest commonly adds."""

APP_SCOPE = "connections:write"
"""The scope of the app-level token: https://docs.slack.dev/reference/scopes/connections.write"""


def of_channel(channel: Channel, act: str) -> str:
    """The scope for reading (`act` "read" or "history") a conversation of this type."""
    family = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    return f"{family}:{act}"
