"""The `slack:` block: which channel serves which audience, who holds which role, and who is called next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bot.configuration.base import Block
from bot.configuration.paging import Paging, PagingEntry
from bot.configuration.roles import UNBLINDED as UNBLINDED
from bot.configuration.roles import Role as Role
from bot.configuration.words import Channel, Duration, MemberId, Text, refuse
from rules.model import Audience


class Member(Block):
    """One person of a role, by name and never from a group.

    Parameters
    ----------
    id: Slack member id, begins with U or W.
    team: Slack team id (T…) where the person is not of the bot's own workspace; None = the bot's own.
    guest: the person is a guest account. Guests are refused unless somebody stands for them.
    authorised_by: member id of who stands for a guest; required for one.
    """

    id: MemberId
    team: Text | None = None
    guest: bool = False
    authorised_by: MemberId | None = None

    @model_validator(mode="after")
    def _guest_has_a_sponsor(self) -> Member:
        if self.guest and self.authorised_by is None:
            raise refuse(
                "guest", f"guest {self.id} has nobody who authorised them",
                "Add authorised_by with the member id of the person who stands for this guest",
            )  # fmt: skip
        if self.authorised_by == self.id:
            raise refuse("guest", f"{self.id} authorises themselves", "Name another person in authorised_by")
        return self


def _member(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


def _each_once(members: tuple[Member, ...]) -> tuple[Member, ...]:
    if not members:
        raise refuse("empty_role", "is a role without a member", "Add at least one member id, or remove the role")
    ids = [m.id for m in members]
    for one in ids:
        if ids.count(one) > 1:
            raise refuse("member_twice", f"{one} is listed twice", "Keep one of the two")
    return members


def _in_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for earlier, later in pairwise(steps):
        if later.after <= earlier.after:
            raise refuse(
                "escalate", "steps do not grow in time", "Order them by 'after', each later than the one before"
            )
    return steps


def _within_a_week(longest: timedelta) -> timedelta:
    if not timedelta(hours=1) <= longest <= timedelta(days=7):
        raise refuse("snooze_max", "is not between 1 h and 7 days", "Give a time such as 72 h")
    return longest


class Step(Block):
    """One step of escalation: `to` is called when an alert is unacknowledged for `after`."""

    after: Duration
    to: Role


MemberEntry = Annotated[Member, BeforeValidator(_member, json_schema_input_type=str | Member)]
Members = Annotated[tuple[MemberEntry, ...], AfterValidator(_each_once)]


def _not_too_often(every: timedelta) -> timedelta:
    if every < timedelta(minutes=5):
        raise refuse("interval", "comes too often for people to act in between", "Write '5 min' or more")
    return every


Interval = Annotated[Duration, AfterValidator(_not_too_often)]
Steps = Annotated[tuple[Step, ...], AfterValidator(_in_order)]


class Slack(Block):
    """Channels, roles and escalation of one study.

    Parameters
    ----------
    channels: audience → channel name or id. An audience without a channel is told nothing, so a rule that
        speaks to it stops the start.
    roles: role → members.
    escalate: whom to call, and when, while a critical or urgent alert is unacknowledged.
    repeat: how often the last step is called again while a critical alert is still unacknowledged.
    remind: how often whoever acknowledged an alert is reminded that it is not decided.
    snooze_max: the longest time an alert can be snoozed; a crossed stopping boundary never can.
    group_above: more new alerts than this in one channel at once are told in one message, and only so many critical
        ones have a message each.
    paging: how people are reached outside Slack; `none` states that the study accepts that Slack wakes nobody at
        night; left out, `check` warns.
    """

    channels: Mapping[Audience, Channel]
    roles: Mapping[Role, Members] = Field(default_factory=dict)
    escalate: Steps = ()
    repeat: Interval = timedelta(hours=1)
    remind: Interval = timedelta(hours=24)
    snooze_max: Annotated[Duration, AfterValidator(_within_a_week)] = timedelta(hours=72)
    group_above: Annotated[int, Field(ge=1, le=20)] = 5
    paging: PagingEntry | None = None

    @property
    def pager(self) -> Paging | None:
        """The second path, where there is one."""
        return self.paging if isinstance(self.paging, Paging) else None

    def holders(self, role: Role) -> tuple[Member, ...]:
        """The members of a role; empty when nobody holds it."""
        return self.roles.get(role, ())

    def roles_of(self, user_id: str) -> frozenset[Role]:
        """Every role that a member id holds."""
        return frozenset(role for role, members in self.roles.items() if any(m.id == user_id for m in members))
