"""Evidence for people: what is said of one event or one subject, in coded facts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from rules.columns import Days, Ints, later
from rules.derive import Facts
from rules.derive_subjects import TRUE_WORDS
from rules.kinds.matching import bit, named, worst_grade
from rules.model import Evidence, Standing
from rules.sdtm import CRITERIA

LIMIT = 500
"""Most items of evidence in one finding; how many there are is always said beside it."""

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Witness:
    """Builds evidence from rows of the fact tables; columns are read once, objects made only for what is asked.

    Parameters
    ----------
    facts: the facts of the snapshot.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        events, subjects = facts.events, facts.subjects
        self._text = {name: events[name] for name in ("USUBJID", "record_key", "event_key", "domain", "AEDECOD")}
        self._level = {n: events[n].to_numpy() for n in ("serious", "death", "related", "contradiction")}
        self._grade, self._ae_row = worst_grade(facts), events["ae_row"].to_numpy()
        self._lo, self._hi = (events[f"onset_{end}"].to_numpy("datetime64[D]") for end in ("lo", "hi"))
        self._subject = events["subject"].to_numpy()
        self._site = subjects["site"]
        self._first = subjects["first_dose_lo"].to_numpy("datetime64[D]")
        self._partial = subjects["first_dose_partial"].to_numpy()
        self._criteria = {n: facts.domains["AE"].isin(n, TRUE_WORDS) for n in CRITERIA}

    def event(self, row: int | np.int64, standing: Standing, missing: int | np.int64 = 0, **more: Any) -> Evidence:
        """One event by the row that stands for it.

        Parameters
        ----------
        row: row of `facts.events`.
        missing: bit mask of the variables it hangs on.
        more: further facts, such as `position`.
        """
        row = int(row)
        text = {name: str(column.iloc[row]) for name, column in self._text.items()}
        return Evidence(
            usubjid=text["USUBJID"],
            standing=standing,
            record_key=text["record_key"],
            event_key=text["event_key"],
            domain=text["domain"],
            missing=named(int(missing)),
            facts={"AEDECOD": text["AEDECOD"], **self._of_event(row), **more},
        )

    def subject(self, at: int, standing: Standing, **more: Any) -> Evidence:
        """One subject, by its row of `facts.subjects`."""
        missing = ("RFXSTDTC",) if self._partial[at] else ()
        facts = {"site": str(self._site.iloc[at]), **more}
        return Evidence(str(self._facts.subjects.index[at]), standing, missing=missing, facts=facts)

    def study_day(self, row: int) -> int | None:
        """SDTM study day of an onset (first dose = day 1, no day 0); None where either day is not exactly known."""
        at = int(self._subject[row])
        if at < 0 or self._partial[at] or np.isnat(self._first[at]) or self._lo[row] != self._hi[row]:
            return None
        days = int((self._lo[row] - self._first[at]).astype(int))
        return days + 1 if days >= 0 else days

    def _of_event(self, row: int) -> dict[str, Any]:
        grade, at = int(self._grade[row]), int(self._ae_row[row])
        said: dict[str, Any] = {"grade": grade} if grade else {}
        for name in ("serious", "death", "related"):
            said[name] = bool(self._level[name][row] > 0)
        criteria = [name for name, flags in self._criteria.items() if at >= 0 and flags[at]]
        said |= {"criteria": criteria} if criteria else {}
        said |= {"contradiction": True} if self._level["contradiction"][row] else {}
        day = self.study_day(row)
        said |= {"study_day": day} if day is not None else {}
        said |= self._onset(row)
        subject = int(self._subject[row])
        return said | ({"site": str(self._site.iloc[subject])} if subject >= 0 else {})

    def _onset(self, row: int) -> dict[str, str]:
        lo, hi = self._lo[row], self._hi[row]
        if np.isnat(lo):
            return {}
        return {"onset": str(lo) if lo == hi else f"{lo}/{hi}"}


def witness(facts: Facts) -> Witness:
    """The snapshot's witness, made once."""
    made: Witness = facts.remember("witness", lambda: Witness(facts))
    return made


def earliest_days(facts: Facts, rows: Ints) -> Days:
    """Earliest possible day of each event, not before first dose where the rest allows; first dose where unknown."""
    lo = facts.events["onset_lo"].to_numpy("datetime64[D]")[rows]
    hi = facts.events["onset_hi"].to_numpy("datetime64[D]")[rows]
    subjects = np.append(facts.subjects["first_dose_lo"].to_numpy("datetime64[D]"), np.datetime64("NaT", "D"))
    first = subjects[facts.events["subject"].to_numpy()[rows]]
    clipped = np.where(hi >= first, np.fmax(lo, first), lo)
    return np.where(np.isnat(lo), first, clipped)


def in_window(facts: Facts, rows: Ints, after_days: int) -> tuple[Any, Ints]:
    """Is each event in its subject's window on some possible day, and what that hangs on?

    Returns
    -------
    Flags (shape as rows) and a bit mask each: 0 where every possible day is inside. An unknown onset is inside.
    """
    events, table = facts.events, facts.subjects
    subject = events["subject"].to_numpy()[rows]
    nat = np.datetime64("NaT", "D")
    first_lo, first_hi = (
        np.append(table[f"first_dose_{end}"].to_numpy("datetime64[D]"), nat)[subject] for end in ("lo", "hi")
    )
    lo, hi = (events[f"onset_{end}"].to_numpy("datetime64[D]")[rows] for end in ("lo", "hi"))
    possible = ~(hi < first_lo) & ~(lo > later(first_hi, after_days))
    certain = (lo >= first_hi) & (hi <= later(first_lo, after_days)) & ~events["onset_assumed"].to_numpy()[rows]
    exact = (lo == hi) & ~events["onset_assumed"].to_numpy()[rows]
    onset = np.where(events["ae_row"].to_numpy()[rows] >= 0, bit("AESTDTC"), bit("DTHDTC"))
    return possible, np.where(certain, 0, np.where(exact, bit("RFXSTDTC"), onset)).astype(np.int64)


def day_of(value: np.datetime64) -> date | None:
    """A numpy day as a date, None for NaT."""
    return (
        None if np.isnat(value) else date(1970, 1, 1) + timedelta(days=int(value.astype("datetime64[D]").astype(int)))
    )


def moment_of(microseconds: int) -> datetime:
    """Microseconds since 1970 as aware UTC."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


def entry_delay(on: date | None, known: datetime | None) -> int | None:
    """Whole days from what happened to its becoming known; None where either is unknown."""
    return None if on is None or known is None else max(0, (known.date() - on).days)


def limited(items: Sequence[T], make: Callable[[T], Evidence]) -> tuple[tuple[Evidence, ...], dict[str, Any]]:
    """Evidence of the first `LIMIT` items, and for `details` how many there are where some are left out."""
    kept = tuple(make(item) for item in items[:LIMIT])
    return kept, ({"evidence_total": len(items)} if len(items) > LIMIT else {})
