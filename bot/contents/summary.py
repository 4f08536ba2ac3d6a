"""A weekly summary as it is frozen: every number of its message and of its files, as JSON values and back.

What was frozen is what is sent, again and again: a message and a file that are made twice from it are the same. May
not know Slack, the database or the wording.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic.dataclasses import dataclass as stored_dataclass

from bot.contents.clocks import ClockRow
from bot.contents.lines import RuleLine, SourceLine
from rules.model import Action, Audience, State, Urgency
from rules.tabulated.words import Tables


@stored_dataclass(frozen=True, slots=True)
class Drawn:
    """A boundary and the trial's path on it, as the last evaluation left them.

    Parameters
    ----------
    method, null_rate, alpha, attained_alpha, looks, stop_at: of `rules.statistics.Boundary`.
    events: one flag a dosed subject, in order of first dose.   pending: still in follow-up, or overdue, without one.
    """

    method: str
    null_rate: float
    alpha: float | None
    attained_alpha: float
    looks: tuple[int, ...]
    stop_at: tuple[int | None, ...]
    events: tuple[bool, ...]
    pending: tuple[bool, ...]


@stored_dataclass(frozen=True, slots=True)
class DrawnExposure:
    """A boundary on exposure and the trial's events on it.

    Parameters
    ----------
    at, now: total exposure at each event in order, and at the cut-off, in days: every event that may count, as early
        as it may have been, with the least person-time that dates leave possible.
    exposure_days: at the cut-off as the finding and its alert say it.
    The others: of `rules.statistics.exposure.ExposureBoundary`.
    """

    method: str
    null_rate: float
    alpha: float
    max_n: int
    window: float
    max_exposure: str
    events: tuple[int, ...]
    up_to_exposure: tuple[float, ...]
    critical_value: float
    attained_alpha: float
    attained_alpha_expected: float | None
    parameters: dict[str, float]
    recurrent: bool
    at: tuple[float, ...] = ()
    now: float = 0.0
    exposure_days: float = 0.0


@stored_dataclass(frozen=True, slots=True)
class RuleStanding:
    """Where one rule stands: its line as in every note, and what a report says beside it.

    Parameters
    ----------
    line: of its most advanced scope.   sentence: the rule in words.   version: of the rule that judged, 0 = none.
    met: scopes that are met or provisional; `provisional` of them are the latter.
    n_pending, n_overdue: of that scope.   drawn: None where nothing is.
    """

    line: RuleLine
    kind: str
    sentence: str
    action: Action
    version: int = 0
    met: int = 0
    n_pending: int = 0
    n_overdue: int = 0
    drawn: Drawn | DrawnExposure | None = None
    provisional: int = 0


@stored_dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a person did with an alert, and the roles that person holds; what people wrote is not in it."""

    kind: str
    by: str
    at: datetime
    roles: tuple[str, ...] = ()


@stored_dataclass(frozen=True, slots=True)
class AlertStanding:
    """An alert as it stood: its state, since when, and what people did, the latest of each kind.

    `subjects`: whom its evidence names, so that its scope can be shown by alias.
    """

    rule_id: str
    scope: str
    episode: int
    state: State
    urgency: Urgency
    opened_at: datetime
    answers: tuple[Answer, ...] = ()
    resolved: bool = False
    subjects: tuple[str, ...] = ()


@stored_dataclass(frozen=True, slots=True)
class DecisionTaken:
    """A decision that people recorded; what they wrote is not in it.

    Parameters
    ----------
    rule_id, scope, episode: of the alert.   kind: `DecisionKind` value.   by, at, roles: who, when, holding what.
    subject: for whom, "" = all subjects.   in_force: nothing has ended it.   subjects: as in `AlertStanding`.
    """

    rule_id: str
    scope: str
    episode: int
    kind: str
    by: str
    at: datetime
    roles: tuple[str, ...] = ()
    subject: str = ""
    in_force: bool = False
    subjects: tuple[str, ...] = ()


@stored_dataclass(frozen=True, slots=True)
class Clocks:
    """Reporting clocks: those that run, the earliest due first; how many were ended by a report, how many of these
    late; how many ended because the doubt that started them did."""

    open: tuple[ClockRow, ...] = ()
    reported: int = 0
    late: int = 0
    withdrawn: int = 0


@stored_dataclass(frozen=True, slots=True)
class Changes:
    """What is different from the last summary; counts as they were then, from the records as they were known then.

    Parameters
    ----------
    since: the moment of comparison, None = monitoring began in between, and all is new.
    randomised, treated, events, serious, deaths: then (events and subjects as in the overview: any event, in events).
    opened: rules newly crossed, in order.   changed: of the others, those whose alert changed.
    answered: what people did, kind → how often.
    """

    since: datetime | None = None
    randomised: int = 0
    treated: int = 0
    events: int = 0
    serious: int = 0
    deaths: int = 0
    opened: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    answered: tuple[tuple[str, int], ...] = ()


@stored_dataclass(frozen=True, slots=True)
class Stamps:
    """What makes a report checkable.

    Parameters
    ----------
    data_as_of: clinical cut-off of the evaluation.   as_of: nothing that became known later is in it.
    report_of: when it was made.   due_at: when it was due, where it is late.
    batch_no: last batch in it.   seq, digest: head of the audit chain.
    config: fingerprint of everything that changes a verdict.   code_version: of the product.
    """

    data_as_of: datetime
    as_of: datetime
    report_of: datetime
    batch_no: int
    seq: int
    digest: str
    config: str
    code_version: str
    due_at: datetime | None = None


@stored_dataclass(frozen=True, slots=True)
class SummaryContent:
    """An open summary: pooled over arms, coded terms only.

    Parameters
    ----------
    title, registry, planned_n, ctcae: of the study.   tables: see `rules.tabulated.words.Tables`.
    rules, alerts, decisions: of the open audience.   clocks: None where no rule of it runs one.
    sources: how current each record source is; empty where that is not known for `stamps.as_of`.
    """

    stamps: Stamps
    tables: Tables
    rules: tuple[RuleStanding, ...] = ()
    alerts: tuple[AlertStanding, ...] = ()
    decisions: tuple[DecisionTaken, ...] = ()
    clocks: Clocks | None = None
    changes: Changes = Changes()
    sources: tuple[SourceLine, ...] = ()
    planned_n: int = 0
    title: str = ""
    registry: str = ""
    ctcae: str = ""
    audience: Audience = Audience.OPEN
    type: Literal["summary"] = "summary"


Form = Literal["pdf", "xlsx"]


@stored_dataclass(frozen=True, slots=True)
class SummaryFileContent:
    """A file of a summary, in its thread: `form` of what the summary under `summary_key` holds, called `name`."""

    summary_key: str
    form: Form
    name: str
    audience: Audience = Audience.OPEN
    type: Literal["summary_file"] = "summary_file"
