"""Writing channels and people into a configuration without touching the rest of the file, comments included."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.configuration.people import Member, Role, Slack
from rules.model import Audience


def with_slack(text: str, slack: Slack, channels: Mapping[Audience, str], members: Mapping[Role, Sequence[str]]) -> str:
    """The text of a configuration with another `slack:` block.

    Parameters
    ----------
    text: the file.   slack: its block as read: roles that are not named, escalation and paging stay.
    channels: audience → channel.   members: role → member ids; these replace the role's members.
    """
    lines = ["slack:                          # written by dsmbot setup", "  channels:"]
    lines += [f'    {audience.value}: "{name}"' for audience, name in channels.items()]
    lines.append("  roles:")
    for role, present in slack.roles.items():
        chosen = [Member(id=one) for one in members[role]] if role in members else list(present)
        lines.append(f"    {role.value}: [{', '.join(_member(member) for member in chosen)}]")
    if slack.escalate:
        lines.append("  escalate:")
        lines += [f"    - {{after: {_duration(step.after)}, to: {step.to.value}}}" for step in slack.escalate]
    if slack.paging:
        lines.append(f"  paging: {slack.paging}")
    block = "\n".join(lines) + "\n\n"
    return re.sub(r"(?m)^slack:.*\n(?:[ \t#].*\n|\n)*", lambda _: block, text, count=1)


def _member(member: Member) -> str:
    values = {"team": member.team, "guest": "true" if member.guest else None, "authorised_by": member.authorised_by}
    given = [f"{name}: {value}" for name, value in values.items() if value]
    return f"{{{', '.join([f'id: {member.id}', *given])}}}" if given else member.id


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
