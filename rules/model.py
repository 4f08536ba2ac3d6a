"""The words that every room shares: snapshot, finding, state, reason, and the `Rule` protocol.

A *finding* is what one rule says about one scope of one snapshot. It is a pure result: it becomes
an *alert* only when it is stored, and a *notification* only when it is queued for people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from rules.plan import Derivation, StudyPlan

if TYPE_CHECKING:
    import pandas as pd

    from rules.derive import Facts

__all__ = [
    "Action",
    "AlertStatus",
    "Audience",
    "Derivation",
    "Evidence",
    "Finding",
    "Reason",
    "Rule",
    "Snapshot",
    "Standing",
    "State",
    "StudyPlan",
    "Transition",
    "Urgency",
    "finding_from_body",
]


class State(StrEnum):
    """Where a rule stands for one scope. Only `WITHIN` is quiet; every other state is named and counted."""

    NOT_EVALUABLE = "NOT_EVALUABLE"
    PENDING = "PENDING"
    WITHIN = "WITHIN"
    NEAR = "NEAR"
    PROVISIONAL = "PROVISIONAL"
    CROSSED = "CROSSED"
    BEYOND_DESIGN = "BEYOND_DESIGN"


class Reason(StrEnum):
    """Why people are spoken to (or not): the result of `rules.evaluate.transition`."""

    FIRST_CROSSING = "FIRST_CROSSING"
    WORSENED = "WORSENED"
    CONFIRMED = "CONFIRMED"
    MET_AGAIN = "MET_AGAIN"
    BASIS_CHANGED = "BASIS_CHANGED"
    RULE_CHANGED = "RULE_CHANGED"
    NO_LONGER_MET = "NO_LONGER_MET"
    NOT_EVALUABLE = "NOT_EVALUABLE"
    RESTORED = "RESTORED"
    REMINDER_DUE = "REMINDER_DUE"
    NONE = "NONE"


class Urgency(StrEnum):
    """How fast a person must look. Not severity (AESEV), not seriousness (domain of ICH E2A)."""

    ROUTINE = "routine"
    URGENT = "urgent"
    CRITICAL = "critical"


class Audience(StrEnum):
    """Who may read. `closed` is the DSMB and the unblinded statistician only."""

    OPEN = "open"
    CLOSED = "closed"
    PHARMACY = "pharmacy"
    OPS = "ops"


class Action(StrEnum):
    """What the protocol says must happen. The product never does it; it records that people did."""

    STOP_SUBJECT = "stop_subject"
    HOLD_DOSING = "hold_dosing"
    PAUSE_ENROLMENT = "pause_enrolment"
    HALT_STUDY = "halt_study"
    NOTIFY = "notify"


class Standing(StrEnum):
    """How one subject or event enters a count; everything not `COUNTED` is shown with its reason."""

    COUNTED = "counted"
    NO_EVENT = "no qualifying event, window closed"
    PENDING = "still in follow-up, no event yet"
    OVERDUE = "past the window without evidence of assessment"
    LEFT = "left the window without an event"
    NOT_DOSED = "not dosed"
    EXCEPTED = "excepted by the rule"
    BEYOND_DESIGN = "beyond the design's last look"
    OUTSIDE_WINDOW = "event outside the rule's window"
    REPORTED = "its duty was met by a recorded report"
    NOT_MATCHED = "does not match the rule's definition"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """SDTM-named frames as known at one batch, with clinical time cut at `data_cutoff`.

    Parameters
    ----------
    study: the plan.
    derivation: code lists and settings.
    frames: domain → frame. One row per record that is not deleted. SDTM variables are columns of
        canonical text, missing = "" (never NaN). Five service columns in lower case are always there:
        `record_key` (text, unique in the domain), `event_key` (text), `source_id` (text),
        `batch_no` (int, the batch that brought this revision) and `known_at` (datetime64[us, UTC], when this
        revision became known: the mapped entry date-time where there is one, else the batch's close).
        A domain no source has is absent.
    batch_no: last batch that is visible here; 0 = none.
    known_at: when that batch was closed (aware UTC).
    data_cutoff: clinical cut-off (aware UTC).
    arms: USUBJID → arm, only in an unblinded snapshot; None in a blinded one.
    judged_at: the moment at which it is judged (aware UTC), for rules that wait for a time; None = at `data_cutoff`.
    earlier: domain → revisions that are no longer current, in the form of `frames` with one more service column,
        `until` (int, the batch that replaced or deleted the revision); only of AE, where a rule may have to know what
        was known before. Absent where nothing was ever replaced.
    read_at: batch → when it was closed (aware UTC): the latest moment at which its revisions became known here.
    """

    study: StudyPlan
    derivation: Derivation
    frames: Mapping[str, pd.DataFrame]
    batch_no: int
    known_at: datetime
    data_cutoff: datetime
    arms: Mapping[str, str] | None = None
    judged_at: datetime | None = None
    earlier: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    read_at: Mapping[int, datetime] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The moment at which it is judged."""
        return self.data_cutoff if self.judged_at is None else self.judged_at


@dataclass(frozen=True, slots=True)
class Evidence:
    """One subject or event behind a finding, counted or not, with the reason.

    Parameters
    ----------
    usubjid: subject.
    standing: how it enters the count.
    record_key: the SDTM row counted, "" where the evidence is the subject itself.
    event_key: the event that row is a state of, "" likewise.
    domain: SDTM domain of `record_key`.
    missing: SDTM variables whose missing or unmapped value was taken as the unsafe one. A counted
        item with any makes the finding PROVISIONAL when the crossing hangs on it.
    facts: allow-listed coded facts for people (AEDECOD, grade, serious, related, study_day, position …).
    """

    usubjid: str
    standing: Standing
    record_key: str = ""
    event_key: str = ""
    domain: str = ""
    missing: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says about one scope of one snapshot.

    Parameters
    ----------
    rule: rule id.   scope: "study", an event_key, or `per` value (site, USUBJID, AEDECOD, arm).
    state: see `State`.
    events: events (or subjects) counted now.
    n_evaluable: subjects whose window has closed, with or without an event; the only denominator of rates.
    n_pending, n_overdue: subjects that keep their place but are in no rate's denominator.
    stop_at: the count that stops at the crossing look, or at the current look; None where no count can.
    at_n: look (subjects in order of first dose) the crossing is at, else the current look; None outside boundaries.
    first_crossed_on: clinical date on which the crossing happened (onset of the event that crossed), or None.
    known_at: when the crossing became knowable from the records (aware UTC), or None.
    evidence: every subject or event considered, in stable order.
    details: JSON values for explaining (documented by each kind); never verbatim source text, never an arm
        in a blinded snapshot.
    reason: for NOT_EVALUABLE, why, for the person who can mend it.
    """

    rule: str
    scope: str
    state: State
    events: int = 0
    n_evaluable: int = 0
    n_pending: int = 0
    n_overdue: int = 0
    stop_at: int | None = None
    at_n: int | None = None
    first_crossed_on: date | None = None
    known_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def body(self) -> dict[str, Any]:
        """The finding as JSON values; equal findings give equal bodies."""
        return {
            "rule": self.rule,
            "scope": self.scope,
            "state": self.state.value,
            "events": self.events,
            "n_evaluable": self.n_evaluable,
            "n_pending": self.n_pending,
            "n_overdue": self.n_overdue,
            "stop_at": self.stop_at,
            "at_n": self.at_n,
            "first_crossed_on": self.first_crossed_on.isoformat() if self.first_crossed_on else None,
            "known_at": self.known_at.isoformat() if self.known_at else None,
            "evidence": [_evidence_body(e) for e in self.evidence],
            "details": dict(self.details),
            "reason": self.reason,
        }

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical body: a finding is stored only when this changes for its scope."""
        text = json.dumps(self.body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def counted(self) -> tuple[Evidence, ...]:
        """The evidence in the numerator."""
        return tuple(e for e in self.evidence if e.standing is Standing.COUNTED)


def _evidence_body(item: Evidence) -> dict[str, Any]:
    return {
        "usubjid": item.usubjid,
        "standing": item.standing.value,
        "record_key": item.record_key,
        "event_key": item.event_key,
        "domain": item.domain,
        "missing": list(item.missing),
        "facts": dict(item.facts),
    }


def finding_from_body(body: Mapping[str, Any]) -> Finding:
    """Rebuild a finding from `Finding.body()` as stored. Raises KeyError on a body of another shape."""
    crossed, known = body["first_crossed_on"], body["known_at"]
    return Finding(
        rule=body["rule"],
        scope=body["scope"],
        state=State(body["state"]),
        events=body["events"],
        n_evaluable=body["n_evaluable"],
        n_pending=body["n_pending"],
        n_overdue=body["n_overdue"],
        stop_at=body["stop_at"],
        at_n=body["at_n"],
        first_crossed_on=date.fromisoformat(crossed) if crossed else None,
        known_at=datetime.fromisoformat(known) if known else None,
        evidence=tuple(
            Evidence(
                usubjid=e["usubjid"],
                standing=Standing(e["standing"]),
                record_key=e["record_key"],
                event_key=e["event_key"],
                domain=e["domain"],
                missing=tuple(e["missing"]),
                facts=e["facts"],
            )
            for e in body["evidence"]
        ),
        details=body["details"],
        reason=body["reason"],
    )


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """What transition() needs to know of the alert that a scope already has.

    Parameters
    ----------
    episode, version: 1, 2, …   finding: the finding at the alert's last version.
    ever_crossed: the alert was CROSSED (not only PROVISIONAL) at some version of this episode.
    rule_version: of that finding.   resolved: a person ended the episode; met again, n + 1 opens.
    """

    episode: int
    version: int
    finding: Finding
    ever_crossed: bool
    rule_version: int
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A reason to speak, and what changed, for one scope.

    Parameters
    ----------
    reason: see `Reason`; NONE means nobody is told and no alert version is written.
    opens: a new episode begins (number in `episode`).
    broadcast: the thread reply is also shown in the channel (rising urgency, MET_AGAIN).
    before, after: JSON values of what changed, for "before → after" in words.
    """

    reason: Reason
    episode: int = 1
    opens: bool = False
    broadcast: bool = False
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Rule(Protocol):
    """One rule of the protocol: a frozen pydantic model whose fields are its YAML, and how it is judged.

    Implementations are registered by `kind` through the entry-point group `dsmbot.rules`.
    """

    kind: str
    id: str
    title: str
    action: Action
    audience: Audience
    urgency: Urgency
    requires: ClassVar[Mapping[str, tuple[str, ...]]]
    """domain → columns without which the rule is NOT_EVALUABLE."""

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """Judge the facts of one snapshot. Pure; equal facts in any row order give equal findings."""

    def describe(self) -> str:
        """The rule in one sentence, for people."""

    def stored(self) -> Mapping[str, Any]:
        """Canonical JSON values for the rule version: the YAML fields and any computed boundary table."""
