"""Where an alert stands, from its versions and the responses to it: one pure function, the only place that decides it.

Everything hangs on the version that a person was looking at, never on the order in which clicks arrive, so that a late
or redelivered click cannot undo newer facts: an acknowledgement of version 1 does not cover what version 2 says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rules.model import Reason
from storage.alert_records import HOLDS, DecisionKind, ResponseKind, until_of

REOPENS = frozenset(
    {
        Reason.WORSENED, Reason.CONFIRMED, Reason.MET_AGAIN, Reason.BASIS_CHANGED, Reason.NO_LONGER_MET,
        Reason.RULE_CHANGED,
    }
)  # fmt: skip
"""Reasons whose version no earlier acknowledgement covers: other events, another state, or another rule."""

REARMS = frozenset({Reason.MET_AGAIN, Reason.WORSENED, Reason.CONFIRMED})
"""Reasons that ask for a new decision after "continue past the boundary"."""


class Spoken(Protocol):
    """A version, as far as standing is concerned."""

    @property
    def version(self) -> int:
        """1, 2, …"""

    @property
    def at(self) -> datetime:
        """When it was written."""

    @property
    def reason(self) -> Any:
        """Why it was written: a `Reason` or its value."""


class Answered(Protocol):
    """A response, as far as standing is concerned."""

    @property
    def response_id(self) -> int:
        """Its number; numbers rise."""

    @property
    def alert_version(self) -> int:
        """The version that the person was looking at."""

    @property
    def kind(self) -> Any:
        """A `ResponseKind` or its value."""

    @property
    def at(self) -> datetime:
        """When it was given."""

    @property
    def body(self) -> Any:
        """Its particulars."""


@dataclass(frozen=True, slots=True)
class Stands:
    """Where an alert stands.

    Parameters
    ----------
    acknowledged_by: response_id of the acknowledgement in force; None where there is none, it was taken back, a later
        version reopened the alert, or a hold was broken since.
    reopened_at: when the last acknowledgement ceased to count or the last snooze ended or was broken: calls count from
        here; None where neither ever happened.
    assignee: member id, or None.   snoozed_until: end of the snooze in force, or None: any later version, or a broken
        hold, breaks it. A snooze that has run out is still named; whoever asks compares it with the time.
    decided_by: response_id of the last decision, or None.   rearmed: it was "continue past the boundary", and the rule
        was met again or grew worse since: a new decision is asked for.
    holding: the holds in force (`DecisionKind` values, sorted, joined by a space), "" for none; only a resume ends one.
    resolved: a person ended the episode.
    """

    acknowledged_by: int | None = None
    reopened_at: datetime | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    decided_by: int | None = None
    rearmed: bool = False
    holding: str = ""
    resolved: bool = False

    def columns(self) -> dict[str, Any]:
        """As `alert_head` stores it."""
        return {name: getattr(self, name) for name in self.__slots__}


def stands(versions: Sequence[Spoken], responses: Iterable[Answered]) -> Stands:
    """Where an alert stands.

    Parameters
    ----------
    versions: oldest first.   responses: oldest first, of this alert.
    """
    given = list(responses)
    acknowledged, ceased = _acknowledged(versions, given)
    snoozed, woken = _snoozed(versions, given)
    decisions = [item for item in given if item.kind == ResponseKind.DECIDED]
    assigned = [item for item in given if item.kind == ResponseKind.ASSIGNED]
    last = decisions[-1] if decisions else None
    return Stands(
        acknowledged_by=acknowledged,
        reopened_at=max(filter(None, (ceased, woken)), default=None),
        assignee=(assigned[-1].body.get("assignee") or None) if assigned else None,
        snoozed_until=snoozed,
        decided_by=last.response_id if last else None,
        rearmed=last is not None and _rearmed(versions, last),
        holding=" ".join(sorted(_holding(decisions))),
        resolved=any(item.kind == ResponseKind.RESOLVED for item in given),
    )


def _acknowledged(versions: Sequence[Spoken], given: Sequence[Answered]) -> tuple[int | None, datetime | None]:
    """The acknowledgement in force, and when the last one ceased to count."""
    ceased: list[datetime] = []
    standing: Answered | None = None
    for item in given:
        if item.kind == ResponseKind.ACKNOWLEDGED:
            standing = item
            reopening = _first_after(versions, item.alert_version, REOPENS)
            if reopening is not None:
                standing = None
                ceased += [reopening.at] if reopening.at >= item.at else []  # else it never counted
        elif item.kind in (ResponseKind.WITHDRAWN, ResponseKind.HOLD_BROKEN) and standing is not None:
            standing = None
            ceased.append(item.at)
    return (None if standing is None else standing.response_id), max(ceased, default=None)


def _snoozed(versions: Sequence[Spoken], given: Sequence[Answered]) -> tuple[datetime | None, datetime | None]:
    """The end of the snooze in force, and when the last one ended or was broken."""
    snoozes = [item for item in given if item.kind == ResponseKind.SNOOZED]
    if not snoozes:
        return None, None
    until = until_of(snoozes[-1].body)
    later = [v.at for v in versions if v.version > snoozes[-1].alert_version]
    later += [i.at for i in given if i.kind == ResponseKind.HOLD_BROKEN and i.response_id > snoozes[-1].response_id]
    if not later:
        return until, until
    return None, min(max(min(later), snoozes[-1].at), until)


def _rearmed(versions: Sequence[Spoken], decision: Answered) -> bool:
    past = decision.body.get("decision") == DecisionKind.CONTINUE_PAST
    return past and _first_after(versions, decision.alert_version, REARMS) is not None


def _holding(decisions: Iterable[Answered]) -> set[str]:
    held: set[str] = set()
    for item in decisions:
        kind = item.body.get("decision")
        held = set() if kind == DecisionKind.RESUME else held | ({kind} if kind in HOLDS else set())
    return held


def _first_after(versions: Sequence[Spoken], seen: int, reasons: frozenset[Reason]) -> Spoken | None:
    """The first version after the one a person was looking at that was written for one of these reasons."""
    return next((v for v in versions if v.version > seen and v.reason in reasons), None)
