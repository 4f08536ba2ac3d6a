"""Kind `count`: so many subjects, or events, meet the rule, such as two subjects with the same severe event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from rules.columns import Bools, Ints
from rules.derive import Facts, Population
from rules.kinds.event import in_population, population_needs
from rules.kinds.evidence import entry_delay, in_window, limited, witness
from rules.kinds.matching import bit, needs
from rules.kinds.selection import Selected, select
from rules.kinds.units import Units, units_of
from rules.kinds.words import RuleFields, Window
from rules.model import Finding, Standing, State

UNCODED = "uncoded"
"""Scope of events without a coded term, under `per: term`."""


class CountRule(RuleFields):
    """One finding per value of `per`; `events` is the count, `stop_at` the count that meets the rule.

    The study as a whole always has a finding. Of other values only those that are met, provisional or near do: no
    finding means that nothing there is near. `details`: `counting` (subjects or events), `per`, `certain` (count on
    recorded facts alone), `entry_delay_days`, `crossed_study_day`, `population`, `population_n`, `evidence_total`
    where not all evidence is shown, `first_dose_partial` (subjects whose order under `first` is uncertain).

    Source: archetype "count", rules 2, 6, 9, 16 of the protocols in docs/rules.md.
    """

    kind: Literal["count"] = Field("count", description="a number of subjects or events meets the rule")
    at_least: int = Field(ge=1, description="the count that meets the rule")
    count: Literal["subjects", "events"] = Field("subjects", description="what is counted; states of one event once")
    per: Literal["study", "site", "subject", "term"] = Field("study", description="each counted by itself")
    population: Population = Field("treated", description="whose events count")
    window: Window | None = Field(None, description="count only events in these days after first dose")
    first: int | None = Field(None, ge=1, description="only the first so many dosed subjects")
    near: int = Field(1, ge=0, description="NEAR when so many more would meet the rule; 0 = never")

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Domains and columns without which this rule cannot be judged."""
        more = population_needs(self.population, self.window) | ({"FIRST_DOSE": ()} if self.first else {})
        return needs((self.events, self.excepted)) | more

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per scope that has something to say, by scope."""
        chosen = self._doubted(facts, select(facts, self.events, self.excepted))
        standing = self._standing(facts, chosen)
        groups = self._groups(facts, chosen, standing)
        return [f for f in (self._finding(facts, chosen, standing, *g) for g in groups) if self._speaks(f)]

    def describe(self) -> str:
        """The rule in one sentence."""
        per = "" if self.per == "study" else f" per {self.per}"
        within = f" within {self.window.after_days} days of first dose" if self.window else ""
        first = f", among the first {self.first} dosed" if self.first else ""
        return f"Met by {self.at_least} {self.count}{per} with {self._which()}{within} ({self.population}{first})."

    def _doubted(self, facts: Facts, chosen: Selected) -> Selected:
        if self.window is not None:
            chosen = chosen.doubting(in_window(facts, chosen.row, self.window.after_days)[1])
        if self.per == "term":
            uncoded = (facts.events["AEDECOD"] == "").to_numpy(dtype=bool)[chosen.row]
            chosen = chosen.doubting(np.where(uncoded, bit("AEDECOD"), 0))
        return chosen

    def _standing(self, facts: Facts, chosen: Selected) -> list[Standing]:
        inside = in_population(facts, chosen, self.population)
        outsider = Standing.NOT_DOSED if self.population == "treated" else Standing.NOT_MATCHED
        windowed = np.ones(len(chosen.row), dtype=bool)
        if self.window is not None:
            windowed = in_window(facts, chosen.row, self.window.after_days)[0]
        early = self._among_first(facts, chosen)
        reasons = zip(chosen.excepted, inside, windowed, early, strict=True)
        return [
            Standing.EXCEPTED if e else outsider if not i else Standing.OUTSIDE_WINDOW if not w
            else Standing.COUNTED if f else Standing.NOT_MATCHED for e, i, w, f in reasons
        ]  # fmt: skip

    def _among_first(self, facts: Facts, chosen: Selected) -> Bools:
        if self.first is None:
            return np.ones(len(chosen.row), dtype=bool)
        position = np.append(facts.subjects["position"].to_numpy(), 0)[facts.events["subject"].to_numpy()[chosen.row]]
        return np.asarray((position >= 1) & (position <= self.first))

    def _groups(self, facts: Facts, chosen: Selected, standing: list[Standing]) -> Iterator[tuple[str, Ints]]:
        """Scopes with the positions of their events, by scope; the study also without any."""
        if self.per == "study":
            yield "study", np.arange(len(chosen.row))
            return
        values = self._scopes(facts, chosen)
        where: dict[str, list[int]] = {}
        for i, value in enumerate(values):
            where.setdefault(value, []).append(i)
        for value in sorted(where):
            if any(standing[i] is Standing.COUNTED for i in where[value]):
                yield value, np.array(where[value], dtype=np.int64)

    def _scopes(self, facts: Facts, chosen: Selected) -> list[str]:
        rows = chosen.row
        if self.per == "subject":
            return [str(v) for v in facts.events["USUBJID"].iloc[rows]]
        if self.per == "term":
            return [str(v) or UNCODED for v in facts.events["AEDECOD"].iloc[rows]]
        sites = [str(v) or "unknown" for v in facts.subjects["site"]] + ["unknown"]
        return [sites[at] for at in facts.events["subject"].to_numpy()[rows]]

    def _speaks(self, finding: Finding) -> bool:
        return self.per == "study" or finding.state is not State.WITHIN

    def _finding(self, facts: Facts, chosen: Selected, standing: list[Standing], scope: str, members: Ints) -> Finding:
        counted = np.array([i for i in members if standing[i] is Standing.COUNTED], dtype=np.int64)
        units = units_of(facts, chosen, counted, by_subject=self.count == "subjects")
        counts = set(units.first.tolist())
        total, certain = len(units.first), int(units.certain.sum())
        state = self._state(total, certain, self._nobody(facts))
        deciding = units.where(units.certain) if certain >= self.at_least else units
        on, known, last = deciding.reached(self.at_least)
        rest = [i for i in members.tolist() if standing[i] is not Standing.COUNTED]
        make, by = witness(facts), {"crossing": True}
        evidence, more = limited(
            [*sorted(units.first.tolist()), *rest],
            lambda i: make.event(
                int(chosen.row[i]), standing[i], int(chosen.missing[i]), **(by if i in counts else {})
            ),
        )
        closed, pending, overdue = self._followed(facts, units)
        return Finding(
            rule=self.id,
            scope=scope,
            state=state,
            events=total,
            n_evaluable=closed,
            n_pending=pending,
            n_overdue=overdue,
            stop_at=self.at_least,
            first_crossed_on=on,
            known_at=known,
            evidence=evidence,
            details=self._details(facts, certain, on, known, last) | more,
            reason="no subject has been dosed yet" if state is State.PENDING else "",
        )

    def _nobody(self, facts: Facts) -> bool:
        return self.population in ("treated", "assessed") and not facts.population("treated").any()

    def _state(self, total: int, certain: int, nobody: bool) -> State:
        if certain >= self.at_least:
            return State.CROSSED
        if total >= self.at_least:
            return State.PROVISIONAL
        if nobody:
            return State.PENDING
        return State.NEAR if total and total + self.near >= self.at_least else State.WITHIN

    def _followed(self, facts: Facts, units: Units) -> tuple[int, int, int]:
        """Subjects whose window is closed; pending and overdue ones among those without an event."""
        inside = facts.population(self.population)
        if self.first is not None:
            position = facts.subjects["position"].to_numpy()
            inside = inside & (position >= 1) & (position <= self.first)
        if self.window is None:
            return int(inside.sum()), 0, 0
        closed = facts.window_closed(self.window.after_days)
        waiting = inside & ~closed & facts.population("treated")
        waiting[units.subject[units.subject >= 0]] = False
        past = facts.cutoff > facts.window_end(self.window.after_days)
        return int((inside & closed).sum()), int((waiting & ~past).sum()), int((waiting & past).sum())

    def _details(self, facts: Facts, certain: int, on: Any, known: Any, last: int) -> dict[str, Any]:
        details: dict[str, Any] = {"counting": self.count, "per": self.per, "certain": certain}
        details |= {"population": self.population, "population_n": int(facts.population(self.population).sum())}
        details["entry_delay_days"] = entry_delay(on, known)
        details["crossed_study_day"] = witness(facts).study_day(last) if last >= 0 else None
        if self.first is not None:
            table = facts.subjects
            partial = table.index[table["first_dose_partial"].to_numpy()]
            details |= {"first_dose_partial": [str(name) for name in partial]} if len(partial) else {}
        return details
