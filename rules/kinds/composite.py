"""Kind `composite`: subjects who have so many of a list of signs, such as two symptoms of different categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from rules.derive import Facts, Population
from rules.errors import NotSimulatedError
from rules.kinds.arms import NOBODY_YET, Group, groups, whole_study
from rules.kinds.composite_told import Asked, finding_of
from rules.kinds.composite_told import Group as Told
from rules.kinds.event import population_needs
from rules.kinds.matching import bit, needs
from rules.kinds.parts import part_of
from rules.kinds.sentences import POPULATIONS, exception, within
from rules.kinds.signs import Occurrence, Sign, occurrences
from rules.kinds.simulated import by_arm, first_day, meant, nth_day, refuse_population
from rules.kinds.syndrome import Alternative, Met, judged
from rules.kinds.words import RuleFields, Window, closed_by_arm
from rules.model import Finding, State
from rules.statistics.trials import NEVER, Days, Trials


class CompositeRule(RuleFields):
    """One finding for the study, one for each arm, or one for each subject who has the composite.

    A subject has it when any one of `any_of` holds: so many signs, perhaps of one level, of different categories,
    beginning close together; a sign may have to last. `events` of the rule are keys that every sign shares. `details`
    are documented at `rules.kinds.composite_told.finding_of`.

    Source: rules of this form in doi 10.1186/s12879-023-08299-5 (a syndrome of several symptoms, a laboratory value in
    a band for days) and doi 10.1186/s13223-020-00419-z (one red or two yellow symptoms of different categories).
    """

    kind: Literal["composite"] = Field("composite", description="so many of a list of signs in one subject")
    signs: tuple[Sign, ...] = Field(description="what may be present in a subject, each with a name")
    any_of: tuple[Alternative, ...] = Field(
        (Alternative(),), description="how many signs make the composite; any one of these suffices"
    )
    at_least: int = Field(1, ge=1, description="subjects with the composite that meet the rule")
    per: Literal["study", "subject", "arm"] = Field(
        "study", description="subject: each subject alone meets the rule; arm: for the closed audience only"
    )
    population: Population = Field("treated", description="whose signs count")
    window: Window | None = Field(None, description="count only signs in these days after first dose")
    first: int | None = Field(None, ge=1, description="only the first so many dosed subjects")
    after_first: int | None = Field(None, ge=1, description="only subjects dosed after the first so many")
    near: int = Field(1, ge=0, description="NEAR when so many more subjects would meet the rule; 0 = never")

    @model_validator(mode="after")
    def _can_be_met(self) -> CompositeRule:
        closed_by_arm(self.per, self.audience)
        if not self.signs or not self.any_of:
            raise ValueError("signs and any_of name at least one sign and one way to have the composite")
        names = [sign.name for sign in self.signs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two signs are called {twice[0]!r}; give each a name of its own")
        for one in self.any_of:
            unknown = sorted(set(one.with_all or ()) - set(names))
            if unknown:
                raise ValueError(f"with_all names {unknown[0]!r}, which is no sign; signs are {', '.join(names)}")
            able = len(set(one.of(self.signs).values()))
            if able < one.at_least:
                raise ValueError(f"any_of asks for {one.at_least} signs, but only {able} can count there")
        if self.per == "subject" and self.at_least > 1:
            raise ValueError("per: subject judges each subject alone; leave at_least out")
        if self.per == "arm" and (self.first or self.after_first):
            raise ValueError("first and after_first count the dosed of the study, per: arm within each arm")
        if self.first is not None and self.after_first is not None and self.after_first >= self.first:
            raise ValueError("after_first must be less than first, or nobody is meant")
        return self

    @cached_property
    def _filters(self) -> list[Any]:
        return [sign.filter(self.events) for sign in self.signs if sign.lab is None] + [self.excepted]

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        found = needs(self._filters) if any(sign.events for sign in self.signs) else {}
        if any(sign.events and sign.lasts for sign in self.signs):
            found["AE"] = (*found["AE"], "AESTDTC", "AEENDTC")
        if any(sign.lab for sign in self.signs):
            found |= {"LB": ("LBTESTCD", "LBDTC", "LBSTRESN|LBSTRESC"), "FIRST_DOSE": ()}
        more = {"FIRST_DOSE": ()} if self.first or self.after_first else {}
        return found | population_needs(self.population, self.window) | more

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per scope that has something to say. Raises RuleError by arm on a blinded snapshot."""
        after_days = self.window.after_days if self.window else None
        had: dict[int, list[Occurrence]] = {}
        for one in occurrences(facts, self.signs, self.events, self.excepted, after_days):
            had.setdefault(one.subject, []).append(one)
        met = {at: found for at, signs in had.items() if (found := judged(self.any_of, self.signs, signs))}
        if self.per == "subject":
            return list(self._each(facts, met, had))
        arms = groups(facts, self.per)
        return [self._finding(facts, group, met, had) for group in arms] or [
            Finding(self.id, "study", State.PENDING, reason=NOBODY_YET)
        ]

    def _each(self, facts: Facts, met: Mapping[int, Met], had: Mapping[int, Sequence[Occurrence]]) -> Iterator[Finding]:
        """Every subject who has the composite, or may."""
        for at in sorted(met):
            name = str(facts.subjects.index[at]) if at >= 0 else "unknown"
            one = self._finding(facts, whole_study(facts), {at: met[at]}, {at: had[at]}, scope=name)
            if one.events:
                yield one

    def _finding(
        self,
        facts: Facts,
        group: Group,
        met: Mapping[int, Met],
        had: Mapping[int, Sequence[Occurrence]],
        scope: str = "",
    ) -> Finding:
        asked = Asked(
            rule=self.id,
            signs=self.signs,
            at_least=self.at_least,
            near=self.near if self.per != "subject" else 0,
            per=self.per,
            population=self.population,
            after_days=self.window.after_days if self.window else None,
        )
        return finding_of(asked, facts, Told(scope or group.scope, *self._members(facts, group)), met, had)

    def _members(self, facts: Facts, group: Group) -> tuple[Any, Any]:
        """Who belongs to those asked about, flags with one more for no subject; and what each membership hangs on."""
        population = facts.population(self.population)
        perhaps = facts.perhaps_treated() if self.population == "treated" else np.zeros(len(population), dtype=bool)
        inside, doubt = population | perhaps, np.where(perhaps & ~population, bit("RFXSTDTC"), 0)
        if group.scope != "study":
            inside &= group.inside | group.perhaps
            doubt |= np.where(group.perhaps, bit("ACTARMCD"), 0)
        if self.first or self.after_first:
            part = part_of(facts, self.after_first, self.first)
            inside &= part.possible[:-1]
            doubt |= np.where(part.certain[:-1], 0, bit("RFXSTDTC"))
        return np.append(inside, True), np.append(doubt, bit("USUBJID"))

    def simulate(self, trials: Trials) -> Days:
        """Day on which each trial first meets the rule; see `rules.statistics.joint.Simulates`."""
        refuse_population(self.population)
        if any(sign.lab for sign in self.signs):
            raise NotSimulatedError("laboratory results are not simulated")
        if any(sign.lasts for sign in self.signs):
            raise NotSimulatedError("how long an event lasts is not simulated")
        if any(one.within_days is not None for one in self.any_of):
            raise NotSimulatedError("signs that begin close together are not simulated")
        return by_arm(trials, self._first_met) if self.per == "arm" else self._first_met(trials)

    def _first_met(self, trials: Trials) -> Days:
        after_days = self.window.after_days if self.window else None
        part = slice(self.after_first, self.first)
        days = [
            trials.known_of(meant(trials, sign.filter(self.events), self.excepted), after_days)[:, part].min(
                axis=-1, initial=NEVER
            )
            for sign in self.signs
        ]
        subjects = np.min([self._reached(one, days) for one in self.any_of], axis=0)
        return first_day(subjects) if self.per == "subject" else nth_day(subjects, self.at_least)

    def _reached(self, one: Alternative, days: Sequence[Days]) -> Days:
        """Day on which each subject has enough of the signs; shape (trials, subjects)."""
        groups_: dict[str, Days] = {}
        for at, group in one.of(self.signs).items():
            groups_[group] = np.minimum(groups_[group], days[at]) if group in groups_ else days[at]
        enough = nth_day(np.stack(list(groups_.values()), axis=-1), one.at_least)
        must = [days[at] for at, sign in enumerate(self.signs) if sign.name in (one.with_all or ())]
        return np.asarray(np.max([enough, *must], axis=0), dtype=np.int32)

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        who = POPULATIONS[self.population]
        many = f"Each of the {who}" if self.per == "subject" else f"{self.at_least} or more {who}"
        part = f" among those dosed after the first {self.after_first}" if self.after_first else ""
        if self.first:
            part += f"{' and' if part else ''} among the first {self.first} dosed"
        arm = ", in one arm" if self.per == "arm" else ""
        which = " or ".join(one.words() for one in self.any_of)
        signs = ", ".join(
            sign.words(self.events) + (f" [{', '.join(filter(None, [sign.level, sign.category]))}]" * bool(
                sign.level or sign.category)) for sign in self.signs
        )  # fmt: skip
        return f"{many} with {which}{exception(self.excepted)}{within(self.window)}{part}{arm}; signs: {signs}."

    def stored(self) -> Mapping[str, Any]:
        """The YAML keys, filters as they are written."""
        body = dict(super().stored())
        for said, sign in zip(body["signs"], self.signs, strict=True):
            if sign.events is not None:
                said["events"] = sign.events.written()
        return body
