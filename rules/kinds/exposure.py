"""Kind `exposure`: a calibrated stopping boundary on events per person-time, each event at the exposure of its day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from rules.derive import Facts
from rules.errors import NotSimulatedError
from rules.kinds.arms import NOBODY_YET, Group, groups
from rules.kinds.exposure_design import EXPOSURE_NAMES, ExposureDesign
from rules.kinds.exposure_told import Asked, exposure_finding
from rules.kinds.matching import needs
from rules.kinds.selection import select
from rules.kinds.sentences import exception, one_event, within
from rules.kinds.simulated import by_arm, exposure_day, meant
from rules.kinds.words import RuleFields, Window, closed_by_arm
from rules.model import Finding, State
from rules.statistics.exposure import NOT_GUARANTEED, ExposureBoundary
from rules.statistics.trials import NEVER, Days, Trials


class ExposureRule(RuleFields):
    """One finding for the study, or for each arm by itself (scope "arm:" and the code of the arm).

    The first qualifying event of each subject counts, in order of its day. A subject's exposure ends there, at
    withdrawal, death, the last documented follow-up or the end of the window, whichever is first
    (`rules.derive.Facts.at_risk`). The rule is crossed when some event number came at or before the total exposure
    up to which it stops. Undocumented follow-up is no exposure: the rule errs towards stopping, and what it would say
    if everybody not known to have left had been followed is told beside it.

    `details` are documented at `rules.kinds.exposure_told.exposure_finding`.
    """

    kind: Literal["exposure"] = Field("exposure", description="a calibrated boundary on events per person-time")
    window: Window = Field(description="days after first dose in which an event counts and time is at risk")
    design: ExposureDesign = Field(description="the statistical design")
    recurrent: bool = Field(
        False, description=f"later events of a subject count too, and its time at risk goes on: {NOT_GUARANTEED}"
    )
    near: int = Field(1, ge=0, description="NEAR when so many more events now would cross; 0 = never")
    per: Literal["study", "arm"] = Field("study", description="arm: each arm by itself, for the closed audience only")

    @model_validator(mode="after")
    def _arms_are_closed(self) -> ExposureRule:
        closed_by_arm(self.per, self.audience)
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Calibrate at once, so that a design that cannot exist stops the start. Raises DesignError."""
        del context
        _ = self.boundary

    @cached_property
    def boundary(self) -> ExposureBoundary:
        """The calibrated boundary; its exposures are days."""
        return self.design.boundary(self.window.after_days, recurrent=self.recurrent)

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        return needs((self.events, self.excepted)) | {"FIRST_DOSE": ()}

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """The finding for the study, or for each arm. Raises RuleError by arm, where the snapshot is blinded."""
        found = [self._finding(facts, group) for group in groups(facts, self.per)]
        return found or [Finding(self.id, "study", State.PENDING, reason=NOBODY_YET)]

    def _finding(self, facts: Facts, group: Group) -> Finding:
        chosen = group.events(facts, select(facts, self.events, self.excepted, self.window.after_days))
        asked = Asked(self.id, self.boundary, self.window.after_days, self.near)
        return exposure_finding(asked, facts, group, chosen)

    def simulate(self, trials: Trials) -> Days:
        """Day on which each trial first crosses, replayed whenever anything becomes known; `joint.Simulates`."""
        if self.recurrent:
            raise NotSimulatedError("recurrent events are not simulated")
        if self.boundary.first_exposure:
            raise NotSimulatedError("a boundary on exposure with a delay is not simulated")
        return self._first_crossing(trials) if self.per == "study" else by_arm(trials, self._first_crossing)

    def _first_crossing(self, trials: Trials) -> Days:
        types = meant(trials, self.events, self.excepted)
        inside = trials.onset[..., types] <= self.window.after_days
        onset = np.where(inside, trials.onset[..., types], NEVER).min(axis=-1, initial=NEVER)
        known = trials.known_of(types, self.window.after_days).min(axis=-1, initial=NEVER)
        return exposure_day(self.boundary, trials, onset, known)

    def describe(self) -> str:
        """The rule as a protocol would say it, with the design's false alarm and what it is worth."""
        b = self.boundary
        whose = "In each arm by itself, subjects" if self.per == "arm" else "Subjects"
        counted = "; every event of a subject counts" if self.recurrent else "; the first event of a subject counts"
        which = f"{whose} with {one_event(self.events)}{exception(self.excepted)}{within(self.window)}"
        return (
            f"{which}, set against their days at risk{counted}; {EXPOSURE_NAMES[b.method]} up to {b.max_n} subjects "
            f"of {self.window.after_days} days; false alarm {b.attained_alpha:.1%} where {b.null_rate:.0%} of subjects "
            f"followed through have such an event; {b.words}."
        )

    def stored(self) -> Mapping[str, Any]:
        """The YAML keys with the computed table, [event number, up to how many days at risk], and its false alarm."""
        b = self.boundary
        computed = {
            "table": [list(pair) for pair in zip(b.events, b.up_to_exposure, strict=True)],
            "attained_alpha": b.attained_alpha,
            "attained_alpha_expected": b.attained_alpha_expected,
            "critical_value": b.critical_value,
            "words": b.words,
        }
        return {**super().stored(), "exposure_boundary": computed}
