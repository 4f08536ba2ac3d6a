"""Facts of one snapshot: the only place where numerators and denominators come from.

An alert, a summary and a board's table ask here, so that they cannot disagree. Everything is computed once, on
first use, on whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rules.columns import NAT, Bools, Columns, Days, Span, later
from rules.dates import cutoff_day
from rules.derive_events import EventTable
from rules.derive_subjects import SubjectTable
from rules.model import Derivation, Snapshot

Population = Literal["all", "randomised", "treated", "assessed"]
"""all: every subject in any domain. randomised: for disposition. treated: for safety. assessed: for laboratory."""

_ALWAYS = ("DM", "AE", "EX", "DS", "LB", "SV")


class Facts:
    """What the records of one snapshot say about subjects and events.

    Parameters
    ----------
    snapshot: records as known at a batch. Clinical dates are compared with `rules.dates.cutoff_day`.

    Raises
    ------
    SnapshotError: on first use, where a frame breaks the promise of `Snapshot.frames`.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._cache: dict[Any, Any] = {}

    @property
    def derivation(self) -> Derivation:
        """Code lists and settings."""
        return self.snapshot.derivation

    @cached_property
    def cutoff(self) -> np.datetime64:
        """The last clinical day that counts."""
        return np.datetime64(cutoff_day(self.snapshot.data_cutoff, self.snapshot.study.timezone), "D")

    @cached_property
    def domains(self) -> Mapping[str, Columns]:
        """Every domain that is needed, by column; absent ones are empty."""
        names = dict.fromkeys([*_ALWAYS, *self.derivation.contact_domains, *self.snapshot.frames])
        return {name: Columns(name, self.snapshot.frames.get(name)) for name in names}

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """One row per USUBJID (the index, sorted), from every domain that names one.

        Columns: `site`; `first_dose_lo/_hi`, `last_dose_lo/_hi`, `withdrawn_lo/_hi`, `completed_lo/_hi`,
        `death_lo/_hi`, `left_lo/_hi` (first and last possible day, datetime64[s]; left = withdrawn, completed or dead
        and not seen since); `followed_through` (last day with positive evidence of assessment); `position` (1, 2, … in
        order of first dose, then USUBJID; 0 = not dosed); bool `first_dose_partial`, `treatment_ended`,
        `treatment_ongoing` (dosed, and no record says that treatment ended), `dead`, `dead_by_record` (by DS or DM),
        `lost`, `screen_failure`, `randomised`, `treated`, `assessed`; `arm` only in an unblinded snapshot.
        """
        snapshot = self.snapshot
        return SubjectTable(self.domains, self.derivation, self.cutoff, snapshot.arms).build()

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row per adverse-event record, and one per death that only DS or DM records.

        Columns: `USUBJID`, `subject` (row of `subjects`, -1 = none), `domain`, `record_key`, `event_key`, `event`
        (number of the event whose state the row is), `ae_row` (row of the AE frame, -1 = from DS or DM), `known_at`,
        `AEDECOD`, `onset_lo/_hi` (possible days, NaT = unknown), `onset_assumed` (dated after the cut-off: counts on
        its entry date), `grade` (1..5, 0 = not recorded), `contradiction` (criterion met though AESER = N), and as
        NO / UNKNOWN / YES: `serious`, `death`, `related`, `unexpected`, `treated_lesion`, `control_lesion`,
        `treatment_emergent`.
        """
        known_by = np.datetime64(cutoff_day(self.snapshot.known_at, self.snapshot.study.timezone), "D")
        return EventTable(self.domains, self.subjects, self.derivation, self.cutoff, known_by).build()

    def event_column(self, name: str) -> NDArray[Any]:
        """A column of `events` as an array; days as datetime64[D], text as Python strings."""
        return cast(NDArray[Any], self.remember(("event", name), lambda: _array(self.events[name])))

    def remember(self, key: Any, make: Callable[[], Any]) -> Any:
        """A value computed once for this snapshot, for rules that share a step."""
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def lacks(self, required: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """What is missing for a rule: names of absent domains ("AE") and columns ("AE.AEREL").

        A column may be written with alternatives: "AETOXGR|AESEV". The word FIRST_DOSE as a domain asks for a source
        of first doses: DM.RFXSTDTC or EX.EXSTDTC.
        """
        found = []
        for domain, columns in required.items():
            if domain == "FIRST_DOSE":
                if not (self.domains["DM"].has("RFXSTDTC") or self.domains["EX"].has("EXSTDTC")):
                    found.append("first doses (DM.RFXSTDTC or EX.EXSTDTC)")
            elif domain not in self.snapshot.frames:
                found.append(domain)
            else:
                have = self.domains[domain]
                found += [f"{domain}.{c.replace('|', ' or ')}" for c in columns if not any(map(have.has, c.split("|")))]
        return tuple(found)

    def population(self, name: Population) -> Bools:
        """Subjects of a population, as flags on `subjects`."""
        if name == "all":
            return np.ones(len(self.subjects), dtype=bool)
        return self.subjects[name].to_numpy(dtype=bool)

    def perhaps_treated(self) -> Bools:
        """Subjects without a recorded first dose of whom nothing says that they were not dosed, as flags.

        Doses are entered late: only a screen failure is taken as not treated. Rules count the events of these subjects
        as doubts; no population, and so no denominator, holds them.
        """
        table = self.subjects
        return np.asarray(~(table["treated"].to_numpy(dtype=bool) | table["screen_failure"].to_numpy(dtype=bool)))

    def populations(self) -> dict[str, int]:
        """Number of subjects in each population; tables that name one show this number."""
        return {name: int(self.population(name).sum()) for name in ("all", "randomised", "treated", "assessed")}

    def counts(self, population: Population = "treated") -> dict[str, tuple[int, int]]:
        """Subjects and events of a population by what they are, for summaries.

        Keys: `any`, `serious`, `related`, `severe` (worst grade ≥ 3), `death`, `treatment_emergent`. Unknown
        causality, emergence and grade count as the unsafe value, as they do in rules. Several states of one event are
        one event.
        """
        events = self.events
        subject = events["subject"].to_numpy()
        inside = np.append(self.population(population), False)[subject]
        kinds = {name: events[name].to_numpy() > 0 for name in ("serious", "related", "death", "treatment_emergent")}
        grade = events["grade"].to_numpy()
        kinds |= {"any": np.ones(len(events), dtype=bool), "severe": (grade >= 3) | (grade == 0)}
        ae_only = events["ae_row"].to_numpy() >= 0
        kinds["any"] &= ae_only
        return {k: _subjects_and_events(events, inside & kinds[k]) for k in sorted(kinds)}

    def window_end(self, after_days: int) -> Days:
        """Last day of each subject's window; the latest possible where the first dose is a partial date."""
        return later(self.subjects["first_dose_hi"].to_numpy("datetime64[D]"), after_days)

    def window_closed(self, after_days: int) -> Bools:
        """Subjects followed through the whole window, whatever their outcome: the denominator of rates."""
        through = self.subjects["followed_through"].to_numpy("datetime64[D]")
        return np.asarray(through >= self.window_end(after_days))

    def person_days(self, first_event: Days | None = None, after_days: int | None = None) -> NDArray[np.float64]:
        """Days at risk of each subject, from first dose; 0 where not dosed or never assessed since: `at_risk`."""
        start, end = self.at_risk(first_event, after_days)
        known = ~np.isnat(end) & ~np.isnat(start)
        return np.where(known, np.maximum((end - start).astype(np.float64), 0.0), 0.0)

    def at_risk(
        self,
        first_event: Days | None = None,
        after_days: int | None = None,
        *,
        start: Literal["lo", "hi"] = "lo",
        stop: Literal["lo", "hi"] = "lo",
        through: Days | None = None,
    ) -> Span:
        """First and last day at risk of each subject; NaT where not dosed or never assessed.

        Person-time ends at the earliest of event, followed-through, window end, withdrawal and death.

        Parameters
        ----------
        first_event: day of each subject's event, NaT where none.
        after_days: length of the window, None for no window.
        start, stop: which possible day of a partial first dose, and of a partial withdrawal or death, is taken.
        through: until when each subject is taken as followed; None = as documented.
        """
        table = self.subjects
        begin = table[f"first_dose_{start}"].to_numpy("datetime64[D]")
        end = table["followed_through"].to_numpy("datetime64[D]") if through is None else through
        stops = [table[f"{name}_{stop}"].to_numpy("datetime64[D]") for name in ("withdrawn", "death")]
        stops += [first_event] if first_event is not None else []
        stops += [later(begin, after_days)] if after_days is not None else []
        known = ~np.isnat(end)
        for one in stops:
            end = np.fmin(end, one)
        return Span(begin, np.where(known, end, NAT))

    def contradictions(self) -> tuple[str, ...]:
        """Record keys of events recorded as not serious although a criterion is met, sorted: a query each."""
        events = self.events
        return tuple(sorted(events.loc[events["contradiction"], "record_key"]))


def _array(column: pd.Series) -> NDArray[Any]:
    if isinstance(column.dtype, pd.StringDtype):
        return column.to_numpy(dtype=object)
    return column.to_numpy("datetime64[D]") if column.dtype.kind == "M" else column.to_numpy()


def _subjects_and_events(events: pd.DataFrame, flags: Bools) -> tuple[int, int]:
    chosen = events.loc[flags, ["subject", "event"]]
    return int(chosen["subject"].nunique()), int(chosen["event"].nunique())
