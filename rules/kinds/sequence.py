"""Dosed subjects in order of first dose, each with its event or the reason why it has none yet.

Source: Ivanova, Qaqish & Schell, Biometrics 2005;61:540-545, with delayed outcomes held in place: order by outcome
would raise the false alarm, because early events would be let in first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.columns import Bools, Days, Ints, later
from rules.derive import Facts
from rules.kinds.units import Units
from rules.model import Standing


@dataclass(frozen=True, slots=True)
class Sequence:
    """Arrays of shape (subjects,), in order of first dose, then USUBJID.

    Parameters
    ----------
    subject: row of `facts.subjects`.
    event: the subject has a qualifying event, certain or not.   certain: on recorded facts alone.
    unit: position of its event in the units, -1 where none.
    closed: followed through the window.   left, pending, overdue: without an event, and why not closed.
    dosed, latest: first dose, its earliest and its latest possible day.
    left_for_sure: left before the window of any possible first dose ended.
    absent: may belong to another arm and has no event; of such subjects nothing else is said.
    followed: days of follow-up since the latest possible first dose, from 0 to the window's length.
    day, known: of the event (NaT and 0 where none).
    """

    subject: Ints
    event: Bools
    certain: Bools
    unit: Ints
    closed: Bools
    left: Bools
    pending: Bools
    overdue: Bools
    dosed: Days
    latest: Days
    left_for_sure: Bools
    absent: Bools
    followed: Ints
    day: Days
    known: Ints

    def __len__(self) -> int:
        return len(self.subject)

    def where(self, keep: Bools) -> Sequence:
        """Some of the subjects, in the same order."""
        return self.at(np.flatnonzero(keep))

    def at(self, places: Ints) -> Sequence:
        """The subjects at these places, in this order."""
        return Sequence(*(getattr(self, name)[places] for name in self.__slots__))

    @property
    def present(self) -> Bools:
        """Who has a place in the order as it is usually told."""
        return ~(self.left | self.absent)

    def without(self, perhaps: Bools) -> Sequence:
        """The same; of these subjects (flags on `facts.subjects`), who may belong elsewhere, the eventless are away."""
        absent = perhaps[self.subject] & ~self.event
        standings = ("closed", "left", "pending", "overdue")
        return replace(self, absent=absent, **{name: getattr(self, name) & ~absent for name in standings})

    def standing(self, at: int) -> Standing:
        """How one subject without a counted event stands."""
        if self.closed[at]:
            return Standing.NO_EVENT
        if self.left[at]:
            return Standing.LEFT
        return Standing.OVERDUE if self.overdue[at] else Standing.PENDING


def sequence(facts: Facts, units: Units, after_days: int) -> Sequence:
    """All dosed subjects with their standing for a window.

    Parameters
    ----------
    units: one per subject with a qualifying event.
    after_days: length of the window in elapsed days, both ends included.
    """
    table = facts.subjects
    subject = np.argsort(table["position"].to_numpy(), kind="stable")
    subject = subject[table["position"].to_numpy()[subject] > 0].astype(np.int64)
    unit = np.full(len(table) + 1, -1, dtype=np.int64)
    unit[units.subject] = np.arange(len(units.subject))
    unit = unit[subject]
    event = unit >= 0
    end = facts.window_end(after_days)[subject]
    closed = facts.window_closed(after_days)[subject]
    open_without = ~closed & ~event
    gone = table["left_hi"].to_numpy("datetime64[D]")[subject]
    left = open_without & (gone < end)
    earliest, latest = (table[f"first_dose_{which}"].to_numpy("datetime64[D]")[subject] for which in ("lo", "hi"))
    overdue = open_without & ~left & (facts.cutoff > end)
    return Sequence(
        subject=subject,
        event=event,
        certain=np.append(units.certain, False)[unit],
        unit=unit,
        closed=closed,
        left=left,
        pending=open_without & ~left & ~overdue,
        overdue=overdue,
        dosed=earliest,
        latest=latest,
        left_for_sure=left & (gone < later(earliest, after_days)),
        absent=np.zeros(len(subject), dtype=bool),
        followed=_followed(facts, latest, subject, after_days),
        day=np.append(units.day, np.datetime64("NaT", "D"))[unit],
        known=np.append(units.known, 0)[unit],
    )


def _followed(facts: Facts, dosed: Days, subject: Ints, after_days: int) -> Ints:
    """Days from first dose to the last evidence of assessment, within the window; 0 where there is none."""
    through = facts.subjects["followed_through"].to_numpy("datetime64[D]")[subject]
    known = ~np.isnat(through) & ~np.isnat(dosed)
    days = np.where(known, (through - dosed).astype(np.int64), 0)
    return np.clip(days, 0, after_days).astype(np.int64)
