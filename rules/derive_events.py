"""One row for each adverse-event record: onset, grade, causality, seriousness, emergence, each with its doubt.

Facts are `YES`, `UNKNOWN` or `NO` (rules.columns); `UNKNOWN` counts as the unsafe value wherever it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from rules.columns import (
    NAT,
    NO,
    UNKNOWN,
    YES,
    Bools,
    Columns,
    Days,
    Ints,
    Levels,
    Span,
    any_in,
    highest,
    later,
    levels,
)
from rules.derive_subjects import TRUE_WORDS
from rules.errors import SnapshotError
from rules.model import Derivation
from rules.sdtm import CRITERIA

FALSE_WORDS = frozenset({"N", "NO", "FALSE", "0"})
"""How a flag says no."""

_GRADE = re.compile(r"(?:GRADE\s*)?([1-5])(?:\.0+)?")


class EventTable:
    """Builds the event table of one snapshot from AE, and from deaths that only DS or DM record.

    Parameters
    ----------
    domains: columns of AE, DS and DM.
    subjects: the subject table.
    derivation: code lists and `followup_days`.
    cutoff: clinical cut-off.
    """

    def __init__(
        self,
        domains: Mapping[str, Columns],
        subjects: pd.DataFrame,
        derivation: Derivation,
        cutoff: np.datetime64,
    ) -> None:
        self._ae, self._ds, self._dm = (domains[name] for name in ("AE", "DS", "DM"))
        ae = self._ae
        self._subjects, self._derivation, self._cutoff = subjects, derivation, cutoff
        self._entered = _entered(ae)
        self.rows = np.flatnonzero(self._counts_by_cutoff())
        self._subject = ae.subject_at(subjects.index)[self.rows]

    def build(self) -> pd.DataFrame:
        """The table; columns are documented at `rules.derive.Facts.events`."""
        ae, rows = self._ae, self.rows
        table = pd.DataFrame({"USUBJID": ae.subject.iloc[rows].to_numpy(), "subject": self._subject, "ae_row": rows})
        table["domain"] = pd.Series("AE", index=table.index, dtype="str")
        for name in ("record_key", "event_key", "known_at"):
            table[name] = ae.text(name).iloc[rows].array
        table["known_at"] = pd.to_datetime(table["known_at"], utc=True)
        table["AEDECOD"] = ae.text("AEDECOD").iloc[rows].array
        table["event"] = _event_numbers(table)
        self._add_facts(table, self._onset())
        if not self._dead_elsewhere().any():
            return table
        return pd.concat([table, self._other_deaths(table)], ignore_index=True)

    def _add_facts(self, table: pd.DataFrame, onset: Span) -> None:
        ae, codes, rows = self._ae, self._derivation, self.rows
        table["onset_lo"], table["onset_hi"] = onset.lo.astype("datetime64[s]"), onset.hi.astype("datetime64[s]")
        table["onset_assumed"] = self._after_cutoff()[rows]
        fatal = self._fatal()
        table["death"] = levels(fatal, ~fatal)[rows]
        table["serious"] = self._serious()[rows]
        table["contradiction"] = self._contradiction()[rows]
        table["related"] = levels(ae.isin("AEREL", codes.related), ae.isin("AEREL", codes.unrelated))[rows]
        table["unexpected"] = self._unexpected()[rows]
        treated_lesion = ~ae.isin("LESROLE", codes.control_lesion | codes.systemic)
        table["treated_lesion"] = levels(ae.isin("LESROLE", codes.treated_lesion), ~treated_lesion)[rows]
        table["control_lesion"] = levels(ae.isin("LESROLE", codes.control_lesion), treated_lesion)[rows]
        table.loc[table["control_lesion"] == UNKNOWN, "control_lesion"] = NO
        table["grade"] = self._grade()[rows]
        table["treatment_emergent"] = self._emergent(table, onset)

    def _counts_by_cutoff(self) -> Bools:
        """Records whose onset may lie by the cut-off, and those dated after it but recorded before."""
        return ~(self._ae.days("AESTDTC").lo > self._cutoff) | (self._entered <= self._cutoff)

    def _after_cutoff(self) -> Bools:
        return np.asarray(self._ae.days("AESTDTC").lo > self._cutoff)

    def _onset(self) -> Span:
        """Possible days of onset by the cut-off; an onset dated after it counts on its entry date."""
        onset = self._ae.days("AESTDTC").take(self.rows)
        entered, beyond = self._entered[self.rows], self._after_cutoff()[self.rows]
        lo = np.where(beyond, entered, onset.lo)
        return Span(lo, np.where(beyond, entered, np.minimum(onset.hi, self._cutoff)))

    def _fatal(self) -> Bools:
        return self._ae.isin("AESDTH", TRUE_WORDS) | self._ae.isin("AEOUT", self._derivation.fatal_outcome)

    def _by_criterion(self) -> Bools:
        met = [self._ae.isin(name, TRUE_WORDS) for name in CRITERIA]
        return np.asarray(np.logical_or.reduce([*met, self._fatal()]))

    def _contradiction(self) -> Bools:
        """Recorded as not serious although a criterion is met: counts as serious, and is a question to the site."""
        return np.asarray(self._by_criterion() & self._ae.isin("AESER", FALSE_WORDS))

    def _serious(self) -> Levels:
        """AESER = Y, or a criterion, or a fatal outcome. Unknown only where none of these flags says anything."""
        yes = self._by_criterion() | self._ae.isin("AESER", TRUE_WORDS)
        said = [self._ae.isin(name, FALSE_WORDS) for name in ("AESER", *CRITERIA)]
        return levels(yes, np.logical_or.reduce(said))

    def _unexpected(self) -> Levels:
        """A study that records no expectedness takes every event as unexpected; where it does, a blank is unknown."""
        if not self._records_expectedness():
            return np.full(len(self._ae), YES, dtype=np.int8)
        codes = self._derivation
        return levels(self._ae.isin("EXPECTED", codes.unexpected), self._ae.isin("EXPECTED", codes.expected))

    def _records_expectedness(self) -> bool:
        return not bool(self._ae.blank("EXPECTED").all())

    def _grade(self) -> Levels:
        """AETOXGR 1..5, or AETOXGR or AESEV through the study's map; 0 where no grade is recorded."""
        known = {word.strip().upper(): grade for word, grade in self._derivation.grades.items()}
        toxicity = self._ae.mapped("AETOXGR", _numeric_grades(self._ae.codes("AETOXGR")[1]) | known)
        severity = self._ae.mapped("AESEV", known)
        return np.where(toxicity > 0, toxicity, severity).astype(np.int8)

    def _emergent(self, table: pd.DataFrame, onset: Span) -> Levels:
        dosing = Dosing(self._subjects, self._subject, self._derivation.followup_days)
        by_onset = dosing.emergent(onset)
        by_onset[table["onset_assumed"].to_numpy() & (by_onset == YES)] = UNKNOWN
        assessed = self._ae.days("AEDTC").take(self.rows)
        event = table["event"].to_numpy()
        return _with_worsening(by_onset, dosing, onset, assessed.lo, event, table["grade"].to_numpy())

    def _dead_elsewhere(self) -> Bools:
        """Subjects whose death DS or DM records and no adverse event does."""
        by_ae = any_in(
            len(self._subjects), self._subject[self._subject >= 0], self._fatal()[self.rows][self._subject >= 0]
        )
        return np.asarray(self._subjects["dead_by_record"].to_numpy() & ~by_ae)

    def _other_deaths(self, recorded: pd.DataFrame) -> pd.DataFrame:
        """One event for each such death: serious, fatal, grade 5, causality unknown, the day that DS or DM gives."""
        at = np.flatnonzero(self._dead_elsewhere()).astype(np.int64)
        dead = self._subjects.iloc[at]
        onset = Span(*(dead[f"death_{end}"].to_numpy("datetime64[D]") for end in ("lo", "hi")))
        emergent = Dosing(self._subjects, at, self._derivation.followup_days).emergent(onset)
        source = pd.DataFrame([self._death_record(str(name)) for name in dead.index], index=at)
        table = pd.DataFrame({"USUBJID": dead.index.to_numpy(), "subject": at, "ae_row": -1})
        table["event_key"] = [f"{name}:death" for name in dead.index]
        table["event"] = np.arange(len(at)) + int(recorded["event"].max() + 1 if len(recorded) else 0)
        table["domain"], table["record_key"] = source["domain"].to_numpy(), source["record_key"].to_numpy()
        table["known_at"] = pd.to_datetime(source["known_at"].to_numpy(), utc=True)
        table["AEDECOD"] = "Death"
        table["onset_lo"], table["onset_hi"] = onset.lo.astype("datetime64[s]"), onset.hi.astype("datetime64[s]")
        table["onset_assumed"], table["contradiction"] = False, False
        for name, level in (("death", YES), ("serious", YES), ("related", UNKNOWN), ("treated_lesion", NO)):
            table[name] = np.int8(level)
        table["unexpected"] = np.int8(UNKNOWN if self._records_expectedness() else YES)
        table["control_lesion"], table["grade"] = np.int8(NO), np.int8(5)
        table["treatment_emergent"] = emergent
        return table

    def _death_record(self, usubjid: str) -> dict[str, object]:
        """The record that tells of a death: the first in DS, else the subject's row in DM."""
        for columns, keep in ((self._ds, self._ds.isin("DSDECOD", self._derivation.death)), (self._dm, None)):
            mine = (columns.subject == usubjid).to_numpy(dtype=bool)
            rows = columns.frame[mine if keep is None else mine & keep]
            if len(rows):
                first = rows.sort_values("record_key").iloc[0]
                return {"domain": columns.domain, "record_key": first["record_key"], "known_at": first["known_at"]}
        raise SnapshotError(f"a death is recorded for a subject without a row in DS or DM: {usubjid}")


class Dosing:
    """When the subject of each row was dosed, for the question whether a day is on treatment.

    Parameters
    ----------
    subjects: the subject table.
    at: its row for each record; -1 = none.
    followup_days: days after last dose that still count.
    """

    def __init__(self, subjects: pd.DataFrame, at: Ints, followup_days: int) -> None:
        known = np.append(at, -1)[:-1] >= 0
        self.first = _span_at(subjects, "first_dose", at, known)
        last = _span_at(subjects, "last_dose", at, known)
        self.limit = Span(later(last.lo, followup_days), later(last.hi, followup_days))
        self.ended = known & _flag_at(subjects, "treatment_ended", at)
        self.screen_failure = known & _flag_at(subjects, "screen_failure", at)

    def emergent(self, onset: Span) -> Levels:
        """Onset from first dose (same day included) to the limit: `YES` on every possible day, `NO` on none.

        The limit ends the search only where treatment is documented to have ended: later dosing may not be
        entered yet. An onset in a subject without a recorded first dose is unknown, except in a screen failure.
        """
        undosed = np.isnat(self.first.lo)
        possible = ~(onset.hi < self.first.lo) & ~self.after_limit(onset.lo)
        certain = (onset.lo >= self.first.hi) & (np.isnat(self.limit.lo) | (onset.hi <= self.limit.lo))
        yes = certain & ~undosed
        no = np.where(undosed, self.screen_failure, ~possible)
        return levels(yes, no)

    def after_limit(self, day: Days) -> Bools:
        """Certainly later than the last dose and its follow-up, with treatment documented to have ended."""
        return np.asarray(self.ended & (day > self.limit.hi))


def _with_worsening(
    by_onset: Levels, dosing: Dosing, onset: Span, assessed: Days, event: Ints, grade: Levels
) -> Levels:
    """Treatment-emergence of rows that are states of an event which began before first dose.

    Such a state is emergent only when it is dated on or after first dose and its grade is worse than before:
    the worst grade of the states dated before first dose, or of the first state where none is. The date of a state
    is its onset where that is on treatment, else the day its form was reviewed. A missing grade may be worse.
    """
    before = np.asarray(onset.hi < dosing.first.lo)
    size = int(event.max(initial=-1)) + 1
    began_before = any_in(size, event, before)[event]
    if not began_before.any():
        return by_onset
    stated = np.where(before, assessed, onset.lo)
    early = began_before & ~(stated >= dosing.first.lo)
    has_early = any_in(size, event, early)[event]
    first_state = began_before & ~has_early & (stated == _first_by(size, event, stated))
    base = early | first_state
    baseline = highest(size, event[base], grade[base])[event]
    unknown = (grade == 0) | any_in(size, event[base], grade[base] == 0)[event]
    on_treatment = began_before & ~base & ~dosing.after_limit(stated)
    worse = np.where(unknown, UNKNOWN, np.where(grade > baseline, YES, NO))
    result = np.where(began_before, np.where(on_treatment, worse, NO), by_onset)
    keeps_doubt = began_before & np.isnat(onset.lo)
    return np.where(keeps_doubt, by_onset, result).astype(np.int8)


def _first_by(size: int, event: Ints, days: Days) -> Days:
    known = np.where(np.isnat(days), np.datetime64("9999-12-31", "D"), days)
    found = np.full(size, np.datetime64("9999-12-31", "D"))
    np.minimum.at(found, event, known)
    return np.asarray(found[event])


def _span_at(subjects: pd.DataFrame, name: str, at: Ints, known: Bools) -> Span:
    if not len(subjects):
        return Span(np.full(len(at), NAT), np.full(len(at), NAT))
    columns = (subjects[f"{name}_{end}"].to_numpy("datetime64[D]") for end in ("lo", "hi"))
    return Span(*(np.where(known, days[at], NAT) for days in columns))


def _flag_at(subjects: pd.DataFrame, name: str, at: Ints) -> Bools:
    return subjects[name].to_numpy(dtype=bool)[at] if len(subjects) else np.zeros(len(at), dtype=bool)


def _entered(ae: Columns) -> Days:
    """The day each record became known: entered at the source where that is recorded, else read by us."""
    read = _moments(ae.text("known_at")).to_numpy("datetime64[D]")
    entered = ae.days("ENTRYDTC").lo
    return np.where(np.isnat(entered), read, entered)


def _moments(series: pd.Series) -> pd.DatetimeIndex:
    """Times as UTC without zone."""
    return pd.DatetimeIndex(pd.to_datetime(series, utc=True)).tz_convert("UTC").tz_localize(None)


def _numeric_grades(words: list[str]) -> dict[str, int]:
    """Words that say a CTCAE grade by number: "3", "3.0", "GRADE 3"."""
    found = ((word, _GRADE.fullmatch(word)) for word in words)
    return {word: int(match[1]) for word, match in found if match}


def _event_numbers(table: pd.DataFrame) -> Ints:
    """Number of each row's event. Raises SnapshotError where one event_key names two subjects."""
    numbers = pd.factorize(table["event_key"])[0].astype(np.int64)
    first_subject = np.full(int(numbers.max(initial=-1)) + 1, -2, dtype=np.int64)
    subject = table["subject"].to_numpy()
    first_subject[numbers[::-1]] = subject[::-1]
    if (first_subject[numbers] != subject).any():
        raise SnapshotError("one event_key names events of two subjects in AE: map an event_key that holds USUBJID")
    return numbers
