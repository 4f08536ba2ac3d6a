"""Kind `timeliness`: are records complete in time, such as events entered within five days at each site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from rules.derive import Facts
from rules.kinds.event import population_needs
from rules.kinds.evidence import limited
from rules.kinds.late import Item, entered_late, form_unfinished, overdue_subjects, silent_events
from rules.kinds.matching import needs
from rules.kinds.sentences import exception, several_events
from rules.kinds.words import RuleFields, Window, Words
from rules.model import Finding, State

Measure = Literal["entry_lag", "unfinished_form", "silent_event", "overdue_followup"]
"""entry_lag: days from onset to entry. unfinished_form: days from entry without a complete form. silent_event: days
without evidence of assessment while an event is ongoing. overdue_followup: days past the window without evidence."""

_SAYS: Mapping[Measure, str] = {
    "entry_lag": "{what} entered more than {days} days after onset",
    "unfinished_form": "{what} without a completed form more than {days} days after entry",
    "silent_event": "ongoing {what} without evidence of assessment for more than {days} days",
    "overdue_followup": "dosed subjects past day {window} without evidence of assessment for more than {days} days",
}


class TimelinessRule(RuleFields):
    """One finding per site with anything late, or one for the study: `events` is how many are late.

    CROSSED when so many are late on recorded dates, PROVISIONAL when only with those whose date is missing or partial,
    PENDING while too few could be judged. `n_evaluable` is how many could; `details`: `measure`, `limit_days`, `share`.
    Days are days of the study's zone, counted at the moment of judgement.

    Source: timeliness of entry is among the risk indicators of centralised monitoring (ICH E6(R3)); the limits are the
    study's own.
    """

    kind: Literal["timeliness"] = Field("timeliness", description="records that are late")
    measure: Measure = Field(description="what may be late: " + "; ".join(_SAYS))
    days: int = Field(ge=0, description="late is what took more than so many days")
    at_least: int = Field(1, ge=1, description="how many must be late")
    share: float | None = Field(None, gt=0, le=1, description="and what part of all that are judged")
    of_at_least: int = Field(1, ge=1, description="fewest that must be judged before anything is said")
    per: Literal["study", "site"] = Field("study", description="each is counted by itself")
    window: Window | None = Field(None, description="for overdue_followup: the follow-up that should be complete")
    complete: Words = Field(
        ("COMPLETE", "COMPLETED", "Y", "YES"),
        description="for unfinished_form: values of form_status that say complete",
    )
    ended: Words = Field(
        ("RECOVERED/RESOLVED", "RECOVERED/RESOLVED WITH SEQUELAE", "RECOVERED", "RESOLVED", "FATAL"),
        description="for silent_event: values of AEOUT that say that the event is over; an end date says so, too",
    )

    @model_validator(mode="after")
    def _window_where_it_means_something(self) -> TimelinessRule:
        if (self.window is not None) != (self.measure == "overdue_followup"):
            raise ValueError("window belongs to measure overdue_followup, which needs one: window: {after_days: 28}")
        return self

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        if self.measure == "overdue_followup":
            return population_needs("treated", self.window)
        own = {"entry_lag": ("AESTDTC",), "unfinished_form": ("FORMSTAT",), "silent_event": ("AEENDTC|AEOUT",)}
        found = needs((self.events, self.excepted))
        return found | {"AE": tuple(dict.fromkeys([*found["AE"], *own[self.measure]]))}

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per scope that has something to say, by scope; the study as a whole always has one."""
        by_scope: dict[str, list[Item]] = {} if self.per == "site" else {"study": []}
        for item in self._items(facts):
            by_scope.setdefault(item.site if self.per == "site" else "study", []).append(item)
        findings = [self._finding(facts, scope, items) for scope, items in sorted(by_scope.items())]
        return [finding for finding in findings if self.per == "study" or finding.state is not State.WITHIN]

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        what = several_events(self.events) + exception(self.excepted)
        said = _SAYS[self.measure].format(
            what=what, days=self.days, window=self.window.after_days if self.window else 0
        )
        share = f", and at least {self.share:.0%} of those judged" if self.share else ""
        fewest = f", once {self.of_at_least} are judged" if self.of_at_least > 1 else ""
        at = " at one site" if self.per == "site" else ""
        return f"{self.at_least} or more {said}{at}{share}{fewest}."

    def _items(self, facts: Facts) -> list[Item]:
        if self.measure == "overdue_followup":
            assert self.window is not None
            return overdue_subjects(facts, today(facts), self.window.after_days, self.days)
        if self.measure == "unfinished_form":
            return form_unfinished(facts, today(facts), self.events, self.excepted, self.days, self.complete)
        if self.measure == "silent_event":
            return silent_events(facts, today(facts), self.events, self.excepted, self.days, self.ended)
        return entered_late(facts, self.events, self.excepted, self.days)

    def _finding(self, facts: Facts, scope: str, items: Sequence[Item]) -> Finding:
        late = [item for item in items if item.late]
        evidence, total = limited(late, lambda item: item.late, lambda item: item.evidence(facts))
        return Finding(
            rule=self.id,
            scope=scope,
            state=self._state(len(items), len(late), sum(item.certain for item in late)),
            events=len(late),
            n_evaluable=len(items),
            stop_at=self.at_least,
            evidence=evidence,
            details={
                "counting": "subjects" if self.measure == "overdue_followup" else "events",
                "measure": self.measure,
                "limit_days": self.days,
                "share": self.share,
                "per": self.per,
                "met_now": False,
            }
            | total,
        )

    def _state(self, judged: int, late: int, certain: int) -> State:
        if self._met(judged, certain):
            return State.CROSSED
        if self._met(judged, late):
            return State.PROVISIONAL
        return State.PENDING if late and judged < self.of_at_least else State.WITHIN

    def _met(self, judged: int, late: int) -> bool:
        enough = late >= self.at_least and judged >= self.of_at_least
        return enough and (self.share is None or late >= self.share * judged)


def today(facts: Facts) -> date:
    """The day of the study at the moment of judgement."""
    return facts.snapshot.now.astimezone(ZoneInfo(facts.snapshot.study.timezone)).date()
