"""What is asked of the bot, as content: lists of alerts, a rule, a subject, adverse events, and the page of one person.

Facts only, each with the audience that may read it. May not know Slack, the database or the wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.contents.clocks import ClockRow
from bot.contents.lines import RuleLine, SourceLine
from rules.listing import ListedEvent, SubjectCourse
from rules.model import Audience, Finding, State, Urgency


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert in a list.

    Parameters
    ----------
    alert_id, episode, version: as stored; `alert_id` is the number people ask for it by.
    subject: whose event it is about, "" where it is about more than one.
    acknowledged_by, acknowledged_at: by whom, and when, it was last acknowledged; "" and None where it is not.
    assignee: member id, "".   decided: a decision is recorded.   snoozed_until: calls rest until then.
    reference: delivery key, version and digest of the finding, joined by `|`: what a button about it carries.
    """

    alert_id: int
    rule_id: str
    title: str
    scope: str
    episode: int
    version: int
    state: State
    urgency: Urgency
    opened_at: datetime
    subject: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    resolved: bool = False
    assignee: str = ""
    decided: bool = False
    snoozed_until: datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class AlertsContent:
    """Alerts, the most urgent first. `every`: resolved ones too."""

    audience: Audience
    at: datetime
    lines: tuple[AlertLine, ...]
    every: bool = False


@dataclass(frozen=True, slots=True)
class RuleContent:
    """One rule: what it says, where each scope stands, and how far it is from its boundary.

    Parameters
    ----------
    rule_id, title, sentence, kind, action, version: of the rule now in force.
    lines: one a scope, the most advanced first.   finding: of the most advanced scope, None before any evaluation.
    definition: of the rule version that judged (its YAML fields and any boundary table).
    alerts: of this rule, open ones first.
    """

    audience: Audience
    at: datetime
    data_as_of: datetime | None
    rule_id: str
    title: str
    kind: str
    action: str
    sentence: str
    version: int
    lines: tuple[RuleLine, ...]
    scopes: tuple[str, ...] = ()
    finding: Finding | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)
    alerts: tuple[AlertLine, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectContent:
    """One subject's course in study days, and the alerts that count an event of this subject."""

    audience: Audience
    at: datetime
    data_as_of: datetime
    course: SubjectCourse
    alerts: tuple[AlertLine, ...] = ()


@dataclass(frozen=True, slots=True)
class EventsContent:
    """Adverse events that fit some filters.

    Parameters
    ----------
    filters: as understood, in words.   events: those that fit, in order of subject and onset.
    total, subjects, treated: events recorded in all, subjects with one that fits, treated subjects.
    """

    audience: Audience
    at: datetime
    data_as_of: datetime
    filters: tuple[str, ...]
    events: tuple[ListedEvent, ...]
    total: int
    subjects: int
    treated: int


@dataclass(frozen=True, slots=True)
class HomeContent:
    """The page of one person: what needs this person now, and how the study stands for what they may read.

    Parameters
    ----------
    role: the first of the person's roles, in words.   mine: alerts that wait for this person.
    open: every other open alert they may read.   clocks: reporting clocks that run, the next due first.
    rules: nearest to its boundary first.   evaluated_at: None = never.
    """

    audience: Audience
    at: datetime
    role: str
    mine: tuple[AlertLine, ...] = ()
    open: tuple[AlertLine, ...] = ()
    clocks: tuple[ClockRow, ...] = ()
    rules: tuple[RuleLine, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    problems: tuple[str, ...] = ()
    evaluated_at: datetime | None = None
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CopyContent:
    """One alert as plain text, for an e-mail to people who are not in Slack.

    Parameters
    ----------
    alert: content of the alert, cleared with it.   seq, digest: head of the audit chain.   basis: hash of the finding.
    """

    alert: Any
    seq: int
    digest: str
    basis: str
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def audience(self) -> Audience:
        """As the alert's."""
        audience: Audience = self.alert.audience
        return audience


Question = AlertsContent | RuleContent | SubjectContent | EventsContent | HomeContent
"""Content that answers a question."""
