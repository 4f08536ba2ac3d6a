"""The course of a trial as a prediction needs it: each dosed subject's outcome, or how long it has been followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.onset import Onset
from rules.statistics.recursion import Floats


@dataclass(frozen=True, slots=True)
class Course:
    """Dosed subjects in order of first dose (RFXSTDTC, then USUBJID); those who left without an event are left out.

    Parameters
    ----------
    events: True = event known.
    closed: True = followed through the whole window, whatever the outcome.
    followed: event-free follow-up as a fraction of the window, 0 to 1; read only of subjects who are pending, that
        is, without an event and not closed. An overdue subject is pending with the follow-up there is evidence of.

    Raises
    ------
    DesignError: flags that are not true or false, fractions outside 0 to 1, or lengths that differ.
    """

    events: tuple[bool, ...]
    closed: tuple[bool, ...]
    followed: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("events", "closed"):
            object.__setattr__(self, name, _flags(name, getattr(self, name)))
        object.__setattr__(self, "followed", _fractions(self.followed))
        if not len(self.events) == len(self.closed) == len(self.followed):
            lengths = (len(self.events), len(self.closed), len(self.followed))
            raise DesignError("followed", lengths, "events, closed and followed of one length")

    @classmethod
    def complete(cls, events: Sequence[bool]) -> Course:
        """A course in which every window has closed."""
        return cls(tuple(events), (True,) * len(events), (1.0,) * len(events))

    def __len__(self) -> int:
        return len(self.events)

    @property
    def event(self) -> NDArray[np.bool_]:
        """Known events, shape (subjects,)."""
        return np.array(self.events, dtype=np.bool_)

    @property
    def pending(self) -> NDArray[np.bool_]:
        """Without an event and not yet followed through, shape (subjects,)."""
        return ~self.event & ~np.array(self.closed, dtype=np.bool_)

    def share(self, onset: Onset) -> Floats:
        """F at each subject's follow-up; only that of pending subjects has a meaning; shape (subjects,)."""
        return onset.share(np.array(self.followed, dtype=np.float64))

    def closed_counts(self) -> tuple[int, int]:
        """Events and subjects among closed windows: the only ones that rates and posteriors may use."""
        closed = np.array(self.closed, dtype=np.bool_)
        return int((self.event & closed).sum()), int(closed.sum())

    def effective_n(self, onset: Onset) -> float:
        """Subjects' worth of follow-up: an event or a closed window counts 1, a pending subject F(follow-up).

        Source: the weights of the time-to-event continual reassessment method, Cheung & Chappell, Biometrics
        2000;56:1177, section 2; uniform onset gives their linear weight.
        """
        pending = self.pending
        return float((~pending).sum() + self.share(onset)[pending].sum())


def _flags(name: str, values: object) -> tuple[bool, ...]:
    allowed = "one True or False per dosed subject, in order of first dose"
    flags = checks.array(name, values, allowed)
    if flags.ndim != 1 or (flags.size and flags.dtype != np.bool_):
        raise DesignError(name, values, allowed)
    return tuple(bool(flag) for flag in flags)


def _fractions(values: object) -> tuple[float, ...]:
    allowed = "event-free follow-up of each dosed subject as a fraction of the window, 0 to 1"
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise DesignError("followed", values, allowed)
    fractions = tuple(checks.number("followed", value, allowed) for value in values)
    for fraction in fractions:
        if not 0 <= fraction <= 1:
            raise DesignError("followed", fraction, allowed)
    return fractions
