"""What an outbox row stores until it is posted: facts of notes and ops messages, as JSON values and back.

May not know Slack, the database or the wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as stored_dataclass

from bot.contents.duty import CoverLine, DutyContent
from bot.contents.lines import RuleLine, SourceLine
from bot.contents.summary import SummaryContent, SummaryFileContent
from rules.model import Audience, State, Urgency

_BY_ARM = "arm:"
"""How rules by arm name their scopes; what follows is the letter of a masked group."""


def scope_name(scope: str) -> str:
    """A scope as people call it: `arm:A` is "group A", `P-014|3` is "subject P-014, event 3", any other what it is."""
    if scope.startswith(_BY_ARM):
        return f"group {scope.removeprefix(_BY_ARM)}"
    subject, of_event, event = scope.partition("|")
    return f"subject {subject}, event {event.replace('|', ' ')}" if of_event else scope


@stored_dataclass(frozen=True, slots=True)
class OpenAlertLine:
    """An alert that nobody has resolved.

    Parameters
    ----------
    alert_id: its number, 0 = not known.   decision, decided_at: the last one (`DecisionKind` value), "" = none.
    asks_again: it was decided to continue past the boundary, and the rule was met again since.
    link: address of its message; asked for when the note is sent, never stored.
    """

    rule_id: str
    scope: str
    state: State
    opened_at: datetime
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    alert_id: int = 0
    decision: str = ""
    decided_at: datetime | None = None
    asks_again: bool = False
    link: str = ""


@stored_dataclass(frozen=True, slots=True)
class StatusContent:
    """What was and could not be checked, for one audience: the daily note and the answer to `status`.

    Parameters
    ----------
    at: when it was frozen; a late note says so by `due_at`.
    rules, alerts, sources: of this audience only.
    newly: ids of rules newly crossed since the last note.   changed: of others whose alert changed since.
    problems: what could not be done, in words, worst first (held deliveries, a failing evaluation).
    evaluated_at: last finished evaluation, None = never.
    next_at, down_at: the next note, and when its absence means that the bot is down (notes only).
    due_at: when the note was due, where it is late.   seq, digest: head of the audit chain.
    on_cover: who stands in for whom, of the readers' side.
    """

    audience: Audience
    at: datetime
    rules: tuple[RuleLine, ...] = ()
    alerts: tuple[OpenAlertLine, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    newly: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    evaluated_at: datetime | None = None
    next_at: datetime | None = None
    down_at: datetime | None = None
    due_at: datetime | None = None
    ops: tuple[str, ...] = ()
    seq: int = 0
    digest: str = ""
    on_cover: tuple[CoverLine, ...] = ()
    type: Literal["status"] = "status"


@stored_dataclass(frozen=True, slots=True)
class StartingStateContent:
    """A running trial's first evaluation: one line a rule, for the medical monitor to accept once.

    Parameters
    ----------
    rules: of this audience.   events, subjects: recorded before monitoring began.
    crossed: rules already met that are alerted on their own.
    covered: rules of single events already met: this message is all that is said of those events.
    role, mention: who is to accept.   accepted_by, accepted_at: who did.
    """

    audience: Audience
    at: datetime
    rules: tuple[RuleLine, ...]
    events: int = 0
    subjects: int = 0
    crossed: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
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
    by_group: bool = False
    type: Literal["week"] = "week"


@stored_dataclass(frozen=True, slots=True)
class GroupLine:
    """One masked group under one rule: subjects dosed, and those of them that the rule counts."""

    group: str
    dosed: int
    counted: int


@stored_dataclass(frozen=True, slots=True)
class GroupsContent:
    """Where one rule stands by masked group, for the board.

    Parameters
    ----------
    rule_id, title: of the rule.   lines: one a group, in order of its letter.
    invented: the groups were dealt at random for practice and mean nothing.
    """

    at: datetime
    rule_id: str
    title: str
    lines: tuple[GroupLine, ...]
    invented: bool
    audience: Audience = Audience.CLOSED
    type: Literal["groups"] = "groups"


class OpsKind(StrEnum):
    """What ops hears about; each is said once when it begins and once when it ends."""

    STARTED = "started"
    SOURCE_FAILED = "source_failed"
    SOURCE_RECOVERED = "source_recovered"
    SOURCE_STALE = "source_stale"
    SOURCE_FAULTS = "source_faults"
    SOURCE_WARNING = "source_warning"
    RULE_FAILED = "rule_failed"
    RULE_RECOVERED = "rule_recovered"
    CYCLE_FAILED = "cycle_failed"
    CYCLE_RECOVERED = "cycle_recovered"
    SOCKET_LOST = "socket_lost"
    SOCKET_BACK = "socket_back"
    SECOND_SOCKET = "second_socket"
    SECOND_GONE = "second_gone"
    MEMBER_GONE = "member_gone"
    MEMBER_BACK = "member_back"
    PAGE_FAILED = "page_failed"
    PAGE_WORKS = "page_works"
    ROLE_EMPTY = "role_empty"
    ROLE_FILLED = "role_filled"
    OUTBOX_HELD = "outbox_held"
    OUTBOX_SLOW = "outbox_slow"
    OUTBOX_DRAINED = "outbox_drained"
    OUTBOX_RECOVERED = "outbox_recovered"
    CHANNEL_BLOCKED = "channel_blocked"
    CHANNEL_RELEASED = "channel_released"
    HISTORY_UNREADABLE = "history_unreadable"
    SUMMARY_FAILED = "summary_failed"


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
class HeldLine:
    """Something recorded after a hold: see `rules.holds.Breach`; `decision` is the hold."""

    decision: str
    usubjid: str
    what: str
    study_day: int | None = None
    partial: bool = False


@stored_dataclass(frozen=True, slots=True)
class StepContent:
    """What an outbox row about an alert stores: the words are made from the alert's own history.

    `step`: "alert" the parent message; "change" a reply on its version; "standing" a reply on where the trial stood
    then; "escalation" a reply that calls `role`; "reminder" a reply to whoever acknowledged and has not decided;
    "response" a reply on what a person did, `number` being the response; "held" a reply on what was recorded after a
    hold. `vacant`: the role in which nobody is left, where that is why `role` is called early.
    `covering`: who stood in for one whom the step calls, when it was queued.
    """

    step: Literal["alert", "change", "standing", "escalation", "reminder", "response", "held"]
    version: int = 1
    role: str = ""
    after_minutes: int = 0
    vacant: str = ""
    number: int = 0
    held: HeldLine | None = None
    covering: tuple[str, ...] = ()
    type: Literal["step"] = "step"


@stored_dataclass(frozen=True, slots=True)
class GroupedStored:
    """What a row about many alerts of one evaluation stores; what each says is read from the version that was told.

    Parameters
    ----------
    step: "alerts" the message about new ones, "changes" the one about what changed; "more" a reply that lists further
        ones; "call" a reply that calls `role`; "reminder" a reply to whoever acknowledged and has not decided.
    at: of the evaluation.   listed: alerts named here, the `first`-th of `total` and those after it.
    every: all alerts of the group (the message only).
    versions: of changes, the version of each of `every`, in a reply of each of `listed`; () = each as it began.
    after_minutes, vacant, covering: of a call, as in
        `StepContent`.
    acknowledged_by, acknowledged_at, acknowledged: who last acknowledged the group, and how many of it that reached.
    """

    audience: Audience
    step: Literal["alerts", "changes", "more", "call", "reminder"]
    at: datetime
    urgency: Urgency
    listed: tuple[int, ...] = ()
    total: int = 0
    first: int = 1
    every: tuple[int, ...] = ()
    role: str = ""
    after_minutes: int = 0
    vacant: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    acknowledged: int = 0
    covering: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    type: Literal["grouped"] = "grouped"

    def told_at(self) -> dict[int, int]:
        """Number of an alert → the version at which it is told; one that is not there, as it began."""
        return dict(zip(self.every or self.listed, self.versions, strict=False))


@stored_dataclass(frozen=True, slots=True)
class GroupFileContent:
    """The list of the group under `group_key` as a file of this name, in its thread."""

    audience: Audience
    group_key: str
    name: str
    type: Literal["group_file"] = "group_file"


@stored_dataclass(frozen=True, slots=True)
class DrillContent:
    """A drill: `people` are asked to press a button before `until`. `drill` is its id."""

    audience: Audience
    at: datetime
    until: datetime
    drill: str
    people: tuple[str, ...]
    type: Literal["drill"] = "drill"


@stored_dataclass(frozen=True, slots=True)
class PageContent:
    """What a row of the second path stores: of an alert, or, without one, for an operator.

    `why`: "raised", "unacknowledged", "unposted" (Slack has not confirmed the message), "acknowledged", or "drill".
    `together`: alerts of the group that wait for the same answer, the one it speaks of among them; 0 = it has its own
    message.
    """

    why: Literal["raised", "unacknowledged", "unposted", "acknowledged", "drill"]
    minutes: int = 0
    together: int = 0
    type: Literal["page"] = "page"


Stored = (
    DrillContent
    | DutyContent
    | PageContent
    | StepContent
    | GroupedStored
    | GroupFileContent
    | StatusContent
    | StartingStateContent
    | WeekContent
    | GroupsContent
    | OpsContent
    | SummaryContent
    | SummaryFileContent
)
"""What `outbox.content` can hold."""

_STORED: TypeAdapter[Stored] = TypeAdapter(Stored)


def stored_body(content: Stored) -> dict[str, Any]:
    """The content as JSON values for `outbox.content`; equal contents give equal bodies."""
    body: dict[str, Any] = _STORED.dump_python(content, mode="json")
    return body


def stored_from_body(body: Mapping[str, Any]) -> Stored:
    """Rebuild what `stored_body` wrote. Raises pydantic's ValidationError on a body of another shape."""
    return _STORED.validate_python(dict(body))
