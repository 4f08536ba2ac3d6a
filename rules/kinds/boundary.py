"""Kind `boundary`: a calibrated stopping boundary on the number of subjects with an event, in order of first dose."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from rules.derive import Facts
from rules.kinds.arms import NOBODY_YET, Group, groups
from rules.kinds.design import NAMES, Design, ReportingPrior
from rules.kinds.judgement import Judge, table
from rules.kinds.matching import needs
from rules.kinds.selection import select
from rules.kinds.sentences import exception, one_event, within
from rules.kinds.sequence import sequence
from rules.kinds.simulated import boundary_day, by_arm, meant
from rules.kinds.told import Reading, boundary_finding
from rules.kinds.units import units_of
from rules.kinds.words import RuleFields, Window, closed_by_arm
from rules.model import Finding, State
from rules.statistics import Boundary
from rules.statistics.trials import NEVER, Days, Trials


class BoundaryRule(RuleFields):
    """One finding for the study, or for each arm by itself (scope "arm:" and the code of the arm).

    `details` are documented at `rules.kinds.told.details_of`.

    Every look k that the dosed subjects have reached is looked at; the rule is crossed when the events known so far
    among the first k reach the count that stops there. Pending and overdue subjects keep their place and count as no
    event yet. Subjects documented as having left the window without an event are taken out of the sequence, and the
    result is also given with them in it.

    `beyond_max_n`: with `refuse` subjects beyond the last look are not judged, the state is BEYOND_DESIGN, and
    crossings at designed looks still count; with `continue_last` the last count goes on stopping, and the false alarm
    of the design no longer holds there (`details["beyond_design"]`).
    """

    kind: Literal["boundary"] = Field("boundary", description="a calibrated stopping boundary")
    window: Window = Field(description="days after first dose in which an event counts")
    design: Design = Field(description="the statistical design")
    beyond_max_n: Literal["refuse", "continue_last"] = Field("refuse", description="what holds after the last look")
    reporting_prior: ReportingPrior | None = Field(
        None, description="prior of the posterior that is told, where the design has none; Jeffreys' unless said"
    )
    near: int = Field(1, ge=0, description="NEAR when so many more events now would cross; 0 = never")
    per: Literal["study", "arm"] = Field("study", description="arm: each arm by itself, for the closed audience only")

    @model_validator(mode="after")
    def _arms_are_closed(self) -> BoundaryRule:
        closed_by_arm(self.per, self.audience)
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Calibrate at once, so that a design that cannot exist stops the start. Raises DesignError."""
        del context
        _ = self.boundary

    @cached_property
    def boundary(self) -> Boundary:
        """The calibrated boundary."""
        return self.design.boundary()

    @property
    def judge(self) -> Judge:
        """The boundary with its edges."""
        return Judge(self.boundary, self.beyond_max_n == "continue_last", self.near)

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        return needs((self.events, self.excepted)) | {"FIRST_DOSE": ()}

    def evaluate(self, facts: Facts) -> Many[Finding]:
        """The finding for the study, or for each arm. Raises RuleError by arm, where the snapshot is blinded."""
        found = [self._finding(facts, group) for group in groups(facts, self.per)]
        return found or [Finding(self.id, "study", State.PENDING, reason=NOBODY_YET)]

    def _finding(self, facts: Facts, group: Group) -> Finding:
        chosen = group.events(facts, select(facts, self.events, self.excepted, self.window.after_days))
        treated = np.append(facts.population("treated"), False)
        dosed = treated[facts.event_column("subject")[chosen.row]]
        counts = np.flatnonzero(chosen.inside & dosed & ~chosen.excepted)
        units = units_of(facts, chosen, counts, by_subject=True)
        order = group.sequence(sequence(facts, units, self.window.after_days))
        reading = Reading(facts, chosen, units, order, dosed, self.window.after_days)
        return boundary_finding(self.id, self.judge, reading, group.scope)

    def simulate(self, trials: Trials) -> Days:
        """Day on which each trial first crosses, replayed whenever anything becomes known; `joint.Simulates`."""
        return self._first_crossing(trials) if self.per == "study" else by_arm(trials, self._first_crossing)

    def _first_crossing(self, trials: Trials) -> Days:
        known = trials.known_of(meant(trials, self.events, self.excepted), self.window.after_days)
        first = known.min(axis=-1, initial=NEVER)
        last = self.beyond_max_n == "continue_last"
        return boundary_day(self.boundary, trials, first, self.window.after_days, continue_last=last)

    def describe(self) -> str:
        """The rule as a protocol would say it, with the design's false alarm."""
        b = self.boundary
        whose = "In each arm by itself, subjects" if self.per == "arm" else "Subjects"
        which = f"{whose} with {one_event(self.events)}{exception(self.excepted)}{within(self.window)}"
        looks = f"{len(b.looks)} looks" if len(b.looks) > 1 else "one look"
        return (
            f"{which}; {NAMES[self.design.method]} with {looks} up to {b.max_n} subjects; "
            f"false alarm {b.attained_alpha:.1%} where {b.null_rate:.0%} of subjects have such an event, "
            "if outcomes are recorded once and correctly."
        )

    def stored(self) -> Mapping[str, Any]:
        """The YAML keys with the computed table and its false alarm."""
        b = self.boundary
        computed = {"table": table(b), "attained_alpha": b.attained_alpha, "critical_value": b.critical_value}
        return {**super().stored(), "boundary": computed}
