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

from bot.contents.alert import Acknowledgement, AlertContent, Call, Decided, Following, RuleFacts
from bot.contents.duty import DutyContent
from bot.contents.lines import RuleLine, SourceLine
from bot.contents.notices import (
    DrillContent,
    FaultLine,
    GroupedStored,
    GroupFileContent,
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
from bot.contents.questions import Question
from bot.contents.summary import SummaryContent, SummaryFileContent
from rules.model import Audience

__all__ = [
    "Acknowledgement",
    "AlertContent",
    "Call",
    "ClosedView",
    "Content",
    "Decided",
    "DrillContent",
    "DutyContent",
    "EscalationContent",
    "FaultLine",
    "Following",
    "GroupFileContent",
    "GroupLine",
    "GroupedContent",
    "GroupedStored",
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
    words: their own, a reason or a note.   handed_by: from whom it was taken over.   covering: for whom they stood in.
    """

    alert: AlertContent
    kind: str
    by: Acknowledgement
    seen: int
    assignee: str = ""
    until: datetime | None = None
    decision: Decided | None = None
    words: str = ""
    handed_by: str = ""
    covering: str = ""

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
class GroupedContent:
    """Many alerts of one evaluation, told together.

    Parameters
    ----------
    stored: what the row holds.   alerts: those that it names, each at the version it began with.
    mention: member ids of `role`, who must act.
    """

    stored: GroupedStored
    alerts: tuple[AlertContent, ...]
    role: str = ""
    mention: tuple[str, ...] = ()

    @property
    def audience(self) -> Audience:
        """Who may read it."""
        return self.stored.audience


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
    audience: of the alert, or ops.   why, minutes, together: as in `PageContent`.
    alert: of an open alert, where its counts may leave; None = only that one waits.
    """

    audience: Audience
    why: str
    minutes: int = 0
    alert: AlertContent | None = None
    together: int = 0


Content = (
    DrillContent
    | DutyContent
    | PagedContent
    | AlertContent
    | WhyContent
    | StandingContent
    | EscalationContent
    | GroupedContent
    | GroupFileContent
    | ReminderContent
    | ResponseContent
    | HeldContent
    | StatusContent
    | StartingStateContent
    | WeekContent
    | GroupsContent
    | OpsContent
    | Question
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
