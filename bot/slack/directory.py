"""Channels and people as Slack has them: ids of names, facts about a channel and its members, accounts.

Answers are kept for a short time. What a server does not say stays unknown (None): whoever asks decides what
that means, and for closed content it means no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient

from bot.access import Account
from bot.slack.outcomes import Fate, Outcome, attempt

KEEP = timedelta(minutes=5)
"""How long ids of channel names are kept. Facts and members are asked for again at each restricted post."""

_PAGES = 50


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What Slack says of a channel; None = it did not say.

    Parameters
    ----------
    channel_id, name: of the channel.   private, archived, ext_shared, org_shared: as Slack names them.
    member: the bot is in it.   members: ids of everyone in it, None where they could not be read.
    """

    channel_id: str
    name: str = ""
    private: bool | None = None
    archived: bool | None = None
    ext_shared: bool | None = None
    org_shared: bool | None = None
    member: bool | None = None
    members: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is (auth.test); "" where the server does not say."""

    user_id: str = ""
    bot_id: str = ""
    team_id: str = ""
    name: str = "dsmbot"

    def wrote(self, message: Mapping[str, Any]) -> bool:
        """Whether this bot posted a message; True where neither side says who, for the key still has to match."""
        ours = {self.user_id, self.bot_id} - {""}
        theirs = {message.get("user"), message.get("bot_id")} - {"", None}
        return not ours or not theirs or bool(ours & theirs)


@dataclass
class Directory:
    """Looks things up through one Web API client.

    Parameters
    ----------
    client: without retry handlers.   unlisted: why the server gave no list of its channels, "" while it gave one.
    """

    client: WebClient
    _identity: Identity | None = None
    _ids: dict[str, str] = field(default_factory=dict)
    _listed_at: datetime | None = None
    unlisted: str = ""

    def identity(self) -> Identity:
        """Who the bot is, asked once. Unknown while the server cannot be reached."""
        if self._identity is None:
            found = attempt(self.client.auth_test)
            if found.fate is not Fate.DONE:
                return Identity()
            said = {name: str(found.data.get(name) or "") for name in ("user_id", "bot_id", "team_id")}
            self._identity = Identity(**said, name=str(found.data.get("user") or "dsmbot"))
        return self._identity

    def channel_id(self, reference: str, now: datetime) -> str:
        """The id of a channel given as id or `#name`.

        A name that no list shows is given back as it is: servers that keep no list take it, and a refusal by
        the others says what to mend.
        """
        if not reference.startswith("#"):
            return reference
        name = reference.removeprefix("#")
        if name not in self._ids and (self._listed_at is None or now - self._listed_at > KEEP):
            self._listed_at = now
            self._ids |= dict(self._listed())
        return self._ids.get(name, reference)

    def learn(self, reference: str, channel_id: str) -> None:
        """Remember the id that a server gave for a name."""
        if reference.startswith("#") and channel_id:
            self._ids[reference.removeprefix("#")] = channel_id

    def facts(self, channel_id: str, *, with_members: bool = False) -> tuple[ChannelFacts, Outcome]:
        """What Slack says of a channel now, and what became of asking."""
        found = attempt(lambda: self.client.conversations_info(channel=channel_id))
        said = found.data.get("channel")
        if found.fate is not Fate.DONE or not isinstance(said, Mapping):
            return ChannelFacts(channel_id), found
        facts = ChannelFacts(
            channel_id=str(said.get("id") or channel_id),
            name=str(said.get("name") or ""),
            private=_private(said),
            archived=_bool(said, "is_archived"),
            ext_shared=_shared(said),
            org_shared=_bool(said, "is_org_shared"),
            member=_bool(said, "is_member"),
        )
        return (replace(facts, members=self._members(facts.channel_id)) if with_members else facts), found

    def account(self, user_id: str) -> Account:
        """What Slack says of a person now; everything unknown where it cannot be asked."""
        own = self.identity().team_id or None
        found = attempt(lambda: self.client.users_info(user=user_id))
        said = found.data.get("user")
        if found.fate is not Fate.DONE or not isinstance(said, Mapping):
            return Account(own_team=own)
        guest = (_bool(said, "is_restricted"), _bool(said, "is_ultra_restricted"))
        return Account(
            team_id=str(said.get("team_id") or "") or None,
            own_team=own,
            restricted=True if True in guest else (None if None in guest else False),
            stranger=bool(said.get("is_stranger", False)),
            deleted=bool(said.get("deleted", False)),
        )

    def names(self, user_id: str) -> tuple[str, ...]:
        """What a person is called, as Slack says now; nothing where it cannot be asked."""
        said = attempt(lambda: self.client.users_info(user=user_id)).data.get("user")
        user = said if isinstance(said, Mapping) else {}
        profile = user.get("profile") or {}
        found = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
        return tuple(dict.fromkeys(str(name) for name in found if name))

    def _listed(self) -> Iterator[tuple[str, str]]:
        def page(cursor: str) -> Outcome:
            kinds = "public_channel,private_channel"
            found = attempt(lambda: self.client.conversations_list(types=kinds, limit=500, cursor=cursor or None))
            self.unlisted = "" if found.fate is Fate.DONE else found.error
            return found

        for data in _pages(page):
            for channel in data.get("channels") or ():
                yield str(channel.get("name")), str(channel.get("id"))

    def _members(self, channel_id: str) -> tuple[str, ...] | None:
        def page(cursor: str) -> Outcome:
            return attempt(
                lambda: self.client.conversations_members(channel=channel_id, limit=500, cursor=cursor or None)
            )

        found: list[str] = []
        complete = False
        for data in _pages(page):
            found += [str(member) for member in data.get("members") or ()]
            complete = not _cursor(data)
        return tuple(found) if complete else None


def _pages(page: Callable[[str], Outcome]) -> Iterator[Mapping[str, Any]]:
    """Pages until the cursor ends or repeats itself; stops early, without the last page, on a fault."""
    cursor, seen = "", {""}
    for _ in range(_PAGES):
        found = page(cursor)
        if found.fate is not Fate.DONE:
            return
        yield found.data
        cursor = _cursor(found.data)
        if cursor in seen:
            return
        seen.add(cursor)


def _cursor(data: Mapping[str, Any]) -> str:
    return str((data.get("response_metadata") or {}).get("next_cursor") or "")


def _bool(said: Mapping[str, Any], name: str) -> bool | None:
    return bool(said[name]) if name in said and said[name] is not None else None


def _private(said: Mapping[str, Any]) -> bool | None:
    if said.get("is_group") or said.get("is_im") or said.get("is_mpim"):
        return True
    return _bool(said, "is_private")


def _shared(said: Mapping[str, Any]) -> bool | None:
    """Shared with another organisation, or about to be (https://docs.slack.dev/reference/objects/conversation-object)."""
    flags = [_bool(said, name) for name in ("is_ext_shared", "is_pending_ext_shared")]
    return True if True in flags else flags[0]
