"""Kind `clock`: how long people may take to report an event, such as 24 hours from awareness to the sponsor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rules.derive import Facts
from rules.kinds.clock_cases import Case, Wanted, cases
from rules.kinds.duties import Duty, Limit, Start, duties, read_limit
from rules.kinds.matching import bit, named, needs
from rules.kinds.sentences import each_event, exception
from rules.kinds.words import EventFilter, RuleFields, Strict
from rules.model import Evidence, Finding, Standing, State, Urgency
from rules.sdtm import MAPPED

Criterion = Literal["fatal", "life_threatening", "hospitalised", "disability", "congenital_anomaly", "medical_event"]
"""Seriousness criteria of ICH E2A in words."""

FLAGS: Mapping[Criterion, str] = {
    "fatal": "AESDTH", "life_threatening": "AESLIFE", "hospitalised": "AESHOSP", "disability": "AESDISAB",
    "congenital_anomaly": "AESCONG", "medical_event": "AESMIE",
}  # fmt: skip
_AWARENESS = bit("AWAREDTC")
_BASIS = {"running": "open", "warned": "open"}
"""A warning is no change of what an alert rests on."""


class ClockTerms(Strict):
    """One time limit of a rule, for all its events or some of them."""

    name: str = Field(min_length=1, max_length=80, description="what must be done, as people call it: Sponsor report")
    limit: Annotated[Limit, BeforeValidator(read_limit, json_schema_input_type=str)] = Field(
        description='"24 h" (elapsed hours) or "7 d" (calendar days, weekends included)'
    )
    events: EventFilter = Field(default_factory=EventFilter, description="only those of the rule's events")
    criteria: Annotated[tuple[Criterion, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = (
        Field((), description="only events that meet one of these seriousness criteria; none recorded counts as met")
    )


class ClockRule(RuleFields):
    """One finding per event that ever qualified, scope = event_key: where its earliest open clock stands.

    PENDING while it runs, NEAR once a fraction of `warn_at` has passed, CROSSED when it is overdue on recorded facts,
    PROVISIONAL when it is overdue only because a fact, awareness or its time of day is missing, WITHIN when every
    clock was ended by a recorded submission, or never was more than a doubt. A deleted or downgraded event goes on.
    `details`: see `_details`. Time passes without records: `details["next_due"]` names the next moment to judge.

    Source: 21 CFR 312.32, 312.64; UK SI 2004/1031; Reg. (EU) 536/2014 Annex III (no downgrade by the sponsor).
    """

    kind: Literal["clock"] = Field("clock", description="a time limit for reporting an event")
    clocks: tuple[ClockTerms, ...] = Field(min_length=1, description="the time limits; the earliest open one is shown")
    counted_from: Start = Field(
        "awareness", description="awareness: from that moment; day_after: days from the next day on, as UK and EU count"
    )
    upgrades: tuple[Literal["seriousness", "expectedness", "causality"], ...] = Field(
        ("seriousness", "expectedness", "causality"), description="what opens a further clock when it gets worse"
    )
    warn_at: tuple[float, ...] = Field((0.5, 0.8), description="fractions of the time after which people are warned")
    submission: Literal["submission_dtc", "sponsor_report_dtc", "board_report_dtc", "none"] = Field(
        "submission_dtc", description="the mapped variable that records the report; none: only a person can end it"
    )
    urgency: Urgency = Field(Urgency.URGENT, description="how fast a person must look")

    @field_validator("clocks", "upgrades", "warn_at", mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("warn_at")
    @classmethod
    def _fractions(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < fraction < 1 for fraction in value) or list(value) != sorted(set(value)):
            raise ValueError(f"{list(value)} are no fractions of the time: each lies between 0 and 1, in rising order")
        return value

    @model_validator(mode="after")
    def _no_key_twice(self) -> ClockRule:
        for clock in self.clocks:
            self.wanted(clock)
        if len({clock.name for clock in self.clocks}) < len(self.clocks):
            raise ValueError("two clocks have one name; people could not tell them apart")
        return self

    def wanted(self, clock: ClockTerms) -> Wanted:
        """The events that start a clock: those of the rule that are also the clock's."""
        rule, own = self.events.written(), clock.events.written()
        both = sorted(rule.keys() & own.keys() - {"where"} | rule.get("where", {}).keys() & own.get("where", {}).keys())
        if both:
            raise ValueError(
                f"{', '.join(both)} is said by the rule's events and by the clock {clock.name!r}; say it once"
            )
        where = rule.get("where", {}) | own.get("where", {})
        merged = EventFilter.model_validate_json(json.dumps(rule | own | ({"where": where} if where else {})))
        return Wanted(merged, tuple(FLAGS[name] for name in clock.criteria), "fatal" in clock.criteria)

    @property
    def variable(self) -> str:
        """The variable that records the report; "" for none."""
        return MAPPED.get(self.submission, "")

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        wanted = [self.wanted(clock) for clock in self.clocks]
        found = needs([*(one.events for one in wanted), self.excepted])
        flags = dict.fromkeys(flag for one in wanted for flag in one.flags if flag != "AESDTH")
        report = (self.variable,) if self.variable else ()
        return found | {"AE": tuple(dict.fromkeys([*found["AE"], *flags, *report]))}

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per event that ever qualified, by event_key."""
        wanted = [self.wanted(clock) for clock in self.clocks]
        return [self._finding(facts, case) for case in cases(facts, wanted, self.excepted, self.variable)]

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        start = "the day after awareness" if self.counted_from == "day_after" else "awareness"
        limits = "; ".join(f"{clock.name}{_only(clock)}: {clock.limit} from {start}" for clock in self.clocks)
        risen = f" An upgrade of {' or '.join(self.upgrades)} opens a further clock." if self.upgrades else ""
        return f"Each {each_event(self.events)}{exception(self.excepted)}. {limits}.{risen}"

    def stored(self) -> Mapping[str, Any]:
        """As `RuleFields.stored`, with limits and filters as YAML holds them."""
        body = dict(super().stored())
        body["clocks"] = [
            {"name": clock.name, "limit": str(clock.limit)}
            | ({"events": clock.events.written()} if clock.events.written() else {})
            | ({"criteria": list(clock.criteria)} if clock.criteria else {})
            for clock in self.clocks
        ]
        return body

    def _finding(self, facts: Facts, case: Case) -> Finding:
        now, timezone = facts.snapshot.now, facts.snapshot.study.timezone
        found: list[Duty] = []
        for number, clock in enumerate(self.clocks):
            found += duties(
                case.stages, number, clock.limit, timezone=timezone, start=self.counted_from, upgrades=self.upgrades
            )
        still = sorted((duty for duty in found if duty.open), key=lambda duty: duty.due)
        late = [duty for duty in still if duty.overdue(now)]
        first = still[0] if still else None
        return Finding(
            rule=self.id, scope=case.key, state=_state(still, self.warn_at, now), events=len(found),
            n_pending=len(still) - len(late), n_overdue=len(late),
            first_crossed_on=late[0].due.lo.astimezone(ZoneInfo(timezone)).date() if late else None,
            known_at=late[0].due.lo if late else None, evidence=(self._evidence(case, first, found),),
            details=self._details(case, found, first, now),
        )  # fmt: skip

    def _evidence(self, case: Case, first: Duty | None, found: Sequence[Duty]) -> Evidence:
        """The event, counted while a clock runs, with what the clock hangs on; times of the duty among its facts."""
        missing = 0 if first is None else first.missing | (_AWARENESS if first.assumed or _partial(first) else 0)
        standing = Standing.COUNTED if first is not None else Standing.NOT_MATCHED
        if any(duty.submitted for duty in found) and first is None:
            standing = Standing.REPORTED
        times = {} if first is None else {"aware_at": first.aware.lo.isoformat(), "due_at": first.due.lo.isoformat()}
        return case.evidence(standing, missing, **times)

    def _details(self, case: Case, found: Sequence[Duty], first: Duty | None, now: datetime) -> dict[str, Any]:
        """`clocks` (one entry a clock, see `_told`), `aware_at`, `due_at`, `clock`, `end_of_day` of the earliest open
        one, `warned` (warnings passed while none is overdue), `record` (recorded, downgraded or deleted), `done` (the
        last was ended by a report), `basis` (what an alert rests on) and `next_due`."""
        told = [self._told(duty, now) for duty in found]
        moments = [at for duty in found for at in duty.moments(self.warn_at) if at > now]
        details: dict[str, Any] = {"counting": "clocks", "clocks": told, "record": case.record}
        if first is None and any(duty.submitted for duty in found):
            details["done"] = True
        if first is not None:
            details |= {name: told[found.index(first)][name] for name in ("aware_at", "due_at", "limit", "end_of_day")}
            details |= {"clock": self.clocks[first.clock].name, "warned": _warned(found, self.warn_at, now)}
        basis = [[one["name"], one["ground"], one["due_at"], _BASIS.get(one["stands"], one["stands"])] for one in told]
        details |= {"basis": [*basis, case.record]}
        return details | ({"next_due": min(moments).isoformat()} if moments else {})

    def _told(self, duty: Duty, now: datetime) -> dict[str, Any]:
        """One clock: what it is, since and until when, why it began, how it stands."""
        clock = self.clocks[duty.clock]
        stands = "submitted" if duty.submitted else "withdrawn" if duty.withdrawn else "running"
        if duty.open and duty.overdue(now):
            stands = "overdue"
        elif duty.open and any(at <= now for at in duty.warnings(self.warn_at)):
            stands = "warned"
        told = {
            "name": clock.name, "limit": str(clock.limit), "ground": duty.ground, "stands": stands,
            "aware_at": duty.aware.lo.isoformat(), "due_at": duty.due.lo.isoformat(),
            "awareness": "assumed" if duty.assumed else "in part" if _partial(duty) else "recorded",
            "end_of_day": clock.limit.unit == "d" and self.counted_from == "day_after",
            "missing": list(named(duty.missing)),
        }  # fmt: skip
        if duty.submitted:
            told |= {"submitted_at": duty.submitted.lo.isoformat(), "late": duty.late}
            told |= {"submitted_day_only": duty.submitted.lo != duty.submitted.hi}
        return told


def _state(still: Sequence[Duty], fractions: Sequence[float], now: datetime) -> State:
    if any(duty.certain(now) for duty in still):
        return State.CROSSED
    if any(duty.overdue(now) for duty in still):
        return State.PROVISIONAL
    if _warned(still, fractions, now):
        return State.NEAR
    return State.PENDING if still else State.WITHIN


def _warned(found: Iterable[Duty], fractions: Sequence[float], now: datetime) -> int:
    """Warnings that have passed of clocks that are open, while none of them is overdue."""
    still = [duty for duty in found if duty.open]
    if any(duty.overdue(now) for duty in still):
        return 0
    return sum(at <= now for duty in still for at in duty.warnings(fractions))


def _partial(duty: Duty) -> bool:
    """Awareness is recorded without its time of day."""
    return duty.aware.lo != duty.aware.hi


def _only(clock: ClockTerms) -> str:
    said = [f"of {each_event(clock.events)}"] if clock.events.written() else []
    said += [" or ".join(name.replace("_", " ") for name in clock.criteria)] if clock.criteria else []
    return f" ({'; '.join(said)})" if said else ""
