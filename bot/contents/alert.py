"""One alert as it stands at one version: the rule, the finding, and what people did; content, not yet cleared.

May not know Slack, the database or the wording. The names are used through `bot.views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.contents.clocks import ClockRow
from rules.model import Action, Audience, Finding, Reason, State, Urgency


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule version as people must know it; `sentence` is `Rule.describe()` of the version that judged."""

    id: str
    title: str
    kind: str
    action: Action
    audience: Audience = Audience.OPEN
    urgency: Urgency = Urgency.URGENT
    scope_of_action: str = ""
    sentence: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who said "I have seen this and am acting", and when. Neither a decision nor a signature."""

    user_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """Whom an unacknowledged alert calls next: a role's name and the time."""

    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided: `kind` is a `storage.alert_records.DecisionKind` value, `subject` "" for all subjects."""

    kind: str
    user_id: str
    at: datetime
    subject: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Following:
    """What people did with an alert, as far as it stands.

    Parameters
    ----------
    reopened: the acknowledgement that no longer counts, because the alert changed, or a hold was broken
        (`hold_broken`), at `reopened_at`.
    assignee: member id or "".   snoozed_until: None where nothing rests.
    decision: the last one.   rearmed: it was to continue past the boundary, and the rule was met again or grew worse.
    holding: holds in force, by `DecisionKind` value.   resolved: who ended the episode.   reason: why.
    """

    reopened: Acknowledgement | None = None
    reopened_at: datetime | None = None
    assignee: str = ""
    snoozed_until: datetime | None = None
    decision: Decided | None = None
    rearmed: bool = False
    holding: tuple[str, ...] = ()
    resolved: Acknowledgement | None = None
    reason: str = ""
    updated_at: datetime | None = None
    hold_broken: bool = False


@dataclass(frozen=True, slots=True)
class AlertContent:
    """One alert as it stands at one version, or the step that led to that version.

    Parameters
    ----------
    rule, finding: what was judged, and the result at this version.
    reason, change: why this version was written; `change` is {"before": …, "after": …} as stored.
    episode, version: of the alert; versions count from 1.
    crossing: the finding of the first crossing of this episode; it stays recorded whatever happens later.
    already_true: found at the first poll of a running study.
    opened_at, changed_at: when the episode and this version were recorded.
    data_as_of: clinical cut-off of the evaluation.
    acknowledgement, withdrawn: the standing one, and the last one that was taken back (at most one of them).
    following: what else people did with it.
    clocks: of an event, its reporting clocks by other rules of the same audience.
    basis: digest of the finding as stored: what a person who clicks has looked at.
    undoes: of a step: the acknowledgement that no longer counts because of it.
    calls: whom silence calls, and when, in order.   mention: member ids of the role that must act; `role` is its name.
    """

    rule: RuleFacts
    finding: Finding
    reason: Reason
    opened_at: datetime
    changed_at: datetime
    data_as_of: datetime
    episode: int = 1
    version: int = 1
    change: Mapping[str, Any] = field(default_factory=dict)
    crossing: Finding | None = None
    already_true: bool = False
    acknowledgement: Acknowledgement | None = None
    withdrawn: Acknowledgement | None = None
    undoes: Acknowledgement | None = None
    calls: tuple[Call, ...] = ()
    following: Following = Following()
    clocks: tuple[ClockRow, ...] = ()
    basis: str = ""
    role: str = ""
    mention: tuple[str, ...] = ()

    @property
    def audience(self) -> Audience:
        """Who may read it: the rule's audience."""
        return self.rule.audience

    @property
    def may_snooze(self) -> bool:
        """Never a stopping boundary that was crossed."""
        crossed = self.crossing is not None and self.crossing.state is State.CROSSED
        return not (crossed and self.rule.kind in ("boundary", "exposure"))
