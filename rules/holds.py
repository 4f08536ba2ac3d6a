"""What was recorded although people had decided to pause or hold: enrolments and doses dated after the decision. Pure.

Only dates of DM and EX are read. The day of the decision itself is left out: what was done that day may have been done
before. A partial date that may lie after the decision counts, marked, where its record became known after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from rules.dates import DateInterval, parse_dtc
from rules.model import Snapshot

ENROLMENT, DOSING = "enrolment", "dosing"

BARS: Mapping[str, frozenset[str]] = {
    "pause_enrolment": frozenset({ENROLMENT}),
    "hold_dosing": frozenset({DOSING}),
    "halt_study": frozenset({ENROLMENT, DOSING}),
}
"""Decision → what must not be recorded until somebody decides to resume."""

_DATES: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    ENROLMENT: (("DM", ("RFSTDTC", "RFXSTDTC")),),
    DOSING: (("EX", ("EXSTDTC", "EXENDTC")), ("DM", ("RFXSTDTC", "RFXENDTC"))),
}
"""Act → domain and dates that prove it. An enrolment is the first of its dates, a dose any of them."""


@dataclass(frozen=True, slots=True)
class Breach:
    """Something recorded after a hold.

    Parameters
    ----------
    usubjid: subject.   what: ENROLMENT or DOSING.   study_day: days since first dose (SDTM: the first dose is day 1) of
        the first such day, None where it is not known.   partial: its date is recorded in part, and may lie before.
    """

    usubjid: str
    what: str
    study_day: int | None = None
    partial: bool = False


def after_hold(snapshot: Snapshot, holds: Collection[str], day: date, at: datetime, subject: str = "") -> list[Breach]:
    """Enrolments and doses that are dated after a hold, one a subject and act, by subject.

    Parameters
    ----------
    snapshot: records as known now.   holds: decisions in force, of `BARS`.
    day: day of the decision in the study's zone; `at`: its instant, aware UTC.
    subject: the one subject that it is about, "" for all.
    """
    barred = sorted(set().union(*(BARS.get(kind, frozenset()) for kind in holds)))
    found = []
    for what in barred:
        first: dict[str, tuple[date, bool]] = {}
        for usubjid, when in _recorded(snapshot, what, at, day):
            known = (when.lo, False) if when.lo is not None and when.lo > day else (day, True)
            if usubjid and (not subject or usubjid == subject):
                first[usubjid] = min(first.get(usubjid, known), known, key=lambda one: (one[1], one[0]))
        doses = _first_doses(snapshot)
        for usubjid, (on, partial) in first.items():
            dosed = doses.get(usubjid)
            study_day = (on - dosed).days + 1 if dosed is not None and not partial and on >= dosed else None
            found.append(Breach(usubjid, what, study_day, partial))
    return sorted(found, key=lambda breach: (breach.usubjid, breach.what))


def _recorded(snapshot: Snapshot, what: str, at: datetime, day: date) -> Iterator[tuple[str, DateInterval]]:
    """Subject and date of each record that is, or may be, dated after the decision."""
    for domain, names in _DATES[what]:
        frame = snapshot.frames.get(domain)
        if frame is None or not len(frame):
            continue
        for row in frame.to_dict("records"):
            dates = [parsed for name in names if (parsed := parse_dtc(str(row.get(name, "") or ""))) and _says(parsed)]
            if what == ENROLMENT:
                dates = sorted(dates, key=lambda one: one.hi or date.max)[:1]
            for when in dates:
                certain = when.lo is not None and when.lo > day
                possible = (when.hi is None or when.hi > day) and pd.Timestamp(row["known_at"]) > pd.Timestamp(at)
                if certain or possible:
                    yield str(row.get("USUBJID", "")), when


def _says(when: DateInterval) -> bool:
    return when.lo is not None or when.hi is not None


def _first_doses(snapshot: Snapshot) -> dict[str, date]:
    """First dose of each subject, where its day is recorded."""
    found: dict[str, date] = {}
    for domain, name in (("EX", "EXSTDTC"), ("DM", "RFXSTDTC")):
        frame = snapshot.frames.get(domain)
        if frame is None or name not in frame.columns:
            continue
        for usubjid, text in zip(frame["USUBJID"], frame[name], strict=True):
            when = parse_dtc(str(text))
            if when is not None and when.is_exact and when.lo is not None:
                found[usubjid] = when.lo if domain == "DM" else min(found.get(usubjid, when.lo), when.lo)
    return found
