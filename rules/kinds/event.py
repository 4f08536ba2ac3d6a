"""Kind `event`: each qualifying adverse event alone meets the rule, such as one related serious event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from rules.columns import Bools
from rules.derive import Facts, Population
from rules.kinds.evidence import day_of, entry_delay, moment_of, witness
from rules.kinds.matching import bit, needs
from rules.kinds.selection import Selected, select
from rules.kinds.sentences import among, each_event, exception, within
from rules.kinds.simulated import first_day, meant, refuse_population
from rules.kinds.words import RuleFields, Window
from rules.model import Finding, Standing, State, Urgency
from rules.statistics.trials import Days, Trials


class EventRule(RuleFields):
    """One finding per qualifying event, scope = event_key; no finding where nothing qualifies.

    CROSSED when recorded facts alone qualify the event, PROVISIONAL when it qualifies only because a fact is missing;
    `evidence[0].missing` then names it. `details`: `counting`, `entry_delay_days`, `crossed_study_day`.

    Source: rules of this form in PMC5350217 (one grade-3 event) and PMC6701032 (any serious event except trauma).
    """

    kind: Literal["event"] = Field("event", description="one qualifying event meets the rule")
    population: Population = Field("all", description="whose events count; a death counts wherever it happens")
    window: Window | None = Field(None, description="count only events in these days after first dose")
    urgency: Urgency = Field(Urgency.CRITICAL, description="how fast a person must look")

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        return needs((self.events, self.excepted)) | population_needs(self.population, self.window)

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per event, in order of event_key."""
        chosen = select(facts, self.events, self.excepted, self.window.after_days if self.window else None)
        chosen = with_dosing_doubt(facts, chosen, self.population)
        chosen = chosen.where(chosen.inside & ~chosen.excepted & in_population(facts, chosen, self.population))
        return [self._finding(facts, chosen, i) for i in range(len(chosen.row))]

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        more = exception(self.excepted) + within(self.window) + among(self.population)
        return f"Each {each_event(self.events)}{more}."

    def simulate(self, trials: Trials) -> Days:
        """Day on which each trial first meets the rule; see `rules.statistics.joint.Simulates`."""
        refuse_population(self.population)
        types = meant(trials, self.events, self.excepted)
        return first_day(trials.known_of(types, self.window.after_days if self.window else None))

    def _finding(self, facts: Facts, chosen: Selected, i: int) -> Finding:
        row = int(chosen.row[i])
        item = witness(facts).event(row, Standing.COUNTED, int(chosen.missing[i]), crossing=True)
        on, known = day_of(facts.event_column("onset_lo")[row]), moment_of(int(chosen.known[i]))
        details: dict[str, Any] = {"counting": "events", "entry_delay_days": entry_delay(on, known)}
        details["crossed_study_day"] = witness(facts).study_day(row)
        return Finding(
            rule=self.id,
            scope=item.event_key,
            state=State.CROSSED if chosen.certain[i] else State.PROVISIONAL,
            events=1,
            stop_at=1,
            first_crossed_on=on,
            known_at=known,
            evidence=(item,),
            details=details,
        )


def in_population(facts: Facts, chosen: Selected, name: Population) -> Bools:
    """Flags: the event's subject is in the population, or may be: of the treated those perhaps treated, too.

    An event without a subject may be of anybody who is treated, and is in `all`.
    """
    flags = np.append(facts.population(name), name == "all")
    return np.asarray(flags[facts.event_column("subject")[chosen.row]] | _perhaps_treated(facts, chosen, name))


def with_dosing_doubt(facts: Facts, chosen: Selected, name: Population) -> Selected:
    """The events, each in doubt that is in the population only because its subject may have been dosed."""
    subject = facts.event_column("subject")[chosen.row]
    variable = np.where(subject >= 0, bit("RFXSTDTC"), bit("USUBJID"))
    return chosen.doubting(np.where(_perhaps_treated(facts, chosen, name), variable, 0))


def _perhaps_treated(facts: Facts, chosen: Selected, name: Population) -> Bools:
    if name != "treated":
        return np.zeros(len(chosen.row), dtype=bool)
    return np.asarray(np.append(facts.perhaps_treated(), True)[facts.event_column("subject")[chosen.row]])


def population_needs(name: Population, window: Window | None) -> dict[str, tuple[str, ...]]:
    """What a population and a window need, in the notation of `Facts.lacks`."""
    needed: dict[str, tuple[str, ...]] = {"FIRST_DOSE": ()} if name == "treated" or window is not None else {}
    if name == "assessed":
        needed |= {"LB": ("LBDTC",), "FIRST_DOSE": ()}
    return needed
