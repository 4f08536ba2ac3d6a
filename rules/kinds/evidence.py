"""Evidence for people: what is said of one event or one subject, in coded facts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rules.derive import Facts
from rules.derive_subjects import TRUE_WORDS
from rules.kinds.matching import named, worst_grade
from rules.model import Evidence, Standing
from rules.sdtm import CRITERIA

LIMIT = 200
"""Most items that do not count in the evidence of one finding; where more do not, how many is said beside it."""

_TEXT = ("USUBJID", "record_key", "event_key", "domain", "AEDECOD")
T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Witness:
    """Builds evidence from rows of the fact tables; columns are read once, objects made only for what is asked.

    Parameters
    ----------
    facts: the facts of the snapshot.
    """

    def __init__(self, facts: Facts) -> None:
        subjects = facts.subjects
        self._names = subjects.index.to_numpy(dtype=object)
        self._text = {name: facts.event_column(name) for name in _TEXT}
        self._level = {name: facts.event_column(name) for name in ("serious", "death", "related", "contradiction")}
        self._grade, self._ae_row = worst_grade(facts), facts.event_column("ae_row")
        self._lo, self._hi, self._at = (facts.event_column(n) for n in ("onset_lo", "onset_hi", "subject"))
        self._site = subjects["site"].to_numpy(dtype=object)
        self._first = subjects["first_dose_lo"].to_numpy("datetime64[D]")
        self._partial = subjects["first_dose_partial"].to_numpy()
        self._criteria = {n: facts.domains["AE"].isin(n, TRUE_WORDS) for n in CRITERIA}
        self._said: dict[int, dict[str, Any]] = {}

    def event(self, row: int | np.int64, standing: Standing, missing: int | np.int64 = 0, **more: Any) -> Evidence:
        """One event by the row that stands for it.

        Parameters
        ----------
        row: row of `facts.events`.
        missing: bit mask of the variables it hangs on.
        more: further facts, such as `position`.
        """
        usubjid, record_key, event_key, domain = (str(self._text[name][row]) for name in _TEXT[:4])
        if row not in self._said:
            self._said[int(row)] = self.of_event(int(row))
        facts = {**self._said[int(row)], **more}
        return Evidence(usubjid, standing, record_key, event_key, domain, named(int(missing)), facts)

    def subject(self, at: int, standing: Standing, **more: Any) -> Evidence:
        """One subject, by its row of `facts.subjects`."""
        missing = ("RFXSTDTC",) if self._partial[at] else ()
        facts = {"site": str(self._site[at]), **more}
        return Evidence(str(self._names[at]), standing, missing=missing, facts=facts)

    def study_day(self, row: int) -> int | None:
        """SDTM study day of an onset (first dose = day 1, no day 0); None where either day is not exactly known."""
        at = int(self._at[row])
        if at < 0 or self._partial[at] or np.isnat(self._first[at]) or self._lo[row] != self._hi[row]:
            return None
        days = int((self._lo[row] - self._first[at]).astype(int))
        return days + 1 if days >= 0 else days

    def of_event(self, row: int) -> dict[str, Any]:
        """Coded facts of the event that a row of `facts.events` is a state of."""
        grade, at = int(self._grade[row]), int(self._ae_row[row])
        said: dict[str, Any] = {"AEDECOD": str(self._text["AEDECOD"][row])} | ({"grade": grade} if grade else {})
        for name in ("serious", "death", "related"):
            said[name] = bool(self._level[name][row] > 0)
        criteria = [name for name, flags in self._criteria.items() if at >= 0 and flags[at]]
        said |= {"criteria": criteria} if criteria else {}
        said |= {"contradiction": True} if self._level["contradiction"][row] else {}
        day = self.study_day(row)
        said |= {"study_day": day} if day is not None else {}
        said |= self._onset(row)
        subject = int(self._at[row])
        return said | ({"site": str(self._site[subject])} if subject >= 0 else {})

    def _onset(self, row: int) -> dict[str, str]:
        lo, hi = self._lo[row], self._hi[row]
        if np.isnat(lo):
            return {}
        return {"onset": str(lo) if lo == hi else f"{lo}/{hi}"}


def witness(facts: Facts) -> Witness:
    """The snapshot's witness, made once."""
    made: Witness = facts.remember("witness", lambda: Witness(facts))
    return made


def day_of(value: np.datetime64) -> date | None:
    """A numpy day as a date, None for NaT."""
    return (
        None if np.isnat(value) else date(1970, 1, 1) + timedelta(days=int(value.astype("datetime64[D]").astype(int)))
    )


def moment_of(microseconds: int) -> datetime:
    """Microseconds since 1970 as aware UTC."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


def known_microseconds(facts: Facts) -> NDArray[np.int64]:
    """When each row of `facts.events` became known, as microseconds since 1970: an array that is made once."""
    found: NDArray[np.int64] = facts.remember(
        "known microseconds", lambda: facts.events["known_at"].dt.as_unit("us").astype("int64").to_numpy()
    )
    return found


def entry_delay(on: date | None, known: datetime | None) -> int | None:
    """Whole days from what happened to its becoming known; None where either is unknown."""
    return None if on is None or known is None else max(0, (known.date() - on).days)


def limited(
    items: Sequence[T], counts: Callable[[T], bool], make: Callable[[T], Evidence]
) -> tuple[tuple[Evidence, ...], dict[str, Any]]:
    """Evidence of all items that count and of the first `LIMIT` others, and for `details` how many there are in all.

    What counts is never left out: whether an event is new is judged from the evidence of the finding before.

    Parameters
    ----------
    items: in stable order, which is kept.
    counts: does the item enter the numerator?
    """
    spare = count(LIMIT, -1)
    kept = tuple(make(item) for item in items if counts(item) or next(spare) > 0)
    return kept, ({"evidence_total": len(items)} if len(items) > len(kept) else {})
