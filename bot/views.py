"""What a message may say: content (facts about one thing), and views (content cleared for one audience).

Only `bot.access.disclose` makes an `OpenView` or a `ClosedView`, and message builders accept nothing else: a
builder that was never given a fact cannot leak it. May not know Slack, the database or the wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as stored_dataclass

from rules.model import Action, Audience, Finding, Reason, State, Urgency

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
    command: slash command people type, with its suffix where an instance has one.
    """

    study_id: str
    timezone: str
    mode: Mode = Mode.LIVE
    study_days: bool = True
    alias_salt: str = ""
    command: str = "/safety"


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
    basis: digest of the finding as stored: what a person who clicks has looked at.
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
    calls: tuple[Call, ...] = ()
    basis: str = ""
    role: str = ""
    mention: tuple[str, ...] = ()

    @property
    def audience(self) -> Audience:
        """Who may read it: the rule's audience."""
        return self.rule.audience


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


@stored_dataclass(frozen=True, slots=True)
class RuleLine:
    """Where one rule stands, for a note: numbers of its most advanced scope."""

    rule_id: str
    title: str
    state: State
    events: int = 0
    n_evaluable: int = 0
    stop_at: int | None = None
    at_n: int | None = None
    needs: int | None = None
    reason: str = ""


@stored_dataclass(frozen=True, slots=True)
class OpenAlertLine:
    """An alert that nobody has resolved."""

    rule_id: str
    scope: str
    state: State
    opened_at: datetime
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None


@stored_dataclass(frozen=True, slots=True)
class SourceLine:
    """How current one record source is. `reason` is why it is not, in words for whoever mends it."""

    source_id: str
    last_complete_at: datetime | None
    current: bool
    reason: str = ""


@stored_dataclass(frozen=True, slots=True)
class StatusContent:
    """What was and could not be checked, for one audience: the daily note and the answer to `status`.

    Parameters
    ----------
    at: when it was frozen; a late note says so by `due_at`.
    rules, alerts, sources: of this audience only.
    newly: ids of rules newly met since the last note.
    problems: what could not be done, in words, worst first (held deliveries, a failing evaluation).
    evaluated_at: last finished evaluation, None = never.
    next_at, down_at: the next note, and when its absence means that the bot is down (notes only).
    due_at: when the note was due, where it is late.   seq, digest: head of the audit chain.
    """

    audience: Audience
    at: datetime
    rules: tuple[RuleLine, ...] = ()
    alerts: tuple[OpenAlertLine, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    newly: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    evaluated_at: datetime | None = None
    next_at: datetime | None = None
    down_at: datetime | None = None
    due_at: datetime | None = None
    ops: tuple[str, ...] = ()
    seq: int = 0
    digest: str = ""
    type: Literal["status"] = "status"


@stored_dataclass(frozen=True, slots=True)
class StartingStateContent:
    """A running trial's first evaluation: one line a rule, for the medical monitor to accept once."""

    audience: Audience
    at: datetime
    rules: tuple[RuleLine, ...]
    events: int = 0
    subjects: int = 0
    crossed: tuple[str, ...] = ()
    role: str = "medical_monitor"
    mention: tuple[str, ...] = ()
    accepted_by: str = ""
    accepted_at: datetime | None = None
    type: Literal["starting_state"] = "starting_state"


@stored_dataclass(frozen=True, slots=True)
class WeekContent:
    """The head of a week's thread of daily notes; `monday` is 00:00 of its first day in the study's zone."""

    audience: Audience
    monday: datetime
    type: Literal["week"] = "week"


class OpsKind(StrEnum):
    """What ops hears about; each is said once when it begins and once when it ends."""

    STARTED = "started"
    SOURCE_FAILED = "source_failed"
    SOURCE_RECOVERED = "source_recovered"
    SOURCE_STALE = "source_stale"
    SOURCE_FAULTS = "source_faults"
    SOURCE_WARNING = "source_warning"
    RULE_FAILED = "rule_failed"
    SECOND_SOCKET = "second_socket"
    OUTBOX_HELD = "outbox_held"
    OUTBOX_SLOW = "outbox_slow"
    OUTBOX_RECOVERED = "outbox_recovered"
    CHANNEL_BLOCKED = "channel_blocked"
    CHANNEL_RELEASED = "channel_released"
    HISTORY_UNREADABLE = "history_unreadable"


@stored_dataclass(frozen=True, slots=True)
class FaultLine:
    """Doubtful records of one kind: by source, column and row, never by value."""

    source_id: str
    file: str
    variable: str
    kind: str
    rows: tuple[int, ...]
    total: int


@stored_dataclass(frozen=True, slots=True)
class OpsContent:
    """One message to ops: what failed or recovered, where, and what to do.

    Parameters
    ----------
    subject: source id, rule id, channel or the like.   reason, fix: in words.
    since: when it began.   faults: for SOURCE_FAULTS.   number: how many, where that matters.
    """

    kind: OpsKind
    at: datetime
    subject: str = ""
    reason: str = ""
    fix: str = ""
    since: datetime | None = None
    number: int = 0
    faults: tuple[FaultLine, ...] = ()
    audience: Audience = Audience.OPS
    type: Literal["ops"] = "ops"


@stored_dataclass(frozen=True, slots=True)
class StepContent:
    """What an outbox row about an alert stores: the words are made from the alert's own history.

    `step`: "alert" the parent message; "change" a reply on its version; "escalation" a reply that calls `role`.
    """

    step: Literal["alert", "change", "escalation"]
    version: int = 1
    role: str = ""
    after_minutes: int = 0
    type: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class EscalationContent:
    """Nobody acknowledged: who is called now, about which alert."""

    alert: AlertContent
    role: str
    mention: tuple[str, ...]
    waited_minutes: int

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        return self.alert.audience


Stored = StepContent | StatusContent | StartingStateContent | WeekContent | OpsContent
"""What `outbox.content` can hold."""

Content = (
    AlertContent | WhyContent | EscalationContent | StatusContent | StartingStateContent | WeekContent | OpsContent
)
"""What can be disclosed."""

_STORED: TypeAdapter[Stored] = TypeAdapter(Stored)


def stored_body(content: Stored) -> dict[str, Any]:
    """The content as JSON values for `outbox.content`; equal contents give equal bodies."""
    body: dict[str, Any] = _STORED.dump_python(content, mode="json")
    return body


def stored_from_body(body: Mapping[str, Any]) -> Stored:
    """Rebuild what `stored_body` wrote. Raises pydantic's ValidationError on a body of another shape."""
    return _STORED.validate_python(dict(body))


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
