"""Kind `count`: so many subjects, or events, meet the rule, such as two subjects with the same severe event."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
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
from rules.kinds.words import RuleFields, Window, Words, closed_by_arm
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
    at_least: int | None = Field(None, ge=1, description="the count that meets the rule; or give at_least_share")
    at_least_share: float | None = Field(
        None, gt=0, le=1, description="share of a cohort, the subjects that first (and after_first) name: 0.5 = half"
    )
    count: Literal["subjects", "events"] = Field("subjects", description="what is counted; states of one event once")
    per: Literal["study", "site", "subject", "term", "soc", "arm"] = Field(
        "study", description="each is counted by itself; arm: for the closed audience only"
    )
    similar: Words | None = Field(None, description="per: term: terms of one of these lists count as the same")
    population: Population = Field("treated", description="whose events count")
    window: Window | None = Field(None, description="count only events in these days after first dose")
    first: int | None = Field(None, ge=1, description="only the first so many dosed subjects")
    after_first: int | None = Field(None, ge=1, description="only subjects dosed after the first so many")
    near: int = Field(1, ge=0, description="NEAR when so many more would meet the rule; 0 = never")

    @model_validator(mode="after")
    def _arms_are_closed(self) -> CountRule:
        closed_by_arm(self.per, self.audience)
        if self.per == "arm" and (self.first is not None or self.after_first is not None):
            raise ValueError(
                "first counts the first dosed of the study, per: arm within each arm; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _can_be_met(self) -> CountRule:
        if (self.at_least is None) == (self.at_least_share is None):
            raise ValueError("say at_least (a count) or at_least_share (of a cohort), one of the two")
        if self.at_least_share is not None and (self.first is None or self.count != "subjects"):
            raise ValueError("at_least_share is a share of the subjects of a cohort; say first, its last subject")
        if self.first is not None and self.after_first is not None and self.after_first >= self.first:
            raise ValueError("after_first must be less than first, or nobody is meant")
        if self.similar is not None and self.per != "term":
            raise ValueError("similar joins coded terms; it needs per: term")
        return self

    @property
    def stops_at(self) -> int:
        """The count that meets the rule; of a share, the smallest that is not less than it."""
        if self.at_least is not None:
            return self.at_least
        size = (self.first or 0) - (self.after_first or 0)
        return math.ceil(Fraction(str(self.at_least_share)) * size)

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        more = population_needs(self.population, self.window)
        more |= {"FIRST_DOSE": ()} if self.first or self.after_first else {}
        found = needs((self.events, self.excepted))
        classes = ("AEBODSYS|AESOC",) if self.per == "soc" else ()
        return found | more | {"AE": (*found["AE"], *classes)}

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per scope that has something to say, by scope. Raises RuleError by arm on a blinded snapshot."""
        terms = Terms(
            rule=self.id,
            at_least=self.stops_at,
            count=self.count,
            per=self.per,
            population=self.population,
            after_days=self.window.after_days if self.window else None,
            first=self.first,
            after=self.after_first,
            similar=self.similar or (),
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
        if self.per in ("site", "soc") or self.similar:
            what = "of similar terms" if self.similar else f"per {'site' if self.per == 'site' else 'organ class'}"
            raise NotSimulatedError(f"a count {what} is not simulated")
        if self.per == "arm":
            return by_arm(trials, self._first_met)
        return self._first_met(trials)

    def _first_met(self, trials: Trials) -> Days:
        types = meant(trials, self.events, self.excepted)
        known = trials.known_of(types, self.window.after_days if self.window else None)[:, self._part]
        if self.per != "term":
            return self._reached(known)
        met = [self._reached(np.where(same[:, self._part], known, NEVER)) for same in terms_of(trials, types)]
        return np.asarray(np.min(met, axis=0, initial=NEVER) if met else self._reached(known), dtype=np.int32)

    @property
    def _part(self) -> slice:
        return slice(self.after_first, self.first)

    def _reached(self, known: Days) -> Days:
        """Day on which the count is reached by events known on these days, shape (trials, subjects, types)."""
        counted = known.min(axis=-1, initial=NEVER, keepdims=True) if self.count == "subjects" else known
        if self.per == "subject":
            return first_day(nth_day(counted, self.stops_at))
        return nth_day(counted.reshape(len(counted), -1), self.stops_at)

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        same = f" or terms of one of the lists {', '.join(self.similar)}".replace("_", " ") if self.similar else ""
        more = exception(self.excepted) + within(self.window) + _SAME[self.per] + same + self._whom()
        if self.count == "events":
            return f"{self.stops_at} or more {several_events(self.events)}{more}{among(self.population)}."
        return f"{self.stops_at} or more {POPULATIONS[self.population]} with {one_event(self.events)}{more}."

    def _whom(self) -> str:
        """Of whom the rule speaks by order of first dose, beginning with a comma."""
        if self.first is None:
            return f", among those dosed after the first {self.after_first}" if self.after_first else ""
        after = f" after the first {self.after_first}" if self.after_first else ""
        share = f" ({self.at_least_share:.0%} of them)" if self.at_least_share is not None else ""
        return f", among the first {self.first} dosed{after}{share}"


_SAME = {
    "study": "",
    "site": ", at one site",
    "subject": ", in one subject",
    "term": ", all with the same coded term",
    "soc": ", all of the same system organ class",
    "arm": ", in one arm",
}
