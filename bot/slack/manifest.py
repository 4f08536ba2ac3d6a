"""The app manifest: every scope of the whole plan at once, because each change may need approval again.

`METHODS` names the Web API methods that the code calls and the scope each needs; a test holds it against the calls.
Source: the "Scopes" of each page below https://docs.slack.dev/reference/methods, and
https://docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_DOCS = "https://docs.slack.dev/reference/methods/"

METHODS: Mapping[str, tuple[str, ...]] = {
    "auth.test": (),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history"),
    "conversations.info": ("channels:read", "groups:read"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.members": ("channels:read", "groups:read"),
    "conversations.open": ("im:write",),
    "conversations.replies": ("channels:history", "groups:history"),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "users.info": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
}
"""Method → bot scopes it needs for public and private channels. Its page is `page(method)`."""

APP_METHODS: Mapping[str, tuple[str, ...]] = {"apps.connections.open": ("connections:write",)}
"""Methods called with the app-level token."""

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "hear a question that mentions the bot (planned)",
    "channels:history": "find out whether a message arrived before sending it again",
    "channels:read": "find channels by name and see whether they are shared",
    "chat:write": "post, edit and delete its own messages",
    "commands": "the slash command",
    "files:write": "send plots and lists with an answer, into its thread or direct message",
    "groups:history": "the same in private channels",
    "groups:read": "the same for private channels, and who is in the closed one",
    "im:history": "read what is asked in a direct message (planned)",
    "im:read": "know its direct messages (planned)",
    "im:write": "send long answers to the direct messages of the person who asked",
    "mpim:history": "find out whether a message arrived in a group message (planned)",
    "mpim:read": "know group messages it is in (planned)",
    "usergroups:read": "mention a duty group (planned; never used for rosters)",
    "users:read": "recognise guests, strangers and deactivated accounts at the click",
    "users:read.email": "let setup find people by e-mail",
}
"""Bot scope → why it is asked for. Not asked for: `chat:write.public`, because a bot that is not in a channel cannot
see what became of its messages."""

APP_SCOPES = ("connections:write",)


def page(method: str) -> str:
    """Address of a method's page."""
    return _DOCS + method


def required() -> frozenset[str]:
    """Bot scopes without which something the code does now fails; the others are planned."""
    return frozenset(scope for scopes in METHODS.values() for scope in scopes) | {"commands"}


def command_name(suffix: str = "") -> str:
    """`/safety`, or `/safety-calc` for an instance with the suffix calc."""
    return f"/safety-{suffix}" if suffix else "/safety"


def manifest(suffix: str = "") -> dict[str, Any]:
    """The manifest of one instance as a dictionary.

    Parameters
    ----------
    suffix: for several instances in one workspace: an app each, told apart by name and command. At most 20
        characters: lower-case letters, digits and dashes.

    Raises
    ------
    ValueError: Slack would not take the suffix in a command.
    """
    if suffix and not (len(suffix) <= 20 and suffix.replace("-", "").isalnum() and suffix == suffix.lower()):
        raise ValueError(f"suffix {suffix!r}: lower-case letters, digits and dashes, at most 20 characters")
    name = f"DSMBot {suffix}".strip()
    command = {
        "command": command_name(suffix),
        "description": "What was checked, what is open, what could not be checked",
        "usage_hint": "alerts | rule ID | subject ID | aes serious | status | help",
        "should_escape": True,
    }
    return {
        "display_information": {
            "name": name,
            "description": "Safety monitoring of a clinical trial: informs, never acts",
            "background_color": "#1D1C1D",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name.lower().replace(" ", "-"), "always_online": False},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": ["app_home_opened"]},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def manifest_yaml(suffix: str = "") -> str:
    """The manifest as YAML to paste into Slack; `bot/slack/manifest.yaml` is that of no suffix."""
    return yaml.safe_dump(manifest(suffix), sort_keys=False, allow_unicode=True, width=120)


def scopes_table() -> str:
    """Scopes and reasons as a Markdown table, for the documentation; a test keeps the two equal."""
    rows = [f"| `{scope}` | {why} |" for scope, why in sorted(SCOPES.items())]
    return "\n".join(["| scope | why |", "|---|---|", *rows])
