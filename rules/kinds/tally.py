"""Counting for the kind `count`: who stands how, grouped by scope, each group with its state and evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np

from rules.columns import Bools, Ints
from rules.derive import Facts, Population
from rules.kinds.arms import Group, whole_study
from rules.kinds.event import in_population, with_dosing_doubt
from rules.kinds.evidence import entry_delay, limited, witness
from rules.kinds.matching import bit
from rules.kinds.parts import part_of
from rules.kinds.places import Choice, Places
from rules.kinds.scopes import UNCODED, scopes_of
from rules.kinds.selection import Selected
from rules.kinds.units import Units, units_of
from rules.model import Evidence, Finding, Standing, State

_STANDINGS = (Standing.COUNTED, Standing.EXCEPTED, Standing.NOT_DOSED, Standing.OUTSIDE_WINDOW, Standing.NOT_MATCHED)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a count rule asks; the fields are those of `CountRule`: `after_days` is its window, `after` after_first."""

    rule: str
    at_least: int
    count: Literal["subjects", "events"]
    per: Literal["study", "site", "subject", "term", "soc", "arm"]
    population: Population
    after_days: int | None
    first: int | None
    near: int
    after: int | None = None
    similar: tuple[str, ...] = ()


class Tally:
    """One count rule on one snapshot.

    Parameters
    ----------
    facts: of the snapshot.
    chosen: events the rule means, selected with its window.
    terms: what it asks of them.
    group: whose events `chosen` are; None = everybody's.
    """

    def __init__(self, facts: Facts, chosen: Selected, terms: Terms, group: Group | None = None) -> None:
        self._facts, self._terms, self._group = facts, terms, group or whole_study(facts)
        self._subject = facts.event_column("subject")[chosen.row]
        if terms.per in ("term", "soc"):
            scopes = scopes_of(facts, chosen, terms.per, ())
            blank = np.array([one == [UNCODED] for one in scopes], dtype=bool)
            chosen = chosen.doubting(np.where(blank, bit("AEDECOD" if terms.per == "term" else "AEBODSYS"), 0))
        self._part = None if terms.after is None else part_of(facts, terms.after, terms.first)
        if self._part is not None:
            chosen = chosen.doubting(np.where(self._part.certain[self._subject], 0, bit("RFXSTDTC")))
        ordered = terms.first is not None or terms.after is not None
        self._chosen = with_dosing_doubt(facts, chosen, "treated" if ordered else terms.population)
        self._places = None if terms.first is None or self._part else Places(facts, terms.first)
        self._standing = self._stand()

    def findings(self) -> list[Finding]:
        """One per scope that has something to say, by scope.

        `details`: `counting` (subjects or events), `per`, `certain` (count on recorded facts alone), `population`,
        `population_n`, `entry_delay_days`, `crossed_study_day`; `evidence_total` where not all evidence is shown;
        under `first` also `first_dose_partial`, the subjects with a partial first dose, and `hangs_on`, as at
        `rules.kinds.told.details_of`, those of them who decide. Counted are then the events of the possible first
        subjects with most of them; `certain` is the fewest of all possible orders.
        """
        return [self._finding(scope, members) for scope, members in self._scoped()]

    def _scoped(self) -> Iterator[tuple[str, Ints]]:
        """Scopes met, provisional or near, by name, with positions of their events; the study and an arm always."""
        if self._terms.per in ("study", "arm"):
            yield self._group.scope, np.arange(len(self._chosen.row))
            return
        where: dict[str, list[int]] = {}
        for i, values in enumerate(scopes_of(self._facts, self._chosen, self._terms.per, self._terms.similar)):
            for value in values:
                where.setdefault(value, []).append(i)
        for value in sorted(where):
            members = np.array(where[value], dtype=np.int64)
            total = self._count(members)
            if total and self._state(total, 0) is not State.WITHIN:
                yield value, members

    def _count(self, members: Ints) -> int:
        counted = self._counted(members, self._choice(members))
        return len(counted) if self._terms.count == "events" else len(set(self._subject[counted].tolist()))

    def _choice(self, members: Ints) -> Choice | None:
        """Whose events count, where partial first doses leave open who the first are; None where nothing is open."""
        if self._places is None or not self._places.is_open:
            return None
        return self._places.choose(self._units(self._counted(members, None)), self._terms.at_least)

    def _counted(self, members: Ints, choice: Choice | None) -> Ints:
        counted = members[self._standing[members] == 0]
        return counted if choice is None else np.asarray(counted[choice.inside[self._subject[counted]]])

    def _units(self, counted: Ints) -> Units:
        return units_of(self._facts, self._chosen, counted, by_subject=self._terms.count == "subjects")

    def _finding(self, scope: str, members: Ints) -> Finding:
        """The finding of one scope, with `details` as at `findings`."""
        terms = self._terms
        choice = self._choice(members)
        counted = self._counted(members, choice)
        units = self._units(counted)
        total, certain = len(units.first), choice.certain if choice else int(units.certain.sum())
        state = self._state(total, certain)
        deciding = units.where(units.certain) if certain >= terms.at_least else units
        on, known, last = deciding.reached(terms.at_least)
        hinges = choice.hinges if choice and state is State.PROVISIONAL else frozenset[int]()
        evidence, more = self._evidence(np.setdiff1d(members, counted), units, hinges)
        pending, overdue = self._waiting(units)
        return Finding(
            rule=terms.rule,
            scope=scope,
            state=state,
            events=total,
            n_evaluable=self._evaluable,
            n_pending=pending,
            n_overdue=overdue,
            stop_at=terms.at_least,
            first_crossed_on=on,
            known_at=known,
            evidence=evidence,
            details=self._details(certain, on, known, last) | self._hangs_on(hinges) | more,
            reason="no subject has been dosed yet" if state is State.PENDING else "",
        )

    def _stand(self) -> Ints:
        """Index into `_STANDINGS` of each event."""
        terms, chosen = self._terms, self._chosen
        outsider = 2 if terms.population == "treated" else 4
        standing = np.where(self._early(self._subject), 0, 4)
        standing = np.where(chosen.inside, standing, 3)
        standing = np.where(in_population(self._facts, chosen, terms.population), standing, outsider)
        return np.where(chosen.excepted, 1, standing)

    def _early(self, subject: Ints) -> Bools:
        """Among the first so many dosed, or perhaps; everybody where the rule does not ask."""
        if self._part is not None:
            return np.asarray(self._part.possible[subject])
        if self._places is None:
            return np.ones(len(subject), dtype=bool)
        perhaps = self._facts.perhaps_treated() | self._places.possible()
        return np.asarray(np.append(perhaps, True)[subject])

    def _state(self, total: int, certain: int) -> State:
        at_least = self._terms.at_least
        if certain >= at_least:
            return State.CROSSED
        if total >= at_least:
            return State.PROVISIONAL
        if self._nobody:
            return State.PENDING
        return State.NEAR if total and total + self._terms.near >= at_least else State.WITHIN

    @cached_property
    def _nobody(self) -> bool:
        """The rule speaks of dosed subjects, and there is none."""
        return self._terms.population in ("treated", "assessed") and not self._facts.population("treated").any()

    @cached_property
    def _inside(self) -> Bools:
        """Whom the rule speaks of; of the first so many dosed those by the earliest possible day of first dose."""
        inside = self._facts.population(self._terms.population) & self._group.inside
        first, after = self._terms.first, self._terms.after
        if first is None and after is None:
            return inside
        position = self._facts.subjects["position"].to_numpy()
        early = (position > (after or 0)) & (position <= (len(position) if first is None else first))
        return np.asarray(inside & (early | self._facts.perhaps_treated()))

    @cached_property
    def _evaluable(self) -> int:
        """Subjects whose window is closed; without a window, all of the population (by arm, of the arm)."""
        if self._terms.after_days is None:
            return int(self._inside.sum())
        return int((self._inside & self._facts.window_closed(self._terms.after_days)).sum())

    def _waiting(self, units: Units) -> tuple[int, int]:
        """Dosed subjects without an event whose window is not closed: still in it, and past it."""
        if self._terms.after_days is None:
            return 0, 0
        facts, days = self._facts, self._terms.after_days
        waiting = self._inside & ~facts.window_closed(days) & facts.population("treated")
        waiting[units.subject[units.subject >= 0]] = False
        past = facts.cutoff > facts.window_end(days)
        return int((waiting & ~past).sum()), int((waiting & past).sum())

    def _evidence(
        self, rest: Ints, units: Units, hinges: frozenset[int]
    ) -> tuple[tuple[Evidence, ...], dict[str, Any]]:
        """What counts, in order of event_key (of a subject the event by which it counts), then what does not."""
        make, chosen, counts = witness(self._facts), self._chosen, set(units.first.tolist())

        def one(i: int) -> Evidence:
            standing = _STANDINGS[self._standing[i] or 4]  # may be of the first so many, but not in this order
            hinge = int(self._subject[i]) in hinges
            more = {"order_decides": True} if hinge else {}
            missing = int(chosen.missing[i]) | (bit("RFXSTDTC") if hinge else 0)
            if i in counts:
                standing, more = Standing.COUNTED, more | {"crossing": True}
            return make.event(chosen.row[i], standing, missing, **more)

        shown, more = limited([*np.sort(units.first).tolist(), *rest.tolist()], counts.__contains__, one)
        return (*shown, *self._without_event(hinges)), more

    def _without_event(self, hinges: frozenset[int]) -> Iterator[Evidence]:
        """Subjects whose partial first dose decides though they have no event: dosed early, they displace another."""
        days = self._terms.after_days
        closed = self._facts.window_closed(days) if days is not None else self._facts.population("treated")
        for at in sorted(hinges - set(self._subject.tolist())):
            standing = Standing.NO_EVENT if closed[at] else Standing.PENDING
            yield witness(self._facts).subject(at, standing, order_decides=True)

    def _hangs_on(self, hinges: frozenset[int]) -> dict[str, Any]:
        """The subjects whose partial first dose decides, as at `rules.kinds.told.details_of`."""
        names = [str(self._facts.subjects.index[at]) for at in sorted(hinges)]
        nothing = {"event_key": "", "record_key": "", "domain": "DM", "missing": ["RFXSTDTC"]}
        return {"hangs_on": [{"usubjid": name, **nothing} for name in names]} if names else {}

    def _details(self, certain: int, on: date | None, known: datetime | None, last: int) -> dict[str, Any]:
        terms, table = self._terms, self._facts.subjects
        details: dict[str, Any] = {
            "counting": terms.count,
            "per": terms.per,
            "certain": certain,
            "population": terms.population,
            "population_n": int((self._facts.population(terms.population) & self._group.inside).sum()),
            "entry_delay_days": entry_delay(on, known),
            "crossed_study_day": witness(self._facts).study_day(last) if last >= 0 else None,
        }
        ordered = terms.first is not None or terms.after is not None
        partial = table.index[table["first_dose_partial"].to_numpy()] if ordered else ()
        return details | ({"first_dose_partial": [str(name) for name in partial]} if len(partial) else {})
