"""Kind `count`: so many subjects, or events, meet the rule, such as two subjects with the same severe event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from rules.derive import Facts, Population
from rules.errors import NotSimulatedError
from rules.kinds.arms import NOBODY_YET, groups
from rules.kinds.event import population_needs
from rules.kinds.matching import needs
from rules.kinds.selection import select
from rules.kinds.sentences import POPULATIONS, among, exception, one_event, several_events, within
from rules.kinds.simulated import by_arm, first_day, meant, nth_day, refuse_population, terms_of
from rules.kinds.tally import Tally, Terms
from rules.kinds.words import RuleFields, Window, closed_by_arm
from rules.model import Finding, State
from rules.statistics.trials import NEVER, Days, Trials


class CountRule(RuleFields):
    """One finding per value of `per`; `events` is the count, `stop_at` the count that meets the rule.

    The study as a whole and each arm (scope "arm:" and its code) always have a finding. Of other values only those that
    are met, provisional or near do: no finding means that nothing there is near. `details` are documented at
    `rules.kinds.tally.Tally.findings`.

    Source: rules of this form in doi 10.1186/s12879-023-08299-5 (two participants with the same related event).
    """

    kind: Literal["count"] = Field("count", description="a number of subjects or events meets the rule")
    at_least: int = Field(ge=1, description="the count that meets the rule")
    count: Literal["subjects", "events"] = Field("subjects", description="what is counted; states of one event once")
    per: Literal["study", "site", "subject", "term", "arm"] = Field(
        "study", description="each is counted by itself; arm: for the closed audience only"
    )
    population: Population = Field("treated", description="whose events count")
    window: Window | None = Field(None, description="count only events in these days after first dose")
    first: int | None = Field(None, ge=1, description="only the first so many dosed subjects")
    near: int = Field(1, ge=0, description="NEAR when so many more would meet the rule; 0 = never")

    @model_validator(mode="after")
    def _arms_are_closed(self) -> CountRule:
        closed_by_arm(self.per, self.audience)
        if self.per == "arm" and self.first is not None:
            raise ValueError(
                "first counts the first dosed of the study, per: arm within each arm; leave one of the two out"
            )
        return self

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        more = population_needs(self.population, self.window) | ({"FIRST_DOSE": ()} if self.first else {})
        return needs((self.events, self.excepted)) | more

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per scope that has something to say, by scope. Raises RuleError by arm on a blinded snapshot."""
        terms = Terms(
            rule=self.id,
            at_least=self.at_least,
            count=self.count,
            per=self.per,
            population=self.population,
            after_days=self.window.after_days if self.window else None,
            first=self.first,
            near=self.near,
        )
        chosen = select(facts, self.events, self.excepted, terms.after_days)
        if self.per != "arm":
            return Tally(facts, chosen, terms).findings()
        arms = [Tally(facts, group.events(facts, chosen), terms, group) for group in groups(facts, "arm")]
        found = [finding for arm in arms for finding in arm.findings()]
        return found or [Finding(self.id, "study", State.PENDING, reason=NOBODY_YET)]

    def simulate(self, trials: Trials) -> Days:
        """Day on which each trial first meets the rule; see `rules.statistics.joint.Simulates`."""
        refuse_population(self.population)
        if self.per == "site":
            raise NotSimulatedError("a count per site is not simulated")
        if self.per == "arm":
            return by_arm(trials, self._first_met)
        return self._first_met(trials)

    def _first_met(self, trials: Trials) -> Days:
        types = meant(trials, self.events, self.excepted)
        known = trials.known_of(types, self.window.after_days if self.window else None)[:, : self.first]
        if self.per != "term":
            return self._reached(known)
        met = [self._reached(np.where(same[:, : self.first], known, NEVER)) for same in terms_of(trials, types)]
        return np.asarray(np.min(met, axis=0, initial=NEVER) if met else self._reached(known), dtype=np.int32)

    def _reached(self, known: Days) -> Days:
        """Day on which the count is reached by events known on these days, shape (trials, subjects, types)."""
        counted = known.min(axis=-1, initial=NEVER, keepdims=True) if self.count == "subjects" else known
        if self.per == "subject":
            return first_day(nth_day(counted, self.at_least))
        return nth_day(counted.reshape(len(counted), -1), self.at_least)

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        first = f", among the first {self.first} dosed" if self.first else ""
        more = exception(self.excepted) + within(self.window) + _SAME[self.per] + first
        if self.count == "events":
            return f"{self.at_least} or more {several_events(self.events)}{more}{among(self.population)}."
        return f"{self.at_least} or more {POPULATIONS[self.population]} with {one_event(self.events)}{more}."


_SAME = {
    "study": "",
    "site": ", at one site",
    "subject": ", in one subject",
    "term": ", all with the same coded term",
    "arm": ", in one arm",
}
