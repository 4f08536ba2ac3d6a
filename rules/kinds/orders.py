"""Orders of first dose that partial dates leave possible: where most and where fewest events come early.

A subject whose first dose is known to a month or a year may stand anywhere among those dosed in that time. No order
is imputed: a boundary is crossed for certain only where it is in every possible order, and possibly where it is in
some. Two orders decide. To move an event later, or a subject without one earlier, can only lower the events among
the first k, for every k at once; so the order in which subjects with an event were dosed on their latest possible
day and all others on their earliest has the fewest events among the first k of all orders, and its mirror the most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.columns import Bools, Days, Ints
from rules.kinds.judgement import Judge
from rules.kinds.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Orders:
    """The sequence of a boundary in three possible orders, without the subjects that left the window.

    Parameters
    ----------
    usual: by the earliest possible day of each first dose.
    most: of all orders the one with most events among the first k, for every k; doubtful events count.
    least: the one with fewest of the certain events; who left only if dosed late in the interval stays in it, and
        who is absent.
    """

    usual: Sequence
    most: Sequence
    least: Sequence

    def sure(self, judge: Judge) -> bool:
        """Crossed on recorded facts in every possible order."""
        return judge.replay(self.least.certain).crossed and judge.replay(self.usual.certain).crossed

    def shown(self, judge: Judge) -> Sequence:
        """The order to tell of: the usual one, unless only another crosses."""
        only_another = judge.replay(self.most.event).crossed and not judge.replay(self.usual.event).crossed
        return self.most if only_another else self.usual


def orders_of(order: Sequence) -> Orders:
    """The three orders of all dosed subjects `order`, which is in order of earliest possible first dose."""
    usual = order.where(order.present)
    if (order.dosed == order.latest).all() and not order.absent.any():
        return Orders(usual, usual, usual)
    return Orders(usual, most(usual, usual.event), least(order, order.certain))


def most(order: Sequence, events: Bools) -> Sequence:
    """The subjects in the possible order with most of these events among the first k, for every k."""
    return dosed_on(order, np.where(events, order.dosed, order.latest))


def least(order: Sequence, events: Bools) -> Sequence:
    """The subjects in the possible order with fewest of these events among the first k, for every k.

    Parameters
    ----------
    order: all dosed subjects; those who certainly left the window without an event are taken out.
    """
    days = np.where(events, order.latest, order.dosed)
    placed = dosed_on(order, days)
    return placed.where(~placed.left_for_sure)


def dosed_on(order: Sequence, days: Days) -> Sequence:
    """The subjects in order of these first doses, then USUBJID."""
    return replace(order, dosed=days).at(np.lexsort((order.subject, days)))


def hinges(judge: Judge, order: Sequence) -> frozenset[int]:
    """Subjects with a partial first dose whose place decides whether the boundary is crossed, rows of `facts.subjects`.

    Of each look that some possible order crosses and another does not: those that are among its first k in one of
    the two and not in the other. Asked with the doubtful events counted and without them; nobody where every order
    crosses, or none does.
    """
    if (order.dosed == order.latest).all():
        return frozenset()
    found: set[int] = set()
    for events in (order.event, order.certain):
        found |= _between(judge, order, events)
    return frozenset(found)


def _between(judge: Judge, order: Sequence, events: Bools) -> set[int]:
    counted = replace(order, event=events)
    first, last = most(counted.where(order.present), events[order.present]), least(counted, events)
    if judge.replay(last.event).crossed:
        return set()
    looks = np.array([k for k in judge.crossed_looks(first.event) if k <= len(first)], dtype=np.int64)
    size = int(order.subject.max(initial=-1)) + 1
    places = np.full((2, size), size + 1, dtype=np.int64)
    for row, seq in zip(places, (first, last), strict=True):
        row[seq.subject] = np.arange(1, len(seq) + 1)
    low, high = (np.searchsorted(looks, np.sort(places, axis=0)[end], side="left") for end in (0, 1))
    partial = order.subject[order.dosed != order.latest]
    return set(partial[high[partial] > low[partial]].tolist())


def among_first(earliest: Days, latest: Days, weights: Ints, n: int) -> Bools:
    """Who is among the first n in the possible order that gives them the largest total weight.

    A set can be the first n when everybody in it may have been dosed before everybody outside it. The one dosed last
    of the set, on the earliest possible day, decides who must be in it (dosed before that day for certain) and who
    may be; of these the heaviest are taken.

    Parameters
    ----------
    earliest, latest: possible days of first dose, in order of USUBJID, which decides between equal days.
    weights: what each counts for; negative weights find the smallest total.
    n: at least 1; everybody where there are no more.

    Returns
    -------
    Flags of shape (subjects,).
    """
    size = len(earliest)
    if size <= n:
        return np.ones(size, dtype=bool)
    low, high = (days.astype(np.int64) * size + np.arange(size) for days in (earliest, latest))
    before = np.searchsorted(np.sort(high), low)  # dosed before it for certain
    upto = np.searchsorted(np.sort(low), low, side="right")  # may have been dosed before it, or is it
    sets = (_heaviest(low, high, weights, n, int(m)) for m in np.flatnonzero((before < n) & (upto >= n)))
    return max(sets, key=lambda chosen: int(weights[chosen].sum()))


def _heaviest(low: Ints, high: Ints, weights: Ints, n: int, last: int) -> Bools:
    """The heaviest set of n in which `last` is the one dosed last."""
    chosen = np.asarray(high < low[last])
    chosen[last] = True
    may = np.flatnonzero((low < low[last]) & ~chosen)
    heaviest = may[np.argsort(-weights[may], kind="stable")]
    chosen[heaviest[: n - int(chosen.sum())]] = True
    return chosen
