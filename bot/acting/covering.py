"""Standing in: which roles of an absent person somebody may take on, and who is mentioned beside a role.

A cover never crosses the blinding (ICH E6(R3) 4.1): of an absent person's roles only those on the covering person's
own side count, and a covered role opens no restricted audience that the person's own roles may not read
(`bot.access.authorise`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.configuration.people import UNBLINDED, Role, Slack
from bot.contents.duty import CoverLine
from rules.model import Audience
from storage.duties import Cover, covers


def unblinded(user_id: str, slack: Slack) -> bool:
    """Whether a person holds any role that may read closed content: they then stand in for such roles only."""
    return bool(slack.roles_of(user_id) & UNBLINDED)


def lendable(absent: str, person: str, slack: Slack) -> frozenset[Role]:
    """The roles of an absent person that this one may stand in for; none for who holds no role of the study."""
    if absent == person or not slack.roles_of(person):
        return frozenset()
    side = unblinded(person, slack)
    return frozenset(role for role in slack.roles_of(absent) if (role in UNBLINDED) is side)


def lent(user_id: str, standing_in: Iterable[Cover], slack: Slack) -> dict[Role, str]:
    """Role → the absent person whose role it is, for everything that a person stands in for."""
    found: dict[Role, str] = {}
    for cover in standing_in:
        if cover.person == user_id:
            found |= dict.fromkeys(lendable(cover.absent, user_id, slack), cover.absent)
    return found


def beside(role: Role, standing_in: Iterable[Cover], slack: Slack) -> tuple[str, ...]:
    """Who is mentioned beside the holders of a role, because they stand in for one of them."""
    held = {member.id for member in slack.holders(role)}
    found = [c.person for c in standing_in if c.absent in held and role in lendable(c.absent, c.person, slack)]
    return tuple(dict.fromkeys(person for person in found if person not in held))


def joined(members: Sequence[str], more: Iterable[str]) -> tuple[str, ...]:
    """Members of a role, then those who stand in for one, each once."""
    return tuple(dict.fromkeys([*members, *more]))


def cover_lines(conn: Connection, study_id: str, slack: Slack, audience: Audience, at: datetime) -> list[CoverLine]:
    """Who stands in for whom now, of the readers' own side of the blinding."""
    side = audience is Audience.CLOSED
    found = covers(conn, study_id, at)
    return [CoverLine(c.absent, c.person, c.until) for c in found if unblinded(c.person, slack) is side]
