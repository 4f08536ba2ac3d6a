"""Records as people list them: one line an adverse event, and the course of one subject, in coded facts and study days.

Read from `Facts` alone, so that a listing cannot disagree with a rule. Nothing here holds verbatim text, an arm, a lot
or an amount: of dispensing only the day is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules.columns import Bools, Days
from rules.derive import Facts
from rules.kinds.evidence import day_of, witness
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
    rows = np.flatnonzero(which)
    number, onset = facts.event_column("event")[rows], facts.event_column("onset_lo")[rows].astype("datetime64[D]")
    order = np.lexsort((facts.event_column("record_key")[rows].astype(str), onset, number))
    groups = np.split(rows[order], np.flatnonzero(np.diff(number[order])) + 1) if len(rows) else []
    listed = [_event(facts, group) for group in groups]
    yield from sorted(listed, key=lambda e: (e.usubjid, e.day is None, e.day or 0, e.record_key))


def _event(facts: Facts, rows: NDArray[np.int64]) -> ListedEvent:
    told, first = witness(facts), int(rows[0])
    at = int(facts.event_column("subject")[first])
    site = str(facts.subjects["site"].iloc[at]) if at >= 0 else ""
    worst = {name: _worst(facts, name, rows) for name in ("serious", "related", "death", "treatment_emergent")}
    text = {name: str(facts.event_column(name)[first]) for name in ("USUBJID", "record_key", "event_key")}
    terms = [str(term) for term in facts.event_column("AEDECOD")[rows] if term]
    known = day_of(facts.events["known_at"].iloc[rows].max().to_datetime64().astype("datetime64[D]"))
    assert known is not None
    return ListedEvent(
        text["USUBJID"], site, text["record_key"], text["event_key"], terms[-1] if terms else "",
        int(worst_grade(facts)[rows].max()), worst["serious"], worst["related"], worst["death"],
        worst["treatment_emergent"], told.study_day(first), _end(facts, rows, at), known,
    )  # fmt: skip


def _worst(facts: Facts, name: str, rows: NDArray[np.int64]) -> Level:
    level: Level = int(facts.event_column(name)[rows].max())  # type: ignore[assignment]
    return level


def _end(facts: Facts, rows: NDArray[np.int64], at: int) -> int | None:
    ends = facts.domains["AE"].days("AEENDTC")
    ae_rows = facts.event_column("ae_row")[rows]
    lo, hi = ends.lo[ae_rows], ends.hi[ae_rows]
    if at < 0 or np.isnat(lo).any() or (lo != hi).any():
        return None
    return _study_day(facts, at, lo.max())


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
    first: Days = facts.subjects["first_dose_lo"].to_numpy("datetime64[D]")
    if np.isnat(day) or np.isnat(first[at]) or facts.subjects["first_dose_partial"].iloc[at]:
        return None
    days = int((day.astype("datetime64[D]") - first[at]).astype(np.int64))
    return days + 1 if days >= 0 else days
