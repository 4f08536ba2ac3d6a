"""Who is in the practice workspace: people whose names are roles, and the channels they can see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

TEAM_ID = "T0PRACTICE"
TEAM_NAME = "DSMBot practice"
TEAM_DOMAIN = "dsmbot-practice"
BOT_USER_ID = "U0DSMBOT"
BOT_ID = "B0DSMBOT"
BOT_NAME = "dsmbot"
APP_ID = "A0DSMBOT"

INVESTIGATOR = "U0INVESTIGATOR"
MEDICAL_MONITOR = "U0MEDMONITOR"
PHARMACIST = "U0PHARMACIST"
DSMB_MEMBER = "U0DSMBMEMBER"
OPERATOR = "U0OPERATOR"

ROLES_IN = {
    "open": ("investigator", "medical_monitor", "pharmacist", "dsmb", "operator"),
    "closed": ("dsmb",),
    "pharmacy": ("pharmacist",),
    "ops": ("investigator", "medical_monitor", "operator"),
}
"""Audience → roles that are members of its channel. Closed is the board's alone."""

PURPOSES = {
    "open": "Alerts and summaries without arms",
    "closed": "The board's own channel · arms shown here are invented",
    "pharmacy": "Accountability, lots and storage",
    "ops": "Sources, deliveries and the bot itself",
}


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the workspace.

    Parameters
    ----------
    id: Slack user id (U…). name: what people read; in practice a role. role: key of `ROLES_IN`.
    is_restricted, is_ultra_restricted: guest accounts. is_stranger: from another workspace.
    Source: https://docs.slack.dev/reference/objects/user-object
    """

    id: str
    name: str
    role: str
    email: str = ""
    team_id: str = TEAM_ID
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False

    def handle(self) -> str:
        """The user name in Slack's sense: lower case, points for blanks."""
        return re.sub(r"[^a-z0-9]+", ".", self.name.lower()).strip(".")


@dataclass(slots=True)
class Channel:
    """One conversation.

    Parameters
    ----------
    id, name: as Slack has them; a name has no ``#``. audience: open, closed, pharmacy, ops, or "" for a direct message.
    members: user ids, the bot's among them when it was invited.
    im_with: the person of a direct message with the bot, else "".
    Source: https://docs.slack.dev/reference/objects/conversation-object
    """

    id: str
    name: str
    audience: str
    members: list[str] = field(default_factory=list)
    purpose: str = ""
    is_private: bool = True
    is_archived: bool = False
    is_ext_shared: bool = False
    is_org_shared: bool = False
    im_with: str = ""

    @property
    def is_im(self) -> bool:
        """A direct message between one person and the bot."""
        return bool(self.im_with)


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group (a paid feature): id (S…), handle and members."""

    id: str
    handle: str
    users: tuple[str, ...]


def default_people() -> list[Person]:
    """Five people whose names are their roles: nobody real can be meant."""
    named = (
        (INVESTIGATOR, "Investigator", "investigator"),
        (MEDICAL_MONITOR, "Medical monitor", "medical_monitor"),
        (PHARMACIST, "Research pharmacist", "pharmacist"),
        (DSMB_MEMBER, "DSMB member", "dsmb"),
        (OPERATOR, "Operator", "operator"),
    )
    return [Person(id_, name, role, f"{role.replace('_', '.')}@practice.invalid") for id_, name, role in named]


def channel_id(name: str) -> str:
    """A stable channel id made of the name, so that links and tests survive a restart."""
    return "C0" + re.sub(r"[^A-Z0-9]", "", name.upper())


def make_channel(name: str, audience: str, people: Iterable[Person]) -> Channel:
    """A channel of one audience, with the bot and every person whose role belongs there.

    Parameters
    ----------
    name: with or without ``#``. audience: key of `ROLES_IN`; an unknown one has no members but the bot.
    """
    bare = name.lstrip("#")
    roles = ROLES_IN.get(audience, ())
    members = [BOT_USER_ID, *(person.id for person in people if person.role in roles)]
    return Channel(
        id=channel_id(bare),
        name=bare,
        audience=audience,
        members=members,
        purpose=PURPOSES.get(audience, ""),
        is_private=audience != "open",
    )


def default_channels(people: Iterable[Person], names: Mapping[str, str] | None = None) -> list[Channel]:
    """The four channels of a study, named as config.yaml names them.

    Parameters
    ----------
    names: audience → channel name. Audiences left out have no channel.
    """
    given = names or {
        "open": "#sts-calc-safety",
        "closed": "#sts-calc-dsmb",
        "pharmacy": "#sts-calc-pharmacy",
        "ops": "#sts-calc-ops",
    }
    everyone = list(people)
    return [make_channel(name, audience, everyone) for audience, name in given.items()]


def to_json(item: Person | Channel | UserGroup) -> dict[str, Any]:
    """A person, channel or group as JSON values."""
    return asdict(item)


@dataclass(slots=True)
class Directory:
    """Everyone and every channel, looked up by id or name."""

    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[Person], channels: Iterable[Channel]) -> Self:
        """A directory with the bot's own user added."""
        bot = Person(BOT_USER_ID, "DSMBot", "bot", is_bot=True)
        return cls({p.id: p for p in (bot, *people)}, {c.id: c for c in channels})

    def channel(self, reference: str) -> Channel | None:
        """A channel by id, ``#name``, name, or by the id of the person of a direct message; None if there is none."""
        if reference in self.channels:
            return self.channels[reference]
        bare = reference.lstrip("#")
        for channel in self.channels.values():
            if channel.name == bare or (channel.im_with and channel.im_with == reference):
                return channel
        return None

    def person(self, reference: str) -> Person | None:
        """A person by id, name or role; None if there is none."""
        if reference in self.people:
            return self.people[reference]
        wanted = reference.strip("<@>").casefold()
        matches = (p for p in self.people.values() if wanted in (p.id.casefold(), p.name.casefold(), p.role.casefold()))
        return next(matches, None)

    def open_im(self, user: str) -> Channel:
        """The direct message between the bot and a person, made at first use."""
        existing = next((c for c in self.channels.values() if c.im_with == user), None)
        if existing is not None:
            return existing
        channel = Channel(f"D0{user[1:]}", f"dm-{user}", "", [BOT_USER_ID, user], im_with=user)
        self.channels[channel.id] = channel
        return channel

    def visible_to(self, user: str) -> list[Channel]:
        """Channels this person sees: those they are a member of, and public ones that are not archived."""
        return [c for c in self.channels.values() if user in c.members or not (c.is_private or c.is_im)]
