"""A practice workspace made of a study's own configuration: its channels, and people whose names are their roles.

A site rehearses its configuration here before it touches a live workspace.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import UNBLINDED, Role, StudyConfig
from bot.workspace.people import BOT_USER_ID, PURPOSES, TEAM_ID, Channel, Person, channel_id
from bot.workspace.server import Workspace
from rules.model import Audience

TITLES = {
    Role.INVESTIGATOR: "Investigator",
    Role.MEDICAL_MONITOR: "Medical monitor",
    Role.COORDINATOR: "Coordinator",
    Role.PHARMACIST: "Research pharmacist",
    Role.DSMB: "DSMB member",
    Role.UNBLINDED_STATISTICIAN: "Unblinded statistician",
    Role.OPERATOR: "Operator",
}
"""Role → the name people read; a second holder of a role has a number."""

_IN_OPS = frozenset({Role.INVESTIGATOR, Role.MEDICAL_MONITOR, Role.COORDINATOR, Role.OPERATOR})


def workspace_for(configs: Sequence[StudyConfig], *, seed: int = 0, mark: str = "practice") -> Workspace:
    """A workspace with every channel and person that the configurations name.

    Parameters
    ----------
    configs: one or more studies.   seed: of the workspace's draws.   mark: "practice" or "rehearsal".
    """
    people: dict[str, Person] = {}
    channels: dict[str, Channel] = {}
    for config in configs:
        roles = _people(config, people)
        for audience, name in config.slack.channels.items():
            members = [who for who, held in roles.items() if _belongs(audience, held)]
            made = _channel(name, audience)
            made.members = [BOT_USER_ID, *members]
            channels[made.id] = made
    first = configs[0].plan
    return Workspace(
        seed=seed, channels=list(channels.values()), people=people.values(), study=first.id, timezone=first.timezone,
        mark=mark,
    )  # fmt: skip


def _people(config: StudyConfig, people: dict[str, Person]) -> dict[str, set[Role]]:
    """Add the people of a study; give the roles that each of them holds there."""
    roles: dict[str, set[Role]] = {}
    for role, members in config.slack.roles.items():
        for number, member in enumerate(members, start=1):
            name = TITLES[role] if number == 1 else f"{TITLES[role]} {number}"
            team = member.team or TEAM_ID
            person = Person(member.id, name, role.value, team_id=team, is_restricted=member.guest)
            people.setdefault(member.id, person)
            roles.setdefault(member.id, set()).add(role)
    return roles


def _belongs(audience: Audience, roles: set[Role]) -> bool:
    if audience is Audience.CLOSED:
        return bool(roles & UNBLINDED)
    if audience is Audience.PHARMACY:
        return Role.PHARMACIST in roles
    if audience is Audience.OPS:
        return bool(roles & _IN_OPS)
    return True


def _channel(name: str, audience: Audience) -> Channel:
    """A channel by name, or by the id that the configuration gives."""
    bare = name.removeprefix("#")
    given_id = bare if not name.startswith("#") else channel_id(bare)
    return Channel(
        given_id, bare.lower(), audience.value, purpose=PURPOSES[audience.value],
        is_private=audience is not Audience.OPEN,
    )  # fmt: skip
