"""Which events a rule means: every filter key as NO / UNKNOWN / YES on whole columns, then one row per event.

A fact that is not recorded matches, and the variable it hangs on is named. Two keys are judged row by row
(an upward grade and treatment-emergence, for a state counts from when it was reached); all others for the event
as a whole, by the worse of its states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rules.columns import NAT, NO, UNKNOWN, YES, Bools, Columns, Ints, Levels, any_in, folded, highest, levels
from rules.derive import Facts
from rules.errors import RuleError
from rules.kinds.hours import soon_after_dose
from rules.kinds.words import EventFilter, Grade
from rules.sdtm import KEEP

_OFTEN = (
    *("AEREL", "AESER", "AETOXGR", "AESEV", "AEDECOD", "AEBODSYS", "AESTDTC"),
    *("RFXSTDTC", "RFXENDTC", "LESROLE", "EXPECTED", "DTHDTC", "ACTARMCD"),
)
_ELSEWHERE = ("EXSTDTC", "LBDTC", "LBSTRESN")
VARIABLES: tuple[str, ...] = tuple(dict.fromkeys((*_OFTEN, *KEEP["AE"], *_ELSEWHERE)))
"""SDTM variables whose value can decide a match; a set of them is a bit mask in this order (fewer than 63)."""

_BIT = {name: 1 << i for i, name in enumerate(VARIABLES)}
_WORST = 5


def named(mask: int) -> tuple[str, ...]:
    """The variables of a bit mask, in the order of `VARIABLES`."""
    return tuple(name for name in VARIABLES if mask & _BIT[name])


def bit(variable: str) -> int:
    """Bit of a variable in a mask of missing variables."""
    return _BIT[variable]


@dataclass(frozen=True, slots=True)
class Match:
    """How a filter fits each row of `Facts.events`.

    Parameters
    ----------
    level: NO, UNKNOWN or YES, shape (rows,).
    missing: bit mask of the variables that an UNKNOWN hangs on, shape (rows,).
    against: bit mask of the variables by which a row does not match, shape (rows,).
    """

    level: Levels
    missing: Ints
    against: Ints

    def also(self, level: Levels, variables: Ints) -> Match:
        """Both must hold: the lower level decides, and every doubt is kept."""
        missing, against = (named_by | np.where(level == of, variables, 0) for named_by, of in self._by_level())
        return Match(np.minimum(self.level, level), missing, against)

    def _by_level(self) -> tuple[tuple[Ints, int], tuple[Ints, int]]:
        return (self.missing, UNKNOWN), (self.against, NO)


def needs(filters: Iterable[EventFilter | None]) -> dict[str, tuple[str, ...]]:
    """Domains and columns that filters read, in the notation of `Facts.lacks`."""
    columns, first_dose, doses = ["USUBJID"], False, False
    for one in filter(None, filters):
        columns += ["AEREL"] if one.related is not None else []
        columns += ["AETOXGR|AESEV"] if one.grade is not None else []
        columns += ["AEDECOD"] if one.terms else []
        columns += ["AEBODSYS|AESOC"] if one.soc else []
        columns += ["AESER|AESDTH|AESLIFE|AESHOSP|AESDISAB|AESCONG|AESMIE|AEOUT"] if one.serious is not None else []
        columns += ["LESROLE"] if one.lesion_role in ("treated", "control") else []
        columns += list(one.where)
        if one.treatment_emergent is not None:
            columns.append("AESTDTC")
            first_dose = True
        doses = doses or one.hours_after_dose is not None
    found = {"AE": tuple(dict.fromkeys(columns))} | ({"FIRST_DOSE": ()} if first_dose else {})
    return found | ({"EX": ("EXSTDTC",)} if doses else {})


def match(facts: Facts, wanted: EventFilter, *, own: bool = False) -> Match:
    """How a filter fits each row of `facts.events`.

    Parameters
    ----------
    wanted: the filter.
    own: each row by its own facts; else by the worse of the states of its event. What a filter asks *against*
        (`related: false`) is always judged on the event as a whole: one related state suffices to be related.

    Raises
    ------
    RuleError: a term list that the study does not have.
    """
    size = len(facts.events)
    nothing = np.zeros(size, dtype=np.int64)
    found = Match(np.full(size, YES, dtype=np.int8), nothing, nothing)
    asked = (("related", "AEREL"), ("serious", "AESER"), ("unexpected", "EXPECTED"), ("death", "AESER"))
    for name, variable in asked:
        answer = getattr(wanted, name)
        if answer is not None:
            level = _fact(facts, name, own and answer)
            found = found.also(_answered(level, answer), nothing + _BIT[variable])
    if wanted.lesion_role in ("treated", "control"):
        found = found.also(_fact(facts, f"{wanted.lesion_role}_lesion", own), nothing + _BIT["LESROLE"])
    if wanted.grade is not None:
        found = found.also(*_graded(facts, wanted.grade))
    if wanted.terms:
        found = found.also(*_coded_terms(facts, wanted.terms, own))
    if wanted.soc:
        found = found.also(*_organ_class(facts, wanted.soc, own))
    if wanted.treatment_emergent is not None:
        level = _answered(facts.event_column("treatment_emergent"), wanted.treatment_emergent)
        found = found.also(level, _emergence_doubt(facts))
    if wanted.hours_after_dose is not None:
        level, timed = soon_after_dose(facts, wanted.hours_after_dose)
        found = found.also(level, np.where(timed, _BIT["EXSTDTC"], _BIT["AESTDTC"]))
    for variable, values in wanted.where.items():
        found = found.also(_recorded(facts, variable, values), nothing + _BIT[variable])
    if not wanted.reaches_deaths:
        elsewhere = facts.event_column("ae_row") < 0
        found = found.also(levels(~elsewhere, elsewhere), nothing)
    return found


def _answered(level: Levels, answer: bool) -> Levels:
    """A fact asked for, or asked against: unknown stays unknown."""
    return level if answer else np.asarray(YES - level, dtype=np.int8)


def _fact(facts: Facts, name: str, own: bool) -> Levels:
    """A fact of each row by itself, or by the worse of the states of its event."""
    return facts.event_column(name) if own else _of_event(facts, name)


def _of_event(facts: Facts, name: str) -> Levels:
    """A fact by the worse of the states of each event, on every row of it."""
    found: Levels = facts.remember(("whole", name), lambda: _highest_of_event(facts, facts.event_column(name)))
    return found


def _highest_of_event(facts: Facts, values: Levels) -> Levels:
    event = facts.event_column("event")
    return np.asarray(highest(event_count(facts), event, values)[event], dtype=np.int8)


def event_count(facts: Facts) -> int:
    """Number of distinct events in `facts.events`."""
    return int(facts.event_column("event").max(initial=-1)) + 1


def worst_grade(facts: Facts) -> Levels:
    """Worst recorded grade of each row's event, 0 where none is recorded."""
    return _of_event(facts, "grade")


def _graded(facts: Facts, wanted: Grade) -> tuple[Levels, Ints]:
    """Upwards: the row's own grade. Otherwise the worst grade of the event must fit, and a missing one may be worse."""
    own = facts.event_column("grade")
    if wanted.upwards:
        level = levels(_compared(own, wanted) & (own > 0), ~_compared(own, wanted) & (own > 0))
    else:
        event = facts.event_column("event")
        doubtful = any_in(event_count(facts), event, own == 0)[event]
        worst = worst_grade(facts)
        possible = np.logical_or.reduce([_compared(np.maximum(worst, g), wanted) for g in range(1, _WORST + 1)])
        level = np.where(doubtful, np.where(possible, UNKNOWN, NO), np.where(_compared(worst, wanted), YES, NO))
    return level.astype(np.int8), np.full(len(own), _BIT[_grade_variable(facts.domains["AE"])], dtype=np.int64)


def _compared(grade: Levels, wanted: Grade) -> Bools:
    compare = {
        ">=": np.greater_equal, ">": np.greater, "=": np.equal, "<": np.less, "<=": np.less_equal,
    }[wanted.operator]  # fmt: skip
    return np.asarray(compare(grade, wanted.value))


def _grade_variable(ae: Columns) -> str:
    """The variable that a study fills in for grades: AETOXGR where it is used at all, else AESEV."""
    return "AESEV" if not ae.has("AETOXGR") or (ae.has("AESEV") and bool(ae.blank("AETOXGR").all())) else "AETOXGR"


def _coded_terms(facts: Facts, names: tuple[str, ...], own: bool) -> tuple[Levels, Ints]:
    """Coded terms by list; an uncoded one by its verbatim text, and unknown where that is in no list either."""
    codes = facts.derivation
    terms, synonyms = _listed(facts, names)
    ae = facts.domains["AE"]
    uncoded = ae.blank("AEDECOD")
    said = uncoded & ae.isin("AETERM", terms | synonyms)
    yes = ae.isin("AEDECOD", terms) | said
    if not codes.terms and not codes.synonyms:
        raise RuleError("the study has no term lists; add them under 'terms:'")
    return _of_rows(facts, levels(yes, ~uncoded), UNKNOWN, "AEDECOD", own)


def _listed(facts: Facts, names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    lists, synonyms = facts.derivation.terms, facts.derivation.synonyms
    for name in names:
        if name not in lists and name not in synonyms:
            known = ", ".join(sorted({*lists, *synonyms})) or "none"
            raise RuleError(f"no term list is called {name!r}; known lists: {known}")
    return (
        frozenset().union(*(folded(lists.get(name, ())) for name in names)),
        frozenset().union(*(folded(synonyms.get(name, ())) for name in names)),
    )


def _organ_class(facts: Facts, classes: tuple[str, ...], own: bool) -> tuple[Levels, Ints]:
    ae = facts.domains["AE"]
    yes = ae.isin("AEBODSYS", classes) | ae.isin("AESOC", classes)
    unknown = ae.blank("AEBODSYS") & ae.blank("AESOC")
    return _of_rows(facts, levels(yes, ~unknown), UNKNOWN, "AEBODSYS", own)


def _of_rows(facts: Facts, of_ae: Levels, elsewhere: int, variable: str, own: bool) -> tuple[Levels, Ints]:
    """A level per AE record, on the rows of `facts.events`; deaths without a record in AE get `elsewhere`."""
    at = facts.event_column("ae_row")
    level = np.where(at >= 0, np.append(of_ae, np.int8(elsewhere))[at], elsewhere).astype(np.int8)
    level = level if own else _highest_of_event(facts, level)
    return level, np.full(len(level), _BIT[variable], dtype=np.int64)


def _recorded(facts: Facts, variable: str, values: tuple[str, ...]) -> Levels:
    """Membership as recorded: a blank is in no list, and nothing is interpreted."""
    at = facts.event_column("ae_row")
    inside = np.append(facts.domains["AE"].isin(variable, values), False)[at] & (at >= 0)
    return np.where(inside, YES, NO).astype(np.int8)


def _emergence_doubt(facts: Facts) -> Ints:
    """What an unknown treatment-emergence hangs on: the first dose, else the onset, else the grade or the last dose."""
    found: Ints = facts.remember("emergence doubt", lambda: _make_emergence_doubt(facts))
    return found


def _make_emergence_doubt(facts: Facts) -> Ints:
    subjects, subject = facts.subjects, facts.event_column("subject")
    lo, hi = facts.event_column("onset_lo"), facts.event_column("onset_hi")
    inexact = (lo != hi) | facts.event_column("onset_assumed")
    uncertain = ~subjects["treated"].to_numpy() | subjects["first_dose_partial"].to_numpy()
    first = np.append(subjects["first_dose_lo"].to_numpy("datetime64[D]"), NAT)[subject]
    onset_bit = np.where(facts.event_column("ae_row") >= 0, _BIT["AESTDTC"], _BIT["DTHDTC"])
    after = np.where(hi < first, _BIT[_grade_variable(facts.domains["AE"])], _BIT["RFXENDTC"])
    doubt = np.where(np.append(uncertain, True)[subject], _BIT["RFXSTDTC"], np.where(inexact, onset_bit, after))
    return doubt.astype(np.int64)
