"""Whether a channel may hold an audience's messages, judged from what Slack says of it: pure.

Closed and pharmacy content fails closed: what is unknown refuses. Open content is tolerant of the unknown and
refuses only what is known to be wrong (another organisation reads along in an ops channel).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.access import Act, able_roles
from bot.clearance.findings import RESTRICTED
from bot.configuration.people import Slack
from bot.slack.directory import ChannelFacts, Identity
from rules.model import Audience


@dataclass(frozen=True, slots=True)
class Verdict:
    """May it be posted? If not, why, and who must do what.

    Parameters
    ----------
    unknown: it is refused for what the server does not say, not for what it says.
    """

    allowed: bool
    reason: str = ""
    fix: str = ""
    unknown: bool = False


ALLOWED = Verdict(True)


def judge(facts: ChannelFacts, audience: Audience, slack: Slack, identity: Identity) -> Verdict:
    """Judge a channel for an audience just before a post.

    Parameters
    ----------
    facts: with members, for closed and pharmacy.   slack: the study's roles.   identity: the bot, itself a member.
    """
    if audience in RESTRICTED:
        return _restricted(facts, roster(audience, slack), identity)
    if audience is Audience.OPS and facts.ext_shared:
        return Verdict(False, "the channel is shared with another organisation", "Name another channel for ops")
    return ALLOWED


def roster(audience: Audience, slack: Slack) -> frozenset[str]:
    """Member ids that may be in a restricted audience's channel: everyone whose role may ask for its status."""
    return frozenset(m.id for role in able_roles(Act.STATUS, audience) for m in slack.holders(role))


def _restricted(facts: ChannelFacts, allowed: Collection[str], identity: Identity) -> Verdict:
    """What is known to be wrong comes first: it can be mended, and is told apart from what is only not said."""
    if facts.private is False:
        return Verdict(False, "the channel is public", "Make it private, or name a private channel in slack.channels")
    if facts.ext_shared or facts.org_shared:
        return Verdict(False, "the channel is shared beyond the workspace", "Name a channel that is not shared")
    strangers = sorted(set(facts.members or ()) - set(allowed) - {identity.user_id})
    if strangers:
        shown = ", ".join(strangers[:5]) + (f" (showing 5 of {len(strangers)})" if len(strangers) > 5 else "")
        return Verdict(
            False,
            f"{len(strangers)} in the channel not on the roster: {shown}",
            "Remove them from the channel, or add them to the roster after the sponsor's authorisation",
        )
    return _unsaid(facts)


def _unsaid(facts: ChannelFacts) -> Verdict:
    unknown = [
        words
        for value, words in (
            (facts.private, "whether it is private"),
            (facts.ext_shared, "whether another organisation reads along"),
            (facts.org_shared, "whether it is shared across the organisation"),
            (facts.members, "who is in it"),
        )
        if value is None
    ]
    if not unknown:
        return ALLOWED
    reason, fix = f"Slack does not say {', '.join(unknown)}", "Check the app's scopes and the channel"
    return Verdict(False, reason, fix, unknown=True)
