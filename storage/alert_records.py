"""What is told of an alert: its versions, the responses to it, and where it stands; and how rows become these."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rules.model import Audience, Finding, Reason, State, Urgency, finding_from_body
from storage.columns import canonical


class ResponseKind(StrEnum):
    """What a person did with an alert; and, by the bot itself, that a hold in force was broken."""

    ACKNOWLEDGED = "acknowledged"
    WITHDRAWN = "acknowledgement_withdrawn"
    ASSIGNED = "assigned"
    NOTED = "noted"
    SNOOZED = "snoozed"
    DECIDED = "decided"
    RESOLVED = "resolved"
    HOLD_BROKEN = "hold_broken"


BY_BOT = "dsmbot"
"""`user_id` of a response that nobody gave: `HOLD_BROKEN`."""


class DecisionKind(StrEnum):
    """What people decided; the bot records it and does nothing of it."""

    CONTINUE = "continue"
    CONTINUE_PAST = "continue_past"
    MODIFY = "modify"
    PAUSE_ENROLMENT = "pause_enrolment"
    HOLD_DOSING = "hold_dosing"
    HALT_STUDY = "halt_study"
    RESUME = "resume"


HOLDS = frozenset({DecisionKind.PAUSE_ENROLMENT, DecisionKind.HOLD_DOSING, DecisionKind.HALT_STUDY})
"""Decisions that stay in force until somebody decides to resume."""


def until_of(body: Mapping[str, Any]) -> datetime:
    """The end of a snooze, aware UTC, from the particulars of its response."""
    return datetime.fromisoformat(body["until"])


@dataclass(frozen=True, slots=True)
class Response:
    """One thing a person did.

    Parameters
    ----------
    response_id, alert_id: numbers.   alert_version: version the person was looking at.
    kind: see `ResponseKind`.   user_id, team_id: Slack ids.   at: aware UTC.
    basis: digest of the finding the person was looking at.   note: the person's own words, a reason or a note, opened.
    body: particulars by kind. assigned: `assignee` (member id). snoozed: `until` (ISO 8601). decided: `decision` (a
        `DecisionKind`) and `scope` ("all", or "subject:" and the USUBJID).
    """

    response_id: int
    alert_id: int
    alert_version: int
    kind: ResponseKind
    user_id: str
    team_id: str
    at: datetime
    basis: str
    note: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertVersion:
    """One version of an alert: when and why it was written, the finding, and what changed."""

    version: int
    at: datetime
    reason: Reason
    rule_version: int
    finding: Finding
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert with everything that ever happened to it.

    Parameters
    ----------
    alert_id, study_id, rule_id, scope, episode, audience, urgency, opened_at: as stored when it opened.
    already_true: it was met when monitoring began.
    revision: versions + responses; a posted message shows one revision (`outbox.rendered_version`).
    versions, responses: oldest first.
    acknowledgement: the one in force, or None.
    reopened_at, snoozed_until, assignee, decided_by, rearmed, holding: see `storage.alert_stands.Stands`.
    resolved: a person ended the episode.
    previous_alert_id: the alert of the episode before, or None.
    """

    alert_id: int
    study_id: str
    rule_id: str
    scope: str
    episode: int
    audience: Audience
    urgency: Urgency
    opened_at: datetime
    already_true: bool
    revision: int
    versions: tuple[AlertVersion, ...]
    responses: tuple[Response, ...]
    acknowledgement: Response | None
    resolved: bool
    previous_alert_id: int | None
    reopened_at: datetime | None = None
    snoozed_until: datetime | None = None
    assignee: str | None = None
    decided_by: int | None = None
    rearmed: bool = False
    holding: str = ""

    @property
    def latest(self) -> AlertVersion:
        """The last version: what the alert says now."""
        return self.versions[-1]

    @property
    def finding(self) -> Finding:
        """The finding of the last version."""
        return self.latest.finding


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """One line about an alert that nobody has resolved: for notes, status answers and escalation.

    `ever_crossed`: it was CROSSED at some version of this episode, whatever `state` says now. For the rest see
    `StoredAlert`.
    """

    alert_id: int
    rule_id: str
    scope: str
    episode: int
    version: int
    state: State
    audience: Audience
    urgency: Urgency
    opened_at: datetime
    ever_crossed: bool
    acknowledgement: Response | None
    reopened_at: datetime | None = None
    snoozed_until: datetime | None = None
    assignee: str | None = None
    decided_by: int | None = None
    rearmed: bool = False
    holding: str = ""


STANDING = ("reopened_at", "snoozed_until", "assignee", "decided_by", "rearmed", "holding")
"""Columns of `alert_head` that both kinds of alert carry as they are."""


def stored_alert_from_row(
    row: Any, versions: Sequence[Any], answers: Sequence[Any], opened: Callable[[Any], Any]
) -> StoredAlert:
    """A stored alert from its row, its versions and its responses, oldest first; `opened` opens what is sealed."""
    responses = tuple(response_from_row(answer, opened=opened) for answer in answers)
    return StoredAlert(
        alert_id=row.alert_id,
        study_id=row.study_id,
        rule_id=row.rule_id,
        scope=row.scope,
        episode=row.episode,
        audience=Audience(row.audience),
        urgency=Urgency(row.urgency),
        opened_at=row.opened_at,
        already_true=row.already_true,
        revision=row.revision,
        versions=tuple(version_from_row(version, opened) for version in versions),
        responses=responses,
        acknowledgement=next((item for item in responses if item.response_id == row.acknowledged_by), None),
        resolved=row.resolved,
        previous_alert_id=row.previous_alert_id,
        **{name: getattr(row, name) for name in STANDING},
    )


def version_from_row(row: Any, opened: Callable[[Any], Any]) -> AlertVersion:
    """A version from its row; `opened` opens what is sealed."""
    change = opened(row.change)
    return AlertVersion(
        version=row.version,
        at=row.at,
        reason=Reason(row.reason),
        rule_version=row.rule_version,
        finding=finding_from_body(opened(row.finding)),
        before=change["before"],
        after=change["after"],
    )


def response_from_row(row: Any, prefix: str = "", *, opened: Callable[[Any], Any]) -> Response:
    """A response from its row; `prefix` is that of its labels in a joined row, `opened` opens what is sealed."""
    values = {name: getattr(row, prefix + name) for name in Response.__slots__}
    words = opened(json.loads(values["note"])) if values["note"] else ""
    return Response(**{**values, "kind": ResponseKind(values["kind"]), "note": words})


def stored_words(words: str, sealed: Callable[[Any], Any]) -> str:
    """A person's own words as `response.note` keeps them: JSON text, sealed on the closed side; "" for none."""
    return canonical(sealed(words)) if words else ""


def open_alert_from_row(row: Any, opened: Callable[[Any], Any]) -> OpenAlert:
    """An open alert from the joined row of alert, head and acknowledgement; `opened` opens what is sealed."""
    return OpenAlert(
        alert_id=row.alert_id,
        rule_id=row.rule_id,
        scope=row.scope,
        episode=row.episode,
        version=row.version,
        state=State(row.state),
        audience=Audience(row.audience),
        urgency=Urgency(row.urgency),
        opened_at=row.opened_at,
        ever_crossed=row.ever_crossed,
        acknowledgement=None if row.r_response_id is None else response_from_row(row, "r_", opened=opened),
        **{name: getattr(row, name) for name in STANDING},
    )
