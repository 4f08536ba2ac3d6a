"""Where a trial stands, against enumeration of every future in exact arithmetic and seeded simulation."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from rules.errors import DesignError
from rules.statistics import Boundary, calibrate, first_crossings, operating_characteristics, replay
from rules.statistics.course import Course
from rules.statistics.onset import Onset
from rules.statistics.posterior import JEFFREYS, Prior, posterior_of
from rules.statistics.prediction import NOT_ADJUSTED, outlook
from rules.statistics.quadrature import beta_nodes
from tests.rules.statistics.strategies import tables

SHIPPED = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
POCOCK = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=range(1, 21))
NOBODY = Course((), (), ())
MIXED = Course(
    events=(True, False, False, True, False, False, True, False),
    closed=(True, True, True, True, False, True, False, False),
    followed=(0, 1, 1, 0, 0.9, 1, 0, 0.25),
)


def rising(start: Fraction, count: int) -> Fraction:
    return math.prod((start + j for j in range(count)), start=Fraction(1))


def future(a: Fraction, b: Fraction, events: int, n: int) -> Fraction:
    """P(one given history of n further subjects with so many events) under Beta(a, b): the Pólya urn."""
    return rising(a, events) * rising(b, n - events) / rising(a + b, n)


@settings(max_examples=25, deadline=None)
@given(tables(max_n=9), st.data())
def test_chance_with_closed_windows_is_the_sum_over_all_futures(
    table: tuple[tuple[int, ...], tuple[int | None, ...]], data: st.DataObject
) -> None:
    """Catches a prior counted twice, a look missed, a horizon one subject off."""
    boundary = Boundary("table", 0.25, None, *table, None, 0.0)
    path = data.draw(st.lists(st.booleans(), max_size=boundary.max_n))
    within = data.draw(st.integers(0, 9))
    a, b = (Fraction(data.draw(st.sampled_from([1, 2, 5])), 2) for _ in range(2))
    found = outlook(boundary, Course.complete(path), within=within, reporting_prior=Prior("stated", float(a), float(b)))
    a, b = a + sum(path), b + len(path) - sum(path)
    to_come = boundary.max_n - len(path)
    crossing = {0: Fraction(0), within: Fraction(0), to_come: Fraction(0)}
    null = dict(crossing)
    for rest in product((False, True), repeat=to_come):
        first = replay(boundary, np.array([*path, *rest], dtype=bool)).first_look
        for more in crossing:
            if first is not None and first <= len(path) + more:
                crossing[more] += future(a, b, sum(rest), to_come)
                null[more] += Fraction(1, 4) ** sum(rest) * Fraction(3, 4) ** (to_come - sum(rest))
    for chance, more in ((found.from_pending, 0), (found.within, within), (found.by_end, to_come)):
        assert chance.predicted == pytest.approx(float(crossing[more]), rel=1e-9, abs=1e-12)
        assert chance.at_null == pytest.approx(float(null[more]), rel=1e-9, abs=1e-12)


def by_integration(boundary: Boundary, course: Course, horizon: int, onset: Onset) -> float:
    """The chance to cross: every outcome of every open subject, each integrated over the posterior by quadrature."""
    events, n = course.closed_counts()
    posterior = beta(0.6 + events, 2.4 + n - events)
    places = [k for k in range(boundary.max_n) if k >= len(course) or course.pending[k]]
    shares = [float(course.share(onset)[k]) if k < len(course) else 0.0 for k in places]
    total = 0.0
    for outcome in product((False, True), repeat=len(places)):
        flags = [*course.events, *[False] * (boundary.max_n - len(course))]
        for k, event in zip(places, outcome, strict=True):
            flags[k] = event
        first = replay(boundary, np.array(flags)).first_look
        if first is None or first > horizon:
            continue

        def weight(p: float, outcome: tuple[bool, ...] = outcome) -> float:
            still = [p * (1 - f) / (1 - p * f) for f in shares]
            return float(posterior.pdf(p)) * math.prod(q if e else 1 - q for q, e in zip(still, outcome, strict=True))

        total += quad(weight, 0, 1, epsabs=1e-11)[0]
    return total


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_chance_with_pending_subjects_is_the_integral_over_all_outcomes(power: float) -> None:
    """Catches a pending subject taken as event-free, or its probability averaged before the path is."""
    boundary = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 12), prior_a=0.6, prior_b=2.4)
    found = outlook(boundary, MIXED, within=2, onset=Onset(power))
    assert found.crossed_at is None
    assert found.from_pending.predicted == pytest.approx(by_integration(boundary, MIXED, 8, Onset(power)), abs=1e-9)
    assert found.within.predicted == pytest.approx(by_integration(boundary, MIXED, 10, Onset(power)), abs=1e-9)
    assert found.by_end.predicted == pytest.approx(by_integration(boundary, MIXED, 11, Onset(power)), abs=1e-9)


def test_chance_against_simulated_trials_with_staggered_entry() -> None:
    """A rate from the posterior; pending subjects drawn until they fit their event-free follow-up; the rest to come."""
    draw = np.random.default_rng(17)
    trials = 40_000
    posterior = posterior_of(MIXED, Prior("stated", 0.6, 2.4), 0.2)
    rate = draw.beta(posterior.a, posterior.b, trials)
    flags = np.zeros((trials, 20), dtype=bool)
    flags[:, : len(MIXED)] = MIXED.event
    flags[:, len(MIXED) :] = draw.random((trials, 12)) < rate[:, np.newaxis]
    for place in np.flatnonzero(MIXED.pending):
        waiting = np.ones(trials, dtype=bool)
        while waiting.any():  # an onset before the follow-up so far did not happen: drawn again
            event = draw.random(waiting.sum()) < rate[waiting]
            early = event & (draw.random(waiting.sum()) < MIXED.followed[place])
            flags[np.flatnonzero(waiting)[~early], place] = event[~early]
            waiting[np.flatnonzero(waiting)[~early]] = False
    looks = first_crossings(SHIPPED, flags)
    found = outlook(SHIPPED, MIXED, within=4)
    for chance in (found.from_pending, found.within, found.by_end):
        share = ((looks > 0) & (looks <= chance.look)).mean()
        error = math.sqrt(chance.predicted * (1 - chance.predicted) / trials)
        assert abs(share - chance.predicted) <= 3.5 * error


def test_before_anybody_is_dosed() -> None:
    found = outlook(POCOCK, NOBODY)
    assert (found.n, found.events, found.now, found.crossed_at, found.effective_n) == (0, 0, None, None, 0)
    assert found.by_end.at_null == pytest.approx(POCOCK.attained_alpha, rel=1e-12)
    assert found.from_pending.predicted == found.from_pending.at_null == 0
    mean, _ = quad(lambda p: beta(0.5, 0.5).pdf(p) * operating_characteristics(POCOCK, [p])[0].p_stop, 0, 1, limit=200)
    assert found.by_end.predicted == pytest.approx(mean, rel=1e-6)
    assert found.next is not None
    assert (found.next.look, found.next.more, found.next.awaited) == (3, 3, 3)


def test_priors_are_named() -> None:
    assert outlook(POCOCK, NOBODY).posterior.prior is JEFFREYS
    assert outlook(POCOCK, NOBODY).posterior.prior.words == "Jeffreys, Beta(0.5, 0.5)"
    reporting = Prior("flat", 1, 1)
    assert outlook(POCOCK, NOBODY, reporting_prior=reporting).posterior.prior is reporting
    own = outlook(SHIPPED, NOBODY, reporting_prior=reporting).posterior.prior
    assert own.words == "the design's prior, Beta(0.6, 2.4)"


def test_posterior_uses_closed_windows_only() -> None:
    """The event of the seventh subject is in the path and not in the rate: its window is open."""
    found = outlook(SHIPPED, MIXED)
    assert (found.n, found.events) == (8, 3)
    assert (found.posterior.events, found.posterior.n) == (2, 5)
    exact = beta(2.6, 5.4)
    assert found.posterior.mean == pytest.approx(exact.mean())
    assert (found.posterior.lower, found.posterior.upper) == pytest.approx(exact.interval(0.95))
    assert found.posterior.above_null == pytest.approx(exact.sf(0.2))


def test_pending_subjects_best_and_worst_case() -> None:
    found = outlook(SHIPPED, MIXED)
    assert [(p.place, p.followed) for p in found.pending] == [(5, 0.9), (8, 0.25)]
    for subject in found.pending:
        wanted, _ = quad(lambda p, f=subject.followed: beta(2.6, 5.4).pdf(p) * p * (1 - f) / (1 - p * f), 0, 1)
        assert subject.predicted == pytest.approx(wanted, rel=1e-8)
        assert subject.at_null == pytest.approx(0.2 * (1 - subject.followed) / (1 - 0.2 * subject.followed))
    assert (found.best.events, found.best.crossed_at) == (3, None)
    assert (found.worst.events, found.worst.crossed_at) == (5, 7)
    assert found.effective_n == pytest.approx(6 + 0.9 + 0.25)
    assert outlook(SHIPPED, MIXED, onset=Onset(0.5)).effective_n == pytest.approx(6 + math.sqrt(0.9) + 0.5)


def test_distance_is_that_of_the_look_that_the_fewest_events_would_cross() -> None:
    """Subject 2 is pending: one event there makes 3 of 4, at a look already passed; look 5 would need two."""
    course = Course((True, False, True, False, False), (True, False, True, True, True), (0, 0.5, 0, 1, 1))
    found = outlook(SHIPPED, course)
    assert found.now is not None
    assert (found.now.look, found.now.events, found.now.stop_at, found.now.more, found.now.awaited) == (4, 2, 3, 1, 1)
    assert found.next is not None
    assert (found.next.look, found.next.more, found.next.awaited, found.next.possible) == (6, 2, 2, True)
    quiet = outlook(SHIPPED, Course.complete([True, False, True, False, False]))
    assert quiet.now is not None
    assert (quiet.now.look, quiet.now.more, quiet.now.possible) == (5, 2, False)


@settings(max_examples=30, deadline=None)
@given(tables(max_n=12), st.data())
def test_distance_is_the_fewest_events_that_cross(
    table: tuple[tuple[int, ...], tuple[int | None, ...]], data: st.DataObject
) -> None:
    boundary = Boundary("table", 0.2, None, *table, None, 0.0)
    n = data.draw(st.integers(0, boundary.max_n))
    events = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    closed = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    course = Course(tuple(events), tuple(closed), (0.5,) * n)
    found = outlook(boundary, course)
    places = np.flatnonzero(course.pending)
    fewest = None
    for outcome in product((False, True), repeat=len(places)):
        flags = course.event
        flags[places] = outcome
        if replay(boundary, flags).crossed:
            fewest = min(sum(outcome), len(places) if fewest is None else fewest)
    possible = found.now is not None and found.now.possible
    assert (found.now.more if possible and found.now else None) == fewest
    assert (found.worst.crossed_at is not None) == (fewest is not None)


def test_after_a_crossing() -> None:
    course = Course((True, True, True, False), (True, True, True, False), (0, 0, 0, 0.5))
    found = outlook(SHIPPED, course)
    assert (found.crossed_at, found.caveat) == (3, NOT_ADJUSTED)
    assert NOT_ADJUSTED == "not adjusted for stopping"
    assert found.now is not None
    assert (found.now.look, found.now.more, found.next) == (3, 0, None)
    for chance in (found.from_pending, found.within, found.by_end):
        assert chance.predicted == pytest.approx(1)
        assert chance.at_null == 1
    assert outlook(SHIPPED, MIXED).caveat is None


def test_beyond_the_last_look_nothing_is_predicted_of_subjects_in_excess() -> None:
    found = outlook(SHIPPED, Course((False,) * 20 + (True,) * 5, (True,) * 25, (1.0,) * 25))
    assert (found.n, found.by_end.subjects, found.by_end.look, found.next) == (25, 0, 20, None)
    assert found.by_end.predicted == 0


def test_a_thousand_subjects_are_predicted_without_loss() -> None:
    """Weights of both signs of rounding would show as a probability outside 0 to 1, or a null that misses alpha."""
    boundary = calibrate("pocock", null_rate=0.2, alpha=0.05, looks=range(1, 1001))
    found = outlook(boundary, NOBODY, within=50)
    assert found.by_end.at_null == pytest.approx(boundary.attained_alpha, rel=1e-10)
    assert 0 <= found.within.predicted <= found.by_end.predicted <= 1


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1e-6, 3), (0.6, 2.4), (300, 700), (2000, 5)])
@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_nodes_integrate_polynomials(a: float, b: float, count: int) -> None:
    nodes, weights = beta_nodes(a, b, count)
    for degree in range(2 * count):
        wanted = float(rising(Fraction(a), degree) / rising(Fraction(a) + Fraction(b), degree))
        assert float(weights @ nodes**degree) == pytest.approx(wanted, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [(((1,), (True,), (0,)), "events"), (((True,), ("yes",), (0,)), "closed"), (((True,), (True,), (2,)), "followed"),
     (((True,), (True,), (float("nan"),)), "followed"), (((True,), (True,), (0, 0)), "followed"),
     (((True,), (True,), "1"), "followed")],
)  # fmt: skip
def test_bad_course(arguments: tuple[object, ...], parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        Course(*arguments)  # type: ignore[arg-type]
    assert error.value.parameter == parameter


def test_bad_words() -> None:
    with pytest.raises(DesignError, match=r"^within = -1"):
        outlook(SHIPPED, NOBODY, within=-1)
    with pytest.raises(DesignError, match=r"^level = 95"):
        outlook(SHIPPED, NOBODY, level=95)
    with pytest.raises(DesignError, match=r"^b = 0"):
        Prior("improper", 1, 0)
