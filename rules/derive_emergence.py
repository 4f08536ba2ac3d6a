"""Is an event treatment-emergent: by its onset, or by a grade that worsened after first dose?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rules.columns import NAT, NO, UNKNOWN, YES, Bools, Days, Ints, Levels, Span, any_in, highest, later, levels


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
        self.ongoing = known & _flag_at(subjects, "treatment_ongoing", at)
        self.screen_failure = known & _flag_at(subjects, "screen_failure", at)

    def emergent(self, onset: Span) -> Levels:
        """Onset from first dose (same day included) to the limit: `YES` on every possible day, `NO` on none.

        The limit ends the search only where treatment is documented to have ended: later dosing may not be
        entered yet. While nothing says that it ended, every onset from first dose is certain, just as where no
        exposure is recorded at all. An onset in a subject without a recorded first dose is unknown, except in a
        screen failure.
        """
        undosed = np.isnat(self.first.lo)
        possible = ~(onset.hi < self.first.lo) & ~self.after_limit(onset.lo)
        by_limit = self.ongoing | np.isnat(self.limit.lo) | (onset.hi <= self.limit.lo)
        certain = (onset.lo >= self.first.hi) & by_limit
        yes = certain & ~undosed
        no = np.where(undosed, self.screen_failure, ~possible)
        return levels(yes, no)

    def after_limit(self, day: Days) -> Bools:
        """Certainly later than the last dose and its follow-up, with treatment documented to have ended."""
        return np.asarray(self.ended & (day > self.limit.hi))


def with_worsening(by_onset: Levels, dosing: Dosing, onset: Span, assessed: Days, event: Ints, grade: Levels) -> Levels:
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
