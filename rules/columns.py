"""One domain's frame read by column: missing columns as blanks, code lists by distinct value, dates as days.

Days are numpy `datetime64[D]` with NaT for unknown: comparisons with NaT are false, which every caller relies on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rules.dates import possible_days
from rules.errors import SnapshotError

Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]
Levels: TypeAlias = NDArray[np.int8]
Days: TypeAlias = NDArray[np.datetime64]

NO, UNKNOWN, YES = 0, 1, 2
"""A fact about a record: recorded against, not recorded (counts as the unsafe value), recorded for."""

NAT = np.datetime64("NaT", "D")
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Span(NamedTuple):
    """First and last possible day of each row, NaT where unknown; both arrays of shape (rows,)."""

    lo: Days
    hi: Days

    def exact(self) -> Bools:
        """Rows whose day is known."""
        return np.asarray(self.lo == self.hi)

    def where(self, keep: Bools) -> Span:
        """Rows outside `keep` become unknown."""
        return Span(np.where(keep, self.lo, NAT), np.where(keep, self.hi, NAT))

    def otherwise(self, other: Span) -> Span:
        """Rows of `other` where this one is unknown."""
        missing = np.isnat(self.lo)
        return Span(np.where(missing, other.lo, self.lo), np.where(missing, other.hi, self.hi))

    def take(self, at: Ints) -> Span:
        """Rows by position."""
        return Span(self.lo[at], self.hi[at])


class Columns:
    """A snapshot's frame of one domain, by column.

    Parameters
    ----------
    domain: SDTM domain.
    frame: as `rules.model.Snapshot.frames` promises, or None where no source has the domain.

    Raises
    ------
    SnapshotError: a frame with rows but without USUBJID or a service column.
    """

    def __init__(self, domain: str, frame: pd.DataFrame | None) -> None:
        self.domain = domain
        self.present = frame is not None
        self.frame = pd.DataFrame() if frame is None else frame.reset_index(drop=True)
        if len(self.frame):
            for name in ("USUBJID", "record_key", "event_key", "known_at"):
                if name not in self.frame.columns:
                    raise SnapshotError(f"the snapshot's {domain} frame has no column {name!r}")
        self._recorded: dict[str, tuple[Ints, list[str]]] = {}
        self._codes: dict[str, tuple[Ints, list[str]]] = {}
        self._spans: dict[str, Span] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def has(self, name: str) -> bool:
        """Is the column there? A frame without rows is taken to have every column."""
        return name in self.frame.columns or (self.present and not len(self.frame))

    def text(self, name: str) -> pd.Series:
        """A column as recorded; blanks where the column is absent."""
        if name in self.frame.columns:
            return self.frame[name]
        return pd.Series("", index=self.frame.index, dtype="str")

    def codes(self, name: str) -> tuple[Ints, list[str]]:
        """Position of each row's word among the distinct words, and those words in capitals without outer blanks."""
        if name not in self._codes:
            at, recorded = self.recorded(name)
            self._codes[name] = (at, [text.strip().upper() for text in recorded])
        return self._codes[name]

    def recorded(self, name: str) -> tuple[Ints, list[str]]:
        """Position of each row's text among the distinct texts, and those; one blank where the column is absent."""
        if name not in self._recorded:
            if name in self.frame.columns:
                at, unique = pd.factorize(self.frame[name])
                self._recorded[name] = (at.astype(np.int64), [str(u) for u in unique])
            else:
                self._recorded[name] = (np.zeros(len(self), dtype=np.int64), [""])
        return self._recorded[name]

    def isin(self, name: str, words: Collection[str]) -> Bools:
        """Rows whose word is in a code list, whatever its case."""
        at, unique = self.codes(name)
        wanted = folded(words)
        return np.array([word in wanted for word in unique] or [False])[at]

    def mapped(self, name: str, values: dict[str, int]) -> Ints:
        """Number that a code list gives to each row's word, 0 where it gives none."""
        at, unique = self.codes(name)
        return np.array([values.get(word, 0) for word in unique] or [0], dtype=np.int64)[at]

    def known(self) -> pd.DatetimeIndex:
        """When each row became known, UTC."""
        if not len(self):
            return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
        return pd.DatetimeIndex(pd.to_datetime(self.frame["known_at"], utc=True))

    def blank(self, name: str) -> Bools:
        """Rows without a value."""
        return self.isin(name, ("",))

    def days(self, name: str) -> Span:
        """A column of date-times as possible days; unknown where missing, impossible or absent."""
        if name not in self._spans:
            at, recorded = self.recorded(name)
            lo, hi, _ = possible_days(recorded)
            self._spans[name] = Span(lo[at], hi[at])
        return self._spans[name]

    def subject_at(self, places: Mapping[str, int]) -> Ints:
        """Place of each row's USUBJID, -1 where it has none."""
        at, unique = self.recorded("USUBJID")
        return np.array([places.get(name, -1) for name in unique] or [-1], dtype=np.int64)[at]


def folded(words: Iterable[str]) -> frozenset[str]:
    """Words of a code list in the form in which they are compared."""
    return frozenset(word.strip().upper() for word in words)


def levels(yes: Bools, no: Bools) -> Levels:
    """`YES` where recorded for, else `NO` where recorded against, else `UNKNOWN`."""
    return np.where(yes, YES, np.where(no, NO, UNKNOWN)).astype(np.int8)


def earliest(size: int, at: Ints, days: Days) -> Days:
    """Earliest known day by group: shape (size,), NaT where a group has none. `at` is the group of each day."""
    return _extreme(size, at, days, np.minimum, _LAST)


def latest(size: int, at: Ints, days: Days) -> Days:
    """Latest known day by group; see `earliest`."""
    return _extreme(size, at, days, np.maximum, _FIRST)


def _extreme(size: int, at: Ints, days: Days, ufunc: np.ufunc, start: int) -> Days:
    known = ~np.isnat(days)
    found = np.full(size, start, dtype=np.int64)
    ufunc.at(found, at[known], days[known].astype("datetime64[D]").astype(np.int64))
    result = found.astype("datetime64[D]")
    result[found == start] = NAT
    return result


def highest(size: int, at: Ints, values: Levels) -> Levels:
    """Highest value by group: shape (size,), 0 where a group has none."""
    found = np.zeros(size, dtype=np.int8)
    np.maximum.at(found, at, values)
    return found


def any_in(size: int, at: Ints, flags: Bools) -> Bools:
    """Groups in which any row is flagged: shape (size,)."""
    found = np.zeros(size, dtype=np.bool_)
    found[at[flags]] = True
    return found


def later(days: Days, by: int) -> Days:
    """Days moved forward by a number of days."""
    return np.asarray(days + np.timedelta64(by, "D"))
