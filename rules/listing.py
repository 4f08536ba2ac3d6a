"""Records as people list them: one line an adverse event, and the course of one subject, in coded facts and study days.

Read from `Facts` alone, so that a listing cannot disagree with a rule. Nothing here holds verbatim text, an arm, a lot
or an amount: of dispensing only the day is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rules.columns import NAT, Bools, Days, Ints
from rules.derive import Facts
from rules.kinds.evidence import known_microseconds
from rules.kinds.matching import worst_grade

Level = Literal[0, 1, 2]
"""As `rules.columns`: 0 no, 1 not recorded (counts as the unsafe value), 2 yes."""

CourseKind = Literal["event", "dosing", "dispensed", "returned", "visit", "disposition"]


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One adverse event, whatever the number of its states.

    Parameters
    ----------
    usubjid, site: whose.   record_key, event_key: of the state with the earliest onset.
    term: coded term (AEDECOD), "" while uncoded.   grade: worst recorded, 0 = none recorded.
    serious, related, death, emergent: the worst of its states.
    day, end: study day of onset and of its last recorded end, None where not exactly known.
    known_on: day on which it, or its latest state, became known (UTC).
    """

    usubjid: str
    site: str
    record_key: str
    event_key: str
    term: str
    grade: int
    serious: Level
    related: Level
    death: Level
    emergent: Level
    day: int | None
    end: int | None
    known_on: date


@dataclass(frozen=True, slots=True)
class CourseMark:
    """Something that happened to one subject.

    Parameters
    ----------
    kind: what.   label: coded words for people.   day, end: first and last study day; None where not exactly known.
    event: for kind "event", the event.
    """

    kind: CourseKind
    label: str
    day: int | None
    end: int | None = None
    event: ListedEvent | None = None


@dataclass(frozen=True, slots=True)
class SubjectCourse:
    """One subject's way through the study.

    Parameters
    ----------
    usubjid, site: who.   position: place in the order of first dose, 0 = not dosed.
    first_dose_partial: study days are not known, because the first dose is recorded in part.
    through: study day up to which somebody saw the subject.   today: study day of the data cut-off.
    marks: in order of day, unknown days last.
    """

    usubjid: str
    site: str
    position: int
    first_dose_partial: bool
    through: int | None
    today: int | None
    marks: tuple[CourseMark, ...]


def listed_events(facts: Facts) -> tuple[ListedEvent, ...]:
    """Every adverse event of the AE domain, one line each, in order of subject and onset; unknown onsets last."""
    everyone = facts.event_column("ae_row") >= 0
    made: tuple[ListedEvent, ...] = facts.remember("listed events", lambda: tuple(_listed(facts, everyone)))
    return made


def _listed(facts: Facts, which: Bools) -> Iterator[ListedEvent]:
    """The events of some rows, by whole columns: a call for each of 100,000 events would take half a minute."""
    rows = np.flatnonzero(which)
    if not len(rows):
        return
    number, onset = facts.event_column("event")[rows], facts.event_column("onset_lo")[rows].astype("datetime64[D]")
    rows = rows[np.lexsort((facts.event_column("record_key")[rows].astype(str), onset, number))]
    starts = np.flatnonzero(np.diff(facts.event_column("event")[rows], prepend=-1))
    first = rows[starts]
    who, subject = facts.event_column("USUBJID")[first], facts.event_column("subject")[first]
    site = np.append(facts.subjects["site"].to_numpy(dtype=object), "")[subject]

    def worst(values: NDArray[Any]) -> list[Any]:
        return list(np.maximum.reduceat(values[rows], starts).tolist())

    levels = (worst(facts.event_column(name)) for name in ("serious", "related", "death", "treatment_emergent"))
    known = np.maximum.reduceat(known_microseconds(facts)[rows], starts).astype("datetime64[us]")
    keys = (facts.event_column(name)[first].tolist() for name in ("record_key", "event_key"))
    columns = (
        who.tolist(), site.tolist(), *keys,
        _terms(facts, rows, starts), worst(worst_grade(facts)), *levels, _onset_days(facts, first),
        _end_days(facts, rows, starts, subject), known.astype("datetime64[D]").tolist(),
    )  # fmt: skip
    listed = [ListedEvent(*values) for values in zip(*columns, strict=True)]
    yield from sorted(listed, key=lambda e: (e.usubjid, e.day is None, e.day or 0, e.record_key))


def _terms(facts: Facts, rows: Ints, starts: Ints) -> list[str]:
    """Of each event the coded term of its latest state that has one; "" while none has."""
    terms = facts.event_column("AEDECOD")[rows]
    coded = np.where(terms != "", np.arange(len(rows)), -1)
    last = np.maximum.reduceat(coded, starts)
    found: list[str] = np.where(last >= 0, terms[last], "").tolist()
    return found


def _onset_days(facts: Facts, first: Ints) -> list[int | None]:
    lo, hi = facts.event_column("onset_lo")[first], facts.event_column("onset_hi")[first]
    return _study_days(facts, facts.event_column("subject")[first], np.where(lo == hi, lo, NAT))


def _end_days(facts: Facts, rows: Ints, starts: Ints, subject: Ints) -> list[int | None]:
    """Study day of the last recorded end of each event; None while a state of it has no exactly known one."""
    ends, at = facts.domains["AE"].days("AEENDTC"), facts.event_column("ae_row")[rows]
    lo, hi = ends.lo[at], ends.hi[at]
    exact = np.logical_and.reduceat(lo == hi, starts)
    last = np.maximum.reduceat(np.where(lo == hi, lo, NAT).astype(np.int64), starts).astype("datetime64[D]")
    return _study_days(facts, subject, np.where(exact, last, NAT))


def subject_course(facts: Facts, usubjid: str) -> SubjectCourse | None:
    """The course of one subject; None where no record names this subject."""
    table = facts.subjects
    names = table.index.tolist()
    if usubjid not in names:
        return None
    at = names.index(usubjid)
    own = (facts.event_column("ae_row") >= 0) & (facts.event_column("subject") == at)
    events = [CourseMark("event", e.term, e.day, e.end, e) for e in _listed(facts, own)]
    marks = [*events, *_of_domains(facts, usubjid, at)]
    through = table["followed_through"].to_numpy("datetime64[D]")[at]
    return SubjectCourse(
        usubjid, *_standing(facts, at),
        _study_day(facts, at, through), _study_day(facts, at, facts.cutoff),
        tuple(sorted(marks, key=lambda m: (m.day is None, m.day or 0, m.kind, m.label))),
    )  # fmt: skip


def _standing(facts: Facts, at: int) -> tuple[str, int, bool]:
    row = facts.subjects.iloc[at]
    return str(row["site"]), int(row["position"]), bool(row["first_dose_partial"])


def _of_domains(facts: Facts, usubjid: str, at: int) -> Iterator[CourseMark]:
    yield from _spans(facts, usubjid, at, "EX", "dosing", ("EXSTDTC", "EXENDTC"))
    yield from _spans(facts, usubjid, at, "SV", "visit", ("SVSTDTC", "SVSTDTC"))
    for kind, code in (("dispensed", "DISPAMT"), ("returned", "RETAMT")):
        yield from _spans(facts, usubjid, at, "DA", kind, ("DADTC", "DADTC"), only=("DATESTCD", code))  # type: ignore[arg-type]
    yield from _spans(facts, usubjid, at, "DS", "disposition", ("DSSTDTC", "DSSTDTC"), label="DSDECOD")


def _spans(
    facts: Facts, usubjid: str, at: int, domain: str, kind: CourseKind, days: tuple[str, str], *,
    only: tuple[str, str] | None = None, label: str = "",
) -> Iterator[CourseMark]:  # fmt: skip
    columns = facts.domains.get(domain)
    if columns is None or not len(columns):
        return
    mine = columns.text("USUBJID").to_numpy(dtype=object) == usubjid
    if only is not None:
        mine &= columns.text(only[0]).str.upper().to_numpy(dtype=object) == only[1]
    start, end = columns.days(days[0]), columns.days(days[1])
    labels = columns.text(label) if label else None
    for row in np.flatnonzero(mine):
        name = str(labels.iloc[row]).lower() if labels is not None else kind
        first, last = (_exact(facts, at, span.lo[row], span.hi[row]) for span in (start, end))
        yield CourseMark(kind, name, first, last if last != first else None)


def _exact(facts: Facts, at: int, lo: np.datetime64, hi: np.datetime64) -> int | None:
    return _study_day(facts, at, lo) if lo == hi else None


def _study_day(facts: Facts, at: int, day: np.datetime64) -> int | None:
    """SDTM study day (first dose = day 1, no day 0); None where it, or the first dose, is not exactly known."""
    return _study_days(facts, np.array([at]), np.array([day], dtype="datetime64[D]"))[0]


def _study_days(facts: Facts, at: Ints, days: Days) -> list[int | None]:
    """`_study_day` of many, each of the subject `at`; -1 is nobody."""
    table = facts.subjects
    known = np.append(~table["first_dose_partial"].to_numpy(dtype=bool), False)[at]
    since = days.astype("datetime64[D]") - np.append(table["first_dose_lo"].to_numpy("datetime64[D]"), NAT)[at]
    known = known & ~np.isnat(since)
    count = np.where(known, since.astype(np.int64), 0)
    numbered = np.where(count >= 0, count + 1, count).tolist()
    return [day if sure else None for day, sure in zip(numbered, known.tolist(), strict=True)]
