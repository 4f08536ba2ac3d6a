"""The first so many dosed subjects, where partial first doses leave open who they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.columns import Bools, Ints
from rules.derive import Facts
from rules.kinds.orders import among_first
from rules.kinds.units import Units


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose units count among the first so many dosed.

    Parameters
    ----------
    inside: the possible first subjects with most units, and who has no place; flags on `facts.subjects`, and one
        more for no subject.
    certain: fewest units that count on recorded facts alone, of all possible orders.
    hinges: subjects whose partial first dose decides whether the rule is met, rows of `facts.subjects`.
    """

    inside: Bools
    certain: int
    hinges: frozenset[int]


class Places:
    """Who may be among the first so many dosed.

    Parameters
    ----------
    facts: of the snapshot.
    first: how many.
    """

    def __init__(self, facts: Facts, first: int) -> None:
        table, self._first = facts.subjects, first
        self._earliest, self._latest = (
            table[f"first_dose_{end}"].to_numpy("datetime64[D]") for end in ("lo", "hi")
        )  # fmt: skip
        self._dosed = np.flatnonzero(table["position"].to_numpy() > 0)
        self._partial = table["first_dose_partial"].to_numpy(dtype=bool)
        self._size = len(table)

    @property
    def is_open(self) -> bool:
        """More subjects are dosed than are asked for, and some first dose is a partial date."""
        return len(self._dosed) > self._first and bool(self._partial.any())

    def possible(self) -> Bools:
        """Subjects that are among the first in some possible order, as flags on `facts.subjects`."""
        flags, at = np.zeros(self._size, dtype=bool), self._dosed
        low, high = (days[at].astype(np.int64) * self._size + at for days in (self._earliest, self._latest))
        flags[at] = np.searchsorted(np.sort(high), low) < self._first
        return flags

    def choose(self, units: Units, at_least: int) -> Choice:
        """Whose units count. Of equal sets the one with most certain units is chosen.

        Parameters
        ----------
        units: all that may count.   at_least: the count that meets the rule.
        """
        each, certain = self._per_subject(units.subject), self._per_subject(units.subject[units.certain])
        most = self._set(each * (len(units.subject) + 1) + certain)
        fewest_certain = certain[self._set(-certain)].sum()
        hinges: frozenset[int] = frozenset()
        for weights in (each, certain):
            high, low = self._set(weights), self._set(-weights)
            if weights[high].sum() >= at_least > weights[low].sum():
                hinges |= frozenset(np.flatnonzero((high != low) & np.append(self._partial, False)).tolist())
        return Choice(most, int(fewest_certain), hinges)

    def _per_subject(self, subject: Ints) -> Ints:
        return np.bincount(np.where(subject < 0, self._size, subject), minlength=self._size + 1)

    def _set(self, weights: Ints) -> Bools:
        """The possible first subjects of largest weight; who has no place is in every set."""
        at, inside = self._dosed, np.ones(self._size + 1, dtype=bool)
        inside[at] = among_first(self._earliest[at], self._latest[at], weights[at], self._first)
        return inside
