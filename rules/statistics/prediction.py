"""Where a trial stands: what its closed windows say, how far the boundary is, and the chance to cross it.

Everything here describes; nothing of it is a test, and after a crossing nothing of it is adjusted for stopping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.course import Course
from rules.statistics.onset import UNIFORM, Onset, still_to_come
from rules.statistics.posterior import JEFFREYS, Posterior, Prior, design_prior, posterior_of
from rules.statistics.quadrature import beta_nodes
from rules.statistics.recursion import Floats
from rules.statistics.replay import replay
from rules.statistics.unequal import first_crossing, stops_by_subject

NOT_ADJUSTED = "not adjusted for stopping"
"""What every figure carries once a boundary has been crossed."""

MORE_NODES = 48
"""Nodes beyond those that polynomials need, for the probabilities of pending subjects, which are quotients."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a look is from its boundary.

    Parameters
    ----------
    look: number of subjects at that look.
    events: events known so far among them.
    stop_at: the count that stops there.
    more: further events that would cross; 0 once crossed.
    awaited: subjects of that look whose outcome is open, those still to be dosed included.
    """

    look: int
    events: int
    stop_at: int
    more: int
    awaited: int

    @property
    def possible(self) -> bool:
        """Whether the subjects still awaited could bring so many events."""
        return self.more <= self.awaited


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability to cross, once every window up to a look has closed.

    Parameters
    ----------
    subjects: further subjects to be dosed.   look: the last look counted.
    predicted: under the posterior, the beta-binomial predictive.
    at_null: if the event probability is the null rate.
    """

    subjects: int
    look: int
    predicted: float
    at_null: float


@dataclass(frozen=True, slots=True)
class Pending:
    """One subject without an event whose window is open.

    Parameters
    ----------
    place: in order of first dose, from 1.
    followed: event-free follow-up as a fraction of the window.
    predicted, at_null: probability of an event by the end of the window given that follow-up, under the posterior
        and at the null rate.
    """

    place: int
    followed: float
    predicted: float
    at_null: float


@dataclass(frozen=True, slots=True)
class Case:
    """What the subjects dosed so far give if all pending ones end in one way.

    Parameters
    ----------
    events: among all dosed.   crossed_at: first look that crosses; None where none does.
    """

    events: int
    crossed_at: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a trial stands against its boundary.

    Parameters
    ----------
    n, events: subjects dosed, and events known among them.
    crossed_at: first look that crosses; None where none does.
    posterior: on closed windows only.
    effective_n: subjects' worth of follow-up, with pending subjects in part (`Course.effective_n`).
    now: the look reached that open outcomes could cross with the fewest further events, the last such look; where
        none could, the last look reached; None before the first count.
    next: the next look at which a count stops; None after the last and after a crossing.
    from_pending, within, by_end: chance to cross from subjects already dosed alone, when so many more are dosed, and
        by the last look.
    pending: each open subject.   best, worst: if none, or all, of them have an event.
    onset: the assumption about onset in words.
    caveat: `NOT_ADJUSTED` after a crossing, else None.
    """

    n: int
    events: int
    crossed_at: int | None
    posterior: Posterior
    effective_n: float
    now: Distance | None
    next: Distance | None
    from_pending: Chance
    within: Chance
    by_end: Chance
    pending: tuple[Pending, ...]
    best: Case
    worst: Case
    onset: str
    caveat: str | None


def outlook(
    boundary: Boundary,
    course: Course,
    *,
    within: int = 5,
    reporting_prior: Prior = JEFFREYS,
    onset: Onset = UNIFORM,
    level: float = 0.95,
) -> Outlook:
    """Where the trial stands: posterior, distance, chances, best and worst case.

    Known events keep their place in the path wherever their subject's window stands; the event probability is
    learned from closed windows only, because events are known before the windows of those without one have closed
    and would weigh too much. Subjects beyond the last look count in no chance.

    Parameters
    ----------
    boundary: a boundary that looks at numbers of subjects.
    course: the subjects dosed so far.
    within: further subjects for the middle chance, at least 0.
    reporting_prior: used where the design itself has no prior.
    onset: when within its window an event comes.
    level: probability of the posterior interval, above 0 and below 1.

    Raises
    ------
    DesignError: `within` below 0, a level outside (0, 1).

    Source: predictive probability of crossing by beta-binomial updating as in Geller et al. 2003; pending subjects by
    the conditional probability of Cheung & Chappell, Biometrics 2000;56:1177.
    """
    allowed = "a whole number of subjects, at least 0"
    if checks.whole("within", within, allowed) < 0:
        raise DesignError("within", within, allowed)
    prior = design_prior(boundary) or reporting_prior
    posterior = posterior_of(course, prior, boundary.null_rate, checks.probability("level", level))
    known, worst = _case(boundary, course.event), _case(boundary, course.event | course.pending)
    done = known.crossed_at is not None
    distances = _distances(boundary, course)
    horizons = (0, within, max(boundary.max_n - len(course), 0))
    from_pending, soon, by_end = _chances(boundary, course, posterior, onset, horizons)
    return Outlook(
        n=len(course),
        events=known.events,
        crossed_at=known.crossed_at,
        posterior=posterior,
        effective_n=course.effective_n(onset),
        now=_nearest(distances, len(course), known.crossed_at),
        next=None if done else next((d for d in distances if d.look > len(course)), None),
        from_pending=from_pending,
        within=soon,
        by_end=by_end,
        pending=pending_subjects(course, posterior, boundary.null_rate, onset),
        best=known,
        worst=worst,
        onset=onset.words,
        caveat=NOT_ADJUSTED if done else None,
    )


def pending_subjects(
    course: Course, posterior: Posterior, null_rate: float, onset: Onset = UNIFORM
) -> tuple[Pending, ...]:
    """Every subject whose outcome is open, with the probability that its window still brings an event.

    Parameters
    ----------
    course: the subjects dosed so far.   posterior: of the event probability, over which is integrated.
    null_rate: event probability for the second figure.   onset: when within its window an event comes.
    """
    rates, weights = beta_nodes(posterior.a, posterior.b, 2 * MORE_NODES)
    places = np.flatnonzero(course.pending)
    shares = course.share(onset)[places]
    predicted = weights @ still_to_come(rates[:, np.newaxis], shares)
    at_null = still_to_come(null_rate, shares)
    rows = zip(places.tolist(), predicted.tolist(), at_null.tolist(), strict=True)
    return tuple(Pending(place + 1, course.followed[place], p, null) for place, p, null in rows)


def _case(boundary: Boundary, events: NDArray[np.bool_]) -> Case:
    return Case(int(events.sum()), replay(boundary, events).first_look)


def _chances(
    boundary: Boundary, course: Course, posterior: Posterior, onset: Onset, horizons: tuple[int, ...]
) -> tuple[Chance, ...]:
    """The chance to cross for each number of further subjects, from one recursion over all rates at once."""
    n = min(len(course), boundary.max_n)
    open_outcomes = boundary.max_n - n + int(course.pending[:n].sum())
    nodes = open_outcomes // 2 + 1 + (MORE_NODES if course.pending[:n].any() else 0)
    rates, weights = beta_nodes(posterior.a, posterior.b, nodes)
    rates = np.append(rates, boundary.null_rate)
    by_look = first_crossing(_probabilities(course, rates, boundary.max_n, onset), stops_by_subject(boundary))
    total = np.minimum(np.cumsum(by_look, axis=1), 1.0)
    chances = []
    for more in horizons:
        look = min(len(course) + more, boundary.max_n)
        crossed = total[:, look - 1] if look else np.zeros(len(rates))
        chances.append(Chance(more, look, min(float(weights @ crossed[:-1]), 1.0), float(crossed[-1])))
    return tuple(chances)


def _probabilities(course: Course, rates: Floats, max_n: int, onset: Onset) -> Floats:
    """Event probability of every designed subject at each rate: known, pending, or not yet dosed."""
    n = min(len(course), max_n)
    probabilities = np.repeat(rates[:, np.newaxis], max_n, axis=1)
    event, pending, shares = course.event[:n], course.pending[:n], course.share(onset)[:n]
    probabilities[:, :n] = np.where(pending, still_to_come(rates[:, np.newaxis], shares), event)
    return probabilities


def _distances(boundary: Boundary, course: Course) -> list[Distance]:
    """How far every look is at which some count stops."""
    n = len(course)
    events, pending = (np.append(0, np.cumsum(flags)).tolist() for flags in (course.event, course.pending))
    return [
        Distance(
            look=look,
            events=events[min(look, n)],
            stop_at=stop,
            more=max(stop - events[min(look, n)], 0),
            awaited=pending[min(look, n)] + max(look - n, 0),
        )
        for look, stop in zip(boundary.looks, boundary.stop_at, strict=True)
        if stop is not None
    ]


def _nearest(distances: list[Distance], n: int, crossed_at: int | None) -> Distance | None:
    """The look that crossed; the one reached that the fewest further events would cross; the last one reached."""
    reached = [distance for distance in distances if distance.look <= n]
    if crossed_at is not None:
        return next(distance for distance in reached if distance.look == crossed_at)
    possible = [distance for distance in reached if distance.possible]
    return min(reversed(possible), key=lambda distance: distance.more, default=reached[-1] if reached else None)
