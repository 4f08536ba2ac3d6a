"""What a rehearsal showed: expected and actual, of what blinded people may read. Facts only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rules.model import Audience

SHOWN = (Audience.OPEN, Audience.PHARMACY, Audience.OPS)
"""Audiences whose figures the record may hold: it is read by people who stay blinded."""


@dataclass(frozen=True, slots=True)
class RuleRehearsed:
    """One rule over the records of today.

    Parameters
    ----------
    rule: its id.   audience: who is told.   met: scopes in which today's records meet it.
    told: alerts of it that stand in the workspace.   listed: of these, in the starting state or in a group's list.
    shown: False for what only the board may read: the numbers are then 0 and mean nothing.
    """

    rule: str
    audience: Audience
    met: int = 0
    told: int = 0
    listed: int = 0
    shown: bool = True

    @property
    def agrees(self) -> bool:
        """As many alerts as the records call for."""
        return self.met == self.told


@dataclass(frozen=True, slots=True)
class Told:
    """Messages of one kind in one channel: queued by the configuration, and found in the workspace."""

    audience: Audience
    kind: str
    expected: int
    actual: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal showed.

    Parameters
    ----------
    rules: in the order of the file, without retired ones.   messages: by audience and kind, of `SHOWN` alone.
    closed_complete: everything for the board was found, too; nothing more is said of it.
    failed: sources that could not be read, with why.   scheduled: local times at which notes fell due in it.
    """

    rules: tuple[RuleRehearsed, ...]
    messages: tuple[Told, ...]
    closed_complete: bool
    failed: tuple[str, ...]
    scheduled: Mapping[str, datetime]

    @property
    def agrees(self) -> bool:
        """Every source was read, every alert and every message that was called for stands in the workspace."""
        return (
            not self.failed
            and self.closed_complete
            and all(rule.agrees for rule in self.rules)
            and all(one.expected == one.actual for one in self.messages)
        )
