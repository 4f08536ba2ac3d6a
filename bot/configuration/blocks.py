"""The blocks of config.yaml that are not rules, sources or people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bot.configuration.base import Block
from bot.configuration.people import Slack
from bot.configuration.problems import suggestion
from bot.configuration.scenario import NullScenario
from bot.configuration.words import (
    At,
    Code,
    DailyAt,
    Duration,
    Identifier,
    Text,
    Timezone,
    WeeklyAt,
    parse_daily,
    parse_weekly,
    refuse,
)
from rules.model import Derivation, StudyPlan
from storage.sources.base import DOMAINS

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,15}")
_DOMAIN = re.compile(r"[A-Z][A-Z0-9]")


def _sequence(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _mentions(pattern: re.Pattern[str], what: str, example: str) -> AfterValidator:
    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not pattern.fullmatch(name):
                raise refuse("name", f"{name!r} is not {what}", f"Write it in capitals, like {example}")
        return names

    return AfterValidator(check)


CodeList = Annotated[tuple[Code, ...], BeforeValidator(_sequence, json_schema_input_type=list[str])]
Variables = Annotated[CodeList, _mentions(_VARIABLE, "an SDTM variable", "EXLOT")]


def _are_read(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in DOMAINS:
            raise refuse("name", f"no source reads {name!r}: it would never be evidence", suggestion(name, DOMAINS))
    return names


Domains = Annotated[CodeList, _mentions(_DOMAIN, "an SDTM domain", "SV"), AfterValidator(_are_read)]


class Study(Block):
    """What the protocol fixes; see `rules.model.StudyPlan`.

    `contact_domains`: SDTM domains whose dates count as evidence that a subject was assessed.
    """

    id: Identifier
    registry: Code = ""
    title: Text = ""
    timezone: Timezone
    planned_n: Annotated[int, Field(ge=1, le=1_000_000)]
    treatment_days: Annotated[int, Field(ge=1, le=36_500)]
    followup_days: Annotated[int, Field(ge=0, le=36_500)]
    ctcae: Code = "5.0"
    contact_domains: Domains = ("SV", "AE", "DS", "LB")

    def plan(self) -> StudyPlan:
        """The plan as rules see it."""
        return StudyPlan(
            id=self.id,
            timezone=self.timezone,
            planned_n=self.planned_n,
            treatment_days=self.treatment_days,
            followup_days=self.followup_days,
            ctcae=self.ctcae,
            registry=self.registry,
            title=self.title,
        )


class Storage(Block):
    """Where the study's memory is kept: `sqlite:///file` (relative to the configuration) or PostgreSQL."""

    url: Text = "sqlite:///dsmbot.db"


class Privacy(Block):
    """What may leave for Slack.

    Parameters
    ----------
    dates: `study_day` shows days since first dose (HIPAA safe harbour); `calendar` shows dates.
    subject_ids: `as_recorded` shows the subject number of the source; `alias` shows P- and six characters.
    arm_revealing: variables that reveal the arm in this study, added to those that always do.
    """

    dates: Literal["study_day", "calendar"] = "study_day"
    subject_ids: Literal["as_recorded", "alias"] = "as_recorded"
    arm_revealing: Variables = ()


class Codes(Block):
    """Values as this study's data spell them; see `rules.model.Derivation` for meaning and defaults."""

    related: CodeList = ()
    unrelated: CodeList = ()
    grades: Mapping[str, Annotated[int, Field(ge=1, le=5)]] = Field(default_factory=dict)
    expected: CodeList | None = None
    unexpected: CodeList | None = None
    fatal_outcome: CodeList | None = None
    death: CodeList | None = None
    withdrawn: CodeList | None = None
    completed: CodeList | None = None
    lost: CodeList | None = None
    screen_failure: CodeList | None = None
    randomised: CodeList | None = None
    treated_lesion: CodeList | None = None
    control_lesion: CodeList | None = None
    systemic: CodeList | None = None

    @model_validator(mode="after")
    def _no_code_has_two_meanings(self) -> Codes:
        for one, other in _OPPOSITES:
            mine, theirs = getattr(self, one) or (), getattr(self, other) or ()
            both = sorted({c.casefold() for c in mine} & {c.casefold() for c in theirs})
            if both:
                name = next(c for c in mine if c.casefold() == both[0])
                raise refuse(
                    "two_meanings", f"{name!r} is in both {one!r} and {other!r}", "Remove it from one of the two"
                )
        return self

    def derivation(self, terms: Mapping[str, TermList], study: Study) -> Derivation:
        """The settings that turn records into facts; a list that is not written keeps its default."""
        given = {f.name: getattr(self, f.name, None) for f in fields(Derivation)}
        lists = {k: frozenset(v) for k, v in given.items() if isinstance(v, tuple)}
        return Derivation(
            **lists,
            grades=dict(self.grades),
            terms={name: frozenset(t.terms) for name, t in terms.items()},
            synonyms={name: frozenset(t.synonyms) for name, t in terms.items() if t.synonyms},
            contact_domains=study.contact_domains,
            followup_days=study.followup_days,
        )


_OPPOSITES = (
    ("related", "unrelated"), ("expected", "unexpected"), ("treated_lesion", "control_lesion"),
    ("treated_lesion", "systemic"), ("control_lesion", "systemic"), ("completed", "withdrawn"),
    ("completed", "lost"), ("completed", "death"), ("randomised", "screen_failure"),
)  # fmt: skip


class TermList(Block):
    """A named list of coded preferred terms (AEDECOD).

    Parameters
    ----------
    terms: preferred terms; a plain list in YAML is this.
    synonyms: verbatim words looked for only where a row has no coded term yet.
    local: events of this list happen at a lesion, so a rule on it must say `lesion_role`.
    special_interest: the open summary counts these events by themselves, as it does lists that an open rule names.
    """

    terms: Annotated[CodeList, Field(min_length=1)]
    synonyms: CodeList = ()
    local: bool = False
    special_interest: bool = False


def _term_list(value: Any) -> Any:
    return {"terms": value} if isinstance(value, list) else value


TermEntry = Annotated[TermList, BeforeValidator(_term_list, json_schema_input_type=list[str] | TermList)]


class Schedule(Block):
    """When the bot speaks unasked, in the study's time zone, never between 00:00 and 04:00."""

    open_summary: WeeklyAt = Field(default_factory=lambda: parse_weekly("mon 08:00"))
    closed_summary: WeeklyAt = Field(default_factory=lambda: parse_weekly("mon 08:00"))
    daily_note: DailyAt = Field(default_factory=lambda: parse_daily("08:00"))

    def moments(self) -> Mapping[str, At]:
        """Every scheduled kind with its moment."""
        return {name: getattr(self, name) for name in type(self).model_fields}


def _heartbeat(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", url):
        raise refuse("url", "is not a web address", "Write an address that begins with https://")
    return url


class Pauses(Block):
    """How long delivery waits. Leave it alone unless told: it fits Slack as it is, and shorter may post twice.

    Parameters
    ----------
    settle: after a post of unknown outcome, how long it may still be in flight before it is sent again (60 s).
    settle_critical: the same for critical alerts (15 s).
    post, edit: between two posts, and between two edits, in one channel (1 s and 1.2 s).
    retry, retry_most: after no connection, doubled from the first up to the second (2 s and 60 s).
    held: between tries of a channel that refuses (60 s).

    What is not written keeps the figure in brackets; see `bot.slack.line.DeliveryTiming`.
    """

    settle: Duration | None = None
    settle_critical: Duration | None = None
    post: Duration | None = None
    edit: Duration | None = None
    retry: Duration | None = None
    retry_most: Duration | None = None
    held: Duration | None = None

    def written(self) -> dict[str, timedelta]:
        """The pauses that the configuration gives, by name."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: pause for name, pause in given.items() if pause is not None}


class Operations(Block):
    """How the outside sees that the bot is alive, and how patient it is with Slack.

    Parameters
    ----------
    heartbeat_url: called after each successful evaluate-and-deliver; its silence is the alarm. None = not called.
    health_port: port of /healthz, /readyz and /metrics on loopback; 0 = any free port.
    delivery: waiting times; leave them alone unless told.
    """

    heartbeat_url: Annotated[str, AfterValidator(_heartbeat)] | None = None
    health_port: Annotated[int, Field(ge=0, le=65535)] = 8766
    delivery: Pauses = Field(default_factory=Pauses)


class StudyFile(Block):
    """config.yaml as a whole. Rules and sources stay plain here; each is read by the model of its kind."""

    study: Study
    storage: Storage = Field(default_factory=Storage)
    privacy: Privacy = Field(default_factory=Privacy)
    sources: Annotated[list[dict[str, Any]], Field(min_length=1)]
    codes: Codes = Field(default_factory=Codes)
    terms: Mapping[str, TermEntry] = Field(default_factory=dict)
    rules: Annotated[list[dict[str, Any]], Field(min_length=1)]
    slack: Slack
    schedule: Schedule = Field(default_factory=Schedule)
    operations: Operations = Field(default_factory=Operations)
    null_scenario: NullScenario | None = None
