"""The `paging:` block under `slack:`: how people are reached when Slack does not wake them, or is itself down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from bot.configuration.base import Block
from bot.configuration.roles import UNBLINDED, Role
from bot.configuration.words import Duration, Text, parse_duration, refuse

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
AT_ONCE = "at once"


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise refuse("address", f"{text!r} is not an e-mail address", "Write it plainly, as on.call@example.org")
    return text


def _at_once(value: Any) -> Any:
    return timedelta() if str(value).strip().lower() == AT_ONCE else parse_duration(value)


def _some(given: Any) -> Any:
    if not given:
        raise refuse("empty", "names nobody", "Write at least one address")
    return given


def _form(value: Any) -> str:
    return "word" if isinstance(value, str) else "block"


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], AfterValidator(_some)]
Delay = Annotated[timedelta, BeforeValidator(_at_once, json_schema_input_type=str)]
"""`at once`, or a length of time."""


class Email(Block):
    """How e-mail is sent. The password comes from DSMBOT_SMTP_PASSWORD or the file that …_FILE names.

    Parameters
    ----------
    host, port: the SMTP server (587 is usual for STARTTLS, 465 for TLS from the first byte).
    security: `starttls`, `tls`, or `none`, which only a server on this machine may have.
    from: the sender's address.   user: name to log in with; left out = no login.
    to: role → addresses. Closed alerts go to those of `dsmb` alone, and say only that one waits in Slack.
    """

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[Address, Field(alias="from")]
    user: Text | None = None
    to: Annotated[Mapping[Role, Addresses], AfterValidator(_some)]

    @model_validator(mode="after")
    def _checked(self) -> Email:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise refuse(
                "security", "security is none, but the server is not on this machine: mail would go unencrypted",
                "Write security: starttls, or tls",
            )  # fmt: skip
        board = {address.casefold() for role in UNBLINDED for address in self.to.get(role, ())}
        for role, addresses in self.to.items():
            both = [a for a in addresses if role not in UNBLINDED and a.casefold() in board]
            if both:
                raise refuse(
                    "two_sides", f"{both[0]} is an address of the board and of the {role.value}, who stays blinded",
                    "Keep each address on one side of the blinding",
                )  # fmt: skip
        return self


class Webhook(Block):
    """A paging service of your own. Signed with DSMBOT_WEBHOOK_SECRET; docs/for-it.md says how to check it.

    Parameters
    ----------
    url: https; http only on this machine.
    """

    url: Text

    @model_validator(mode="after")
    def _secure(self) -> Webhook:
        parts = urlsplit(self.url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or local):
            raise refuse("url", "url is not an https address without a name in it", "Write https://pager.example.org/…")
        return self


class Paging(Block):
    """When and by which way people are called outside Slack about a critical alert.

    Parameters
    ----------
    email, webhook: the ways; at least one.
    after: `at once`, or how long a critical alert may be unacknowledged.
    unposted_after: how long Slack may not have confirmed a critical message.
    content: `counts` = rule, count and what the protocol says, of open alerts alone; `none` = that one waits.
    """

    email: Email | None = None
    webhook: Webhook | None = None
    after: Delay = timedelta()
    unposted_after: Duration = timedelta(minutes=2)
    content: Literal["counts", "none"] = "counts"

    @model_validator(mode="after")
    def _some_way(self) -> Paging:
        if self.email is None and self.webhook is None:
            raise refuse("paging", "names neither email nor webhook", "Add one, or write paging: none")
        return self

    def addresses(self, role: Role) -> tuple[str, ...]:
        """E-mail addresses of a role."""
        return self.email.to.get(role, ()) if self.email else ()


PagingEntry = Annotated[Annotated[Literal["none"], Tag("word")] | Annotated[Paging, Tag("block")], Discriminator(_form)]
"""The word `none`, or the block: what is wrong is told of the one that was meant."""
