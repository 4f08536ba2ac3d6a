"""What one study needs in order to speak: its setting, people and channels, taken from its configuration once.

May not know the database or Slack's API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.access import RESPONSIBLE
from bot.configuration.blocks import Privacy
from bot.configuration.people import Role, Slack
from bot.views import Mode, Setting
from rules.model import Audience, Rule, StudyPlan


class Configured(Protocol):
    """The part of `bot.config.StudyConfig` that speaking needs."""

    @property
    def plan(self) -> StudyPlan:
        """The study's plan."""

    @property
    def slack(self) -> Slack:
        """Channels, roles, escalation."""

    @property
    def privacy(self) -> Privacy:
        """What may leave for Slack."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The configured rules."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How one study speaks, and to whom.

    Parameters
    ----------
    setting: study id, zone, mode, privacy.   slack: channels, roles, escalation.
    sentences: rule id → the rule in one sentence (`Rule.describe`).
    clocks: rules that run a reporting clock → who hears of them.
    """

    setting: Setting
    slack: Slack
    sentences: Mapping[str, str] = field(default_factory=dict)
    clocks: Mapping[str, Audience] = field(default_factory=dict)

    @property
    def study_id(self) -> str:
        """The study."""
        return self.setting.study_id

    @property
    def channels(self) -> Mapping[Audience, str]:
        """Audience → channel name or id, as configured."""
        return self.slack.channels

    def responsible(self, audience: Audience) -> tuple[Role, tuple[str, ...]]:
        """The role an alert of this audience speaks to, and its members; nobody where the role is not held."""
        role = RESPONSIBLE[audience]
        return role, self.members(role)

    def members(self, role: Role) -> tuple[str, ...]:
        """Member ids of a role, in the order of the configuration."""
        return tuple(member.id for member in self.slack.holders(role))


def voice_of(config: Configured, *, mode: Mode, salt: str = "") -> Voice:
    """The voice of a configured study.

    Parameters
    ----------
    mode: practice, rehearsal or live: what the database remembers.
    salt: secret of the study's database (`bot.telling.outgoing.salt`), used where subjects have an alias.
    """
    setting = Setting(
        study_id=config.plan.id,
        timezone=config.plan.timezone,
        mode=mode,
        study_days=config.privacy.dates == "study_day",
        alias_salt=salt if config.privacy.subject_ids == "alias" else "",
    )
    return Voice(setting, config.slack, {rule.id: rule.describe() for rule in config.rules}, _clocks(config))


def _clocks(config: Configured) -> dict[str, Audience]:
    return {rule.id: rule.audience for rule in config.rules if rule.kind == "clock"}
