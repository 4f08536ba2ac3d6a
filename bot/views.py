"""What a message may say: content (facts about one thing), and views (content cleared for one audience).

Only `bot.access.disclose` makes an `OpenView` or a `ClosedView`, and message builders accept nothing else: a
builder that was never given a fact cannot leak it. May not know Slack, the database or the wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.clocks import ClockRow
from bot.lines import RuleLine, SourceLine
from bot.notices import (
    DrillContent,
    FaultLine,
    GroupLine,
    GroupsContent,
    HeldLine,
    OpenAlertLine,
    OpsContent,
    OpsKind,
    PageContent,
    StartingStateContent,
    StatusContent,
    StepContent,
    Stored,
    WeekContent,
    scope_name,
    stored_body,
    stored_from_body,
)
from bot.questions import AlertsContent, EventsContent, HomeContent, RuleContent, SubjectContent
from bot.summary_content import SummaryContent, SummaryFileContent
from rules.model import Action, Audience, Finding, Reason, State, Urgency

__all__ = [
    "Acknowledgement",
    "AlertContent",
    "Call",
    "ClosedView",
    "Content",
    "Decided",
    "DrillContent",
    "EscalationContent",
    "FaultLine",
    "Following",
    "GroupLine",
    "GroupsContent",
    "HeldContent",
    "HeldLine",
    "Mode",
    "OpenAlertLine",
    "OpenView",
    "OpsContent",
    "OpsKind",
    "PageContent",
    "PagedContent",
    "ReminderContent",
    "ResponseContent",
    "RuleFacts",
    "RuleLine",
    "Setting",
    "SourceLine",
    "StandingContent",
    "StartingStateContent",
    "StatusContent",
    "StepContent",
    "Stored",
    "SummaryContent",
    "SummaryFileContent",
    "View",
    "WeekContent",
    "WhyContent",
    "scope_name",
    "stored_body",
    "stored_from_body",
]

_SEAL = object()
"""Known to `bot.access` only: constructing a view without it raises."""


class Mode(StrEnum):
    """Whether what is said concerns real people; a database remembers its mode and refuses the others."""

    PRACTICE = "practice"
    REHEARSAL = "rehearsal"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Setting:
    """What every message of one study needs to know.

    Parameters
    ----------
    study_id: shown as written in the plan.
    timezone: IANA name; every time is shown in it with its UTC offset.
    mode: anything but LIVE marks every message.
    study_days: show days since first dose instead of calendar dates of events (`privacy.dates: study_day`).
    alias_salt: not "": show an alias instead of the subject number (`privacy.subject_ids: alias`), made with this
        secret of the study's database, so that nobody can recompute it from a list of subject numbers.
    """

    study_id: str
    timezone: str
    mode: Mode = Mode.LIVE
    study_days: bool = True
    alias_salt: str = ""


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
    reopened: the acknowledgement that no longer counts, because the alert changed at `reopened_at`.
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


@dataclass(frozen=True, slots=True)
class WhyContent:
    """The answer to "Why?": the alert, and what makes it checkable from stored facts alone.

    Parameters
    ----------
    alert: the alert at its latest version.
    definition: canonical rule version as stored (its YAML fields and any boundary table).
    batch_no, code_version: what was evaluated, and by which code.
    revisions: record key → number of stored revisions of that record, for the evidence.
    """

    alert: AlertContent
    definition: Mapping[str, Any]
    batch_no: int
    code_version: str
    revisions: Mapping[str, int] = field(default_factory=dict)

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class StandingContent:
    """Where the trial stood when an alert was opened, for its thread; `definition` as in `WhyContent`."""

    alert: AlertContent
    definition: Mapping[str, Any]

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class ResponseContent:
    """One thing that a person did with an alert, for its thread.

    Parameters
    ----------
    alert: as it stands.   kind: `storage.alert_records.ResponseKind` value.   by: who, when.
    seen: version of the alert they were looking at.   assignee, until, decision: particulars by kind.
    words: their own, a reason or a note.
    """

    alert: AlertContent
    kind: str
    by: Acknowledgement
    seen: int
    assignee: str = ""
    until: datetime | None = None
    decision: Decided | None = None
    words: str = ""

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class HeldContent:
    """An enrolment or a dose that was recorded although people had decided to pause or hold."""

    alert: AlertContent
    line: HeldLine

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class EscalationContent:
    """Nobody acknowledged: who is called now, about which alert; `vacant`: because nobody is left in that role."""

    alert: AlertContent
    role: str
    mention: tuple[str, ...]
    waited_minutes: int
    vacant: str = ""

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class ReminderContent:
    """Acknowledged, and after `waited_minutes` not decided."""

    alert: AlertContent
    waited_minutes: int

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


@dataclass(frozen=True, slots=True)
class PagedContent:
    """What leaves by the second path.

    Parameters
    ----------
    audience: of the alert, or ops.   why, minutes: as in `PageContent`.
    alert: of an open alert, where its counts may leave; None = only that one waits.
    """

    audience: Audience
    why: str
    minutes: int = 0
    alert: AlertContent | None = None


Content = (
    DrillContent
    | PagedContent
    | AlertContent
    | WhyContent
    | StandingContent
    | EscalationContent
    | ReminderContent
    | ResponseContent
    | HeldContent
    | StatusContent
    | StartingStateContent
    | WeekContent
    | GroupsContent
    | OpsContent
    | AlertsContent
    | RuleContent
    | SubjectContent
    | EventsContent
    | HomeContent
    | SummaryContent
    | SummaryFileContent
)
"""What can be disclosed."""


@dataclass(frozen=True, slots=True)
class _View:
    """Content cleared for one audience, and the setting it is said in. Made by `bot.access.disclose` only."""

    content: Content
    audience: Audience
    setting: Setting
    seal: object = field(repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError(f"{type(self).__name__} is made by bot.access.disclose only")


class OpenView(_View):
    """May be read by everyone in the study's open or ops channel: a function of open data alone."""

    __slots__ = ()


class ClosedView(_View):
    """May be read by those on the closed (or pharmacy) roster only: posted after a check that fails closed."""

    __slots__ = ()


View = OpenView | ClosedView
