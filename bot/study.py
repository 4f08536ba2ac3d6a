"""One study, composed: everything that a cycle needs, and nothing that it has to look up.

May not decide anything: `bot.app` makes it, `bot.cycle` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.config import StudyConfig
from bot.health import Metrics
from bot.views import Mode
from bot.voice import Voice
from rules.model import Audience, Rule
from storage.database import Database
from storage.sides import closed_side

if TYPE_CHECKING:
    from bot.paging.pager import Pager
    from bot.slack.delivery import Delivery
    from storage.allocation import AllocationKey
    from storage.snapshot import SnapshotBuilder
    from storage.sources.base import RecordSource


def by_arm(rule: Rule) -> bool:
    """Whether a rule is judged by arm: on an unblinded snapshot, for the closed audience alone."""
    return rule.audience is Audience.CLOSED and getattr(rule, "per", None) == "arm"


@dataclass(frozen=True)
class Clock:
    """The two times of a process.

    Parameters
    ----------
    study: the study's time; a simulated trial has its own, which may run faster or stand still.
    wall: the time in which Slack is waited for. Both aware UTC; the same in a live study.
    """

    study: Callable[[], datetime]
    wall: Callable[[], datetime]


@dataclass
class Vitals:
    """What the running process knows of itself and of Slack's people; `bot.telling.lasting` tells ops of it.

    Parameters
    ----------
    socket_lost_at: since when no click can arrive, wall time; None while the socket is up, or where there is none.
    others: other processes connected with this Slack app; None = not known.
    failing_since, failure: since when each cycle ends in a fault of the program, and its kind.
    absent: member ids of role holders who are deactivated in Slack.
    patience: how long a lost socket or a failing cycle may last before ops is told: Slack replaces sockets by itself.
    """

    socket_lost_at: datetime | None = None
    others: int | None = None
    failing_since: datetime | None = None
    failure: str = ""
    absent: frozenset[str] = frozenset()
    patience: timedelta = timedelta(minutes=2)


@dataclass
class Study:
    """A configured study with its open database, its sources and the delivery to people.

    Parameters
    ----------
    config: as loaded and checked.   database: open for writing.   mode: practice, rehearsal or live.
    sources: record sources by id.   snapshots: builder with its frame cache.
    clock: see `Clock`.   code_version: of the product, stored with every evaluation.
    voice: how the study speaks.   allocation_key: None means that arm-revealing variables are dropped and counted.
    delivery: None where nothing is posted (replay, source test).   pager: None where no second path is configured.
    unblinded: this is the closed side of the study: its rules by arm, with a history of their own.
    vitals: of the process, shared by both sides.
    closed: that side, where any rule is by arm.   unwatched: on it, why rules by arm cannot be judged now.
    """

    config: StudyConfig
    database: Database
    mode: Mode
    sources: Mapping[str, RecordSource]
    snapshots: SnapshotBuilder
    clock: Clock
    code_version: str
    voice: Voice
    allocation_key: AllocationKey | None = None
    delivery: Delivery | None = None
    pager: Pager | None = None
    metrics: Metrics = field(default_factory=Metrics)
    vitals: Vitals = field(default_factory=Vitals)
    unblinded: bool = False
    closed: Study | None = None
    unwatched: str = ""

    @property
    def id(self) -> str:
        """The id under which this side's history is stored: of the open side, the study's own."""
        return closed_side(self.config.id) if self.unblinded else self.config.id

    @property
    def reads_arms(self) -> bool:
        """Whether rules by arm can be judged: with the key of the live study, or with groups dealt for practice."""
        return self.allocation_key is not None or self.mode is not Mode.LIVE

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Rules of this side in force: retired ones keep their history and are not judged."""
        return tuple(
            rule for rule in self.config.rules if by_arm(rule) == self.unblinded and not getattr(rule, "retired", None)
        )

    @cached_property
    def fingerprint(self) -> str:
        """Of everything that changes a rule's verdict; computed once, because a configuration does not change."""
        return self.config.fingerprint()

    @cached_property
    def rule_bodies(self) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
        """Rule id → fingerprint and body of its version, for the rules in force."""
        config = self.config
        return {rule.id: (config.rule_fingerprint(rule), config.rule_body(rule)) for rule in self.rules}

    @property
    def audiences(self) -> tuple[Audience, ...]:
        """Audiences that have a channel, in a fixed order; the closed side speaks to the closed one alone."""
        spoken_to = (Audience.CLOSED,) if self.unblinded else tuple(Audience)
        return tuple(audience for audience in spoken_to if audience in self.config.slack.channels)

    def rule(self, rule_id: str) -> Rule | None:
        """The configured rule of that id, or None."""
        return next((rule for rule in self.config.rules if rule.id == rule_id), None)
