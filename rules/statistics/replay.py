"""Replay of a boundary over the dosed subjects of a study, in order of first dose.

Order is everything here. A subject whose outcome is pending or overdue keeps the place and counts as no
event *yet*; a pending outcome can only add events, so the false alarm of the design is kept and a crossing
is seen as early as it can be. Ordering by the time of the outcome instead lets early events in first and
raises the false alarm several-fold (`benchmarks/false_alarm.py` shows both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.recursion import as_counts


@dataclass(frozen=True, slots=True)
class Replay:
    """Where a boundary stands for the subjects dosed so far.

    Parameters
    ----------
    n: subjects in the sequence.
    s: cumulative events; `s[k - 1]` is S_k, the events known so far among the first k subjects.
    first_look: first designed look k with S_k ≥ stop_at(k); None where nothing has crossed.
    look: `first_look` after a crossing, else the last designed look reached; None before the first look.
    events_at_look: S at `look`; 0 before the first look.
    stop_at: the count that stops at `look`; None where no count can or before the first look.
    next_look: the first designed look after n; None at or beyond the last.
    beyond: more subjects than the last look: the design says nothing about those in excess.
    """

    n: int
    s: tuple[int, ...]
    first_look: int | None
    look: int | None
    events_at_look: int
    stop_at: int | None
    next_look: int | None
    beyond: bool

    @property
    def crossed(self) -> bool:
        """Whether some designed look reached its stopping count."""
        return self.first_look is not None


def replay(boundary: Boundary, events: Sequence[bool] | NDArray[np.bool_]) -> Replay:
    """Look at every designed look the study has reached, in order, and tell the first that crosses.

    A poll may jump from 10 to 13 subjects: every k in between is looked at.

    Parameters
    ----------
    boundary: the design.
    events: one flag per dosed subject in order of first dose (RFXSTDTC, then USUBJID): True = event known,
        False = no event, pending or overdue. Subjects documented as having left the window without an event
        are left out by the caller.

    Raises
    ------
    DesignError: flags that are not true or false, because a status or a missing value read as a flag would
        count silently.

    Source: continuous monitoring of Ivanova, Qaqish & Schell, Biometrics 2005, with delayed outcomes held in place.
    """
    flags = _flags(events)
    cumulative = np.cumsum(flags, dtype=np.int64)
    n = int(flags.size)
    first = int(first_crossings(boundary, flags)) or None
    reached = [k for k in boundary.looks if k <= n]
    look = first or (reached[-1] if reached else None)
    return Replay(
        n=n,
        s=tuple(cumulative.tolist()),
        first_look=first,
        look=look,
        events_at_look=int(cumulative[look - 1]) if look else 0,
        stop_at=boundary.stop_at_n(look) if look else None,
        next_look=next((k for k in boundary.looks if k > n), None),
        beyond=n > boundary.max_n,
    )


def first_crossings(boundary: Boundary, events: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First crossing look of each sequence, 0 where none crosses; the core of `replay` for many at once.

    Parameters
    ----------
    boundary: the design.
    events: flags, shape (…, n), the last axis in order of first dose.

    Returns
    -------
    Looks, shape (…).
    """
    looks, stop_at = _arrays(boundary)
    reached = looks <= events.shape[-1]
    looks, stop_at = looks[reached], stop_at[reached]
    if looks.size == 0:
        return np.zeros(events.shape[:-1], dtype=np.int64)
    crossed = np.cumsum(events, axis=-1, dtype=np.int64)[..., looks - 1] >= stop_at
    return np.where(crossed.any(axis=-1), looks[crossed.argmax(axis=-1)], 0)


@lru_cache(maxsize=256)
def _arrays(boundary: Boundary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array(boundary.looks, dtype=np.int64), as_counts(boundary.looks, boundary.stop_at)


def _flags(events: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    allowed = "one True or False per dosed subject, in order of first dose"
    flags = checks.array("events", events, allowed)
    if flags.ndim != 1 or (flags.size and flags.dtype != np.bool_):
        raise DesignError("events", events, allowed)
    return flags.astype(np.bool_)
