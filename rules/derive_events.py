"""One row for each adverse-event record: onset, grade, causality, seriousness, emergence, each with its doubt.

Facts are `YES`, `UNKNOWN` or `NO` (rules.columns); `UNKNOWN` counts as the unsafe value wherever it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rules.columns import NO, UNKNOWN, YES, Bools, Columns, Days, Ints, Levels, Span, any_in, levels
from rules.derive_emergence import Dosing, with_worsening
from rules.derive_subjects import TRUE_WORDS, Table
from rules.errors import SnapshotError
from rules.model import Derivation
from rules.sdtm import CRITERIA

FALSE_WORDS = frozenset({"N", "NO", "FALSE", "0"})
"""How a flag says no."""

_LESIONS = ("treated_lesion", "control_lesion")
_GRADE = re.compile(r"(?:GRADE\s*)?([1-5])(?:\.0+)?")


class EventTable:
    """Builds the event table of one snapshot from AE, and from deaths that only DS or DM record.

    Parameters
    ----------
    domains: columns of AE, DS and DM.
    subjects: the subject table.
    derivation: code lists and `followup_days`.
    cutoff: clinical cut-off.   known_by: the day by which everything in the snapshot was known.
    """

    def __init__(
        self,
        domains: Mapping[str, Columns],
        subjects: pd.DataFrame,
        derivation: Derivation,
        cutoff: np.datetime64,
        known_by: np.datetime64,
    ) -> None:
        self._ae, self._ds, self._dm = (domains[name] for name in ("AE", "DS", "DM"))
        self._subjects, self._derivation, self._cutoff = subjects, derivation, cutoff
        self._entered = _entered(self._ae, known_by)
        self.rows = np.flatnonzero(self._counts_by_cutoff())
        places = {str(name): at for at, name in enumerate(subjects.index.tolist())}
        self._subject = self._ae.subject_at(places)[self.rows]

    def build(self) -> pd.DataFrame:
        """The table; columns are documented at `rules.derive.Facts.events`."""
        ae, rows = self._ae, self.rows
        number = _event_numbers(ae.text("event_key").iloc[rows], self._subject)
        table: Table = {"subject": self._subject, "ae_row": rows, "event": number}
        self._add_facts(table, self._onset(), number)
        frame = {name: ae.text(name).iloc[rows].array for name in ("USUBJID", "record_key", "event_key", "AEDECOD")}
        frame["domain"] = pd.array(["AE"] * len(rows), dtype="str")
        frame["known_at"] = ae.known().take(rows)
        built = pd.DataFrame(frame | table)
        dead = self._dead_elsewhere()
        return pd.concat([built, self._other_deaths(dead, number)], ignore_index=True) if dead.any() else built

    def _add_facts(self, table: Table, onset: Span, event: Ints) -> None:
        ae, codes, rows, fatal = self._ae, self._derivation, self.rows, self._fatal()
        table["onset_lo"], table["onset_hi"] = (days.astype("datetime64[s]") for days in onset)
        table["onset_assumed"] = self._after_cutoff()[rows]
        table["death"] = levels(fatal, ~fatal)[rows]
        table["serious"] = self._serious(fatal)[rows]
        table["contradiction"] = (self._by_criterion(fatal) & ae.isin("AESER", FALSE_WORDS))[rows]
        table["related"] = levels(ae.isin("AEREL", codes.related), ae.isin("AEREL", codes.unrelated))[rows]
        table["unexpected"] = self._unexpected()[rows]
        control = ae.isin("LESROLE", codes.control_lesion)
        treated = levels(ae.isin("LESROLE", codes.treated_lesion), control | ae.isin("LESROLE", codes.systemic))
        table["treated_lesion"], table["control_lesion"] = treated[rows], levels(control, ~control)[rows]
        table["grade"] = self._grade()[rows]
        table["treatment_emergent"] = self._emergent(table, onset, event)

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

    def _by_criterion(self, fatal: Bools) -> Bools:
        return np.asarray(np.logical_or.reduce([fatal, *(self._ae.isin(name, TRUE_WORDS) for name in CRITERIA)]))

    def _serious(self, fatal: Bools) -> Levels:
        """AESER = Y, or a criterion, or a fatal outcome. Unknown only where none of these flags says anything."""
        yes = self._by_criterion(fatal) | self._ae.isin("AESER", TRUE_WORDS)
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

    def _emergent(self, table: Table, onset: Span, event: Ints) -> Levels:
        dosing = Dosing(self._subjects, self._subject, self._derivation.followup_days)
        by_onset = dosing.emergent(onset)
        by_onset[table["onset_assumed"] & (by_onset == YES)] = UNKNOWN
        assessed = self._ae.days("AEDTC").take(self.rows)
        return with_worsening(by_onset, dosing, onset, assessed.lo, event, table["grade"])

    def _dead_elsewhere(self) -> Bools:
        """Subjects whose death DS or DM records and no adverse event does."""
        known = self._subject >= 0
        by_ae = any_in(len(self._subjects), self._subject[known], self._fatal()[self.rows][known])
        return np.asarray(self._subjects["dead_by_record"].to_numpy(dtype=bool) & ~by_ae)

    def _other_deaths(self, dead: Bools, events: Ints) -> pd.DataFrame:
        """One event for each such death: serious, fatal, grade 5, causality unknown, the day that DS or DM gives."""
        at = np.flatnonzero(dead)
        names = [str(name) for name in self._subjects.index[at]]
        onset = Span(*(self._subjects[f"death_{end}"].to_numpy("datetime64[D]")[at] for end in ("lo", "hi")))
        table: dict[str, Any] = {"subject": at, "ae_row": -1}
        table["event"] = np.arange(len(at)) + int(events.max(initial=-1)) + 1
        table["onset_lo"], table["onset_hi"] = (days.astype("datetime64[s]") for days in onset)
        table |= {"onset_assumed": False, "contradiction": False, "grade": np.int8(5)}
        unexpected = UNKNOWN if self._records_expectedness() else YES
        said = {"death": YES, "serious": YES, "related": UNKNOWN, "unexpected": unexpected}
        table |= {name: np.int8(level) for name, level in (said | dict.fromkeys(_LESIONS, NO)).items()}
        table["treatment_emergent"] = Dosing(self._subjects, at, self._derivation.followup_days).emergent(onset)
        texts = pd.DataFrame([self._death_record(name) for name in names])
        texts["USUBJID"], texts["event_key"], texts["AEDECOD"] = names, [f"{name}:death" for name in names], "Death"
        return pd.concat([texts.astype({n: "str" for n in texts if n != "known_at"}), pd.DataFrame(table)], axis=1)

    def _death_record(self, usubjid: str) -> dict[str, object]:
        """The record that tells of a death: the first in DS, else the subject's row in DM."""
        for columns, keep in ((self._ds, self._ds.isin("DSDECOD", self._derivation.death)), (self._dm, None)):
            mine = (columns.text("USUBJID") == usubjid).to_numpy(dtype=bool)
            rows = columns.frame[mine if keep is None else mine & keep]
            if len(rows):
                first = rows.sort_values("record_key").iloc[0]
                return {"domain": columns.domain, "record_key": first["record_key"], "known_at": first["known_at"]}
        raise SnapshotError(f"a death is recorded for a subject without a row in DS or DM: {usubjid}")


def _entered(ae: Columns, known_by: np.datetime64) -> Days:
    """The day each record became known: entered at the source where that is recorded, else read by us.

    Never later than the snapshot itself: an entry date in the future is mistyped, and what is here is known.
    """
    entered, read = ae.days("ENTRYDTC").lo, ae.known().tz_localize(None).to_numpy("datetime64[D]")
    return np.minimum(np.where(np.isnat(entered), read, entered), known_by)


def _numeric_grades(words: list[str]) -> dict[str, int]:
    """Words that say a CTCAE grade by number: "3", "3.0", "GRADE 3"."""
    found = ((word, _GRADE.fullmatch(word)) for word in words)
    return {word: int(match[1]) for word, match in found if match}


def _event_numbers(keys: pd.Series, subject: Ints) -> Ints:
    """Number of each row's event. Raises SnapshotError where one event_key names two subjects."""
    numbers = pd.factorize(keys)[0].astype(np.int64)
    first_subject = np.full(int(numbers.max(initial=-1)) + 1, -2, dtype=np.int64)
    first_subject[numbers[::-1]] = subject[::-1]
    if (first_subject[numbers] != subject).any():
        raise SnapshotError("one event_key names events of two subjects in AE: map an event_key that holds USUBJID")
    return numbers
