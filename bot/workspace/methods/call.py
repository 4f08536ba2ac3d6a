"""One call of a Web API method: its arguments, read as Slack reads them, and the register of all methods.

Arguments come as a query, a form or JSON (https://docs.slack.dev/apis/web-api/#posting_json); nested ones as JSON
text in a form. Everything here is forgiving about form and strict about content.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.people import BOT_USER_ID, Channel, Person
from bot.workspace.scopes import of_channel
from bot.workspace.workspace import Workspace

Run = Callable[["Call"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method.

    Parameters
    ----------
    name: as in the address. scopes: all of them are needed. token: "bot", "app", "any" or "none".
    run: the method itself.
    """

    name: str
    scopes: tuple[str, ...]
    token: str
    run: Run


METHODS: dict[str, Method] = {}


def method(name: str, *scopes: str, token: str = "bot") -> Callable[[Run], Run]:  # noqa: S107 - a kind of token
    """Register a function as a Web API method."""

    def register(run: Run) -> Run:
        METHODS[name] = Method(name, scopes, token, run)
        return run

    return register


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the workspace it changes, its arguments, and the kind of token it came with."""

    workspace: Workspace
    arguments: Mapping[str, Any]
    token: str = "bot"  # noqa: S105 - a kind of token

    def text(self, name: str, default: str = "") -> str:
        """An argument as text; absent and null give the default."""
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """An argument that must be there. Raises ApiError `invalid_arguments` naming it."""
        value = self.text(name)
        if value == "":
            lines = [f"[ERROR] missing required field: {name}"]
            raise ApiError("invalid_arguments", response_metadata={"messages": lines})
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """An argument as yes or no: true, 1 (as text, number or boolean)."""
        value = self.arguments.get(name)
        return default if value is None else str(value).lower() in ("true", "1")

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`. Raises ApiError `invalid_limit` otherwise."""
        value = self.text(name, str(default))
        if not value.isdigit() or not 1 <= int(value) <= most:
            raise ApiError("invalid_limit")
        return int(value)

    def given(self, name: str) -> bool:
        """Whether the argument was sent at all."""
        return self.arguments.get(name) is not None

    def value(self, name: str, wrong: str) -> Any:
        """A nested argument, from JSON or from JSON text. Raises ApiError `wrong` where it cannot be read."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(wrong) from None

    def need(self, scope: str) -> None:
        """Raise ApiError `missing_scope` unless the bot's token has this scope."""
        if scope not in self.workspace.scopes:
            raise ApiError("missing_scope", needed=scope, provided=",".join(self.workspace.scopes))

    def any_channel(self, name: str = "channel") -> Channel:
        """The conversation meant. Raises `channel_not_found` where there is none or it is private without the bot."""
        channel = self.workspace.directory.channel(self.required(name))
        if channel is None or (channel.is_private and BOT_USER_ID not in channel.members):
            raise ApiError("channel_not_found")
        return channel

    def joined_channel(self, name: str = "channel") -> Channel:
        """A conversation that the bot is in. Raises `channel_not_found` or `not_in_channel`."""
        channel = self.any_channel(name)
        if BOT_USER_ID not in channel.members:
            raise ApiError("not_in_channel")
        return channel

    def readable_channel(self) -> Channel:
        """A conversation whose messages the bot may read."""
        channel = self.any_channel()
        self.need(of_channel(channel, "history"))
        return self.joined_channel()

    def person(self, name: str = "user") -> Person:
        """A person by id. Raises ApiError `user_not_found`."""
        found = self.workspace.directory.people.get(self.required(name))
        if found is None:
            raise ApiError("user_not_found")
        return found

    def page(self, everything: Sequence[Any], limit: int) -> tuple[list[Any], str]:
        """One page of a list and the cursor of the next, "" after the last. Raises ApiError `invalid_cursor`.

        Source: https://docs.slack.dev/apis/web-api/pagination
        """
        start = _offset(self.text("cursor"))
        end = start + limit
        following = base64.b64encode(f"offset:{end}".encode()).decode() if end < len(everything) else ""
        return list(everything[start:end]), following


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("offset:"))
    except (binascii.Error, ValueError):
        raise ApiError("invalid_cursor") from None
