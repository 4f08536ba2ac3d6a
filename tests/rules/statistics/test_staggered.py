"""Enrolment and calendar time against a trial played event by event through the replay that the rules use."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from rules.errors import DesignError
from rules.statistics import Boundary, calibrate, operating_characteristics, replay
from rules.statistics.onset import Onset, still_to_come
from rules.statistics.staggered import staggered_characteristics

EVERY = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 13), prior_a=0.6, prior_b=2.4)
GROUPS = calibrate("pocock", null_rate=0.2, alpha=0.1, looks=(4, 8, 12))


def played(boundary: Boundary, entries: list[float], events: list[float | None]) -> tuple[int, float]:
    """One trial: at each moment at which something becomes known or somebody enters, replay what is known."""
    for moment in sorted({*entries, *(e for e in events if e is not None)}):
        dosed = [e <= moment for e in entries]
        known = [e is not None and e <= moment for e in events[: sum(dosed)]]
        if replay(boundary, np.array(known, dtype=bool)).crossed:
            return sum(dosed), moment
    return len(entries), entries[-1] + 1.0


def simulated(boundary: Boundary, rate: float, gap: float, onset: Onset, poisson: bool) -> np.ndarray:
    draw = np.random.default_rng(5)
    found = []
    for _ in range(700):
        gaps = draw.exponential(gap, boundary.max_n) if poisson else np.full(boundary.max_n, gap)
        entries = np.append(0.0, gaps.cumsum()[:-1]).tolist()
        delays = draw.random(boundary.max_n) ** (1 / onset.power)
        flags = draw.random(boundary.max_n) < rate
        events = [e + d if flag else None for e, d, flag in zip(entries, delays.tolist(), flags, strict=True)]
        found.append(played(boundary, entries, events))
    return np.array(found)


@pytest.mark.parametrize("accrual", ["uniform", "poisson"])
@pytest.mark.parametrize(
    ("boundary", "gap", "power"), [(EVERY, 0.25, 1.0), (EVERY, 1.3, 0.5), (GROUPS, 0.3, 1.0), (GROUPS, 0.04, 3.0)]
)
def test_means_are_those_of_trials_played_one_by_one(
    boundary: Boundary, gap: float, power: float, accrual: str
) -> None:
    onset = Onset(power)
    (row,) = staggered_characteristics(
        boundary, [0.35], window=28, accrual_rate=1 / (28 * gap), accrual=accrual, onset=onset, trials=20_000
    )
    trials = simulated(boundary, 0.35, gap, onset, accrual == "poisson")
    errors = trials.std(axis=0) / math.sqrt(len(trials))
    for mean, wanted, error, own in (
        (row.expected_enrolled, trials[:, 0].mean(), errors[0], row.enrolled_error),
        (row.expected_time / 28, trials[:, 1].mean(), errors[1], row.time_error / 28),
    ):
        assert abs(mean - wanted) <= 3.5 * math.hypot(error, own) + 1e-4  # where all are enrolled no trial differs
    assert (row.how == "exact") == (accrual == "uniform") == (row.time_error == 0)


def test_two_subjects_by_hand() -> None:
    """Stop at the first event: subject 2 enters half a window later unless subject 1 had an event before.

    Rate p, uniform onset: E(enrolled) = 1 + (1 − p / 2). Time: ∫ over [0, ½] of 1 − p t, over [½, 1] of
    (1 − p t)(1 − p (t − ½)), over [1, 1½] of (1 − p)(1 − p (t − ½)).
    """
    p = 0.4
    boundary = calibrate("table", null_rate=0.2, looks=(1, 2), stop_at=(1, 1))
    (row,) = staggered_characteristics(boundary, [p], window=10, accrual_rate=0.2)
    first = 0.5 - p / 8
    second = np.polynomial.Polynomial([1, -p]) * np.polynomial.Polynomial([1 + p / 2, -p])
    third = (1 - p) * np.polynomial.Polynomial([1 + p / 2, -p])
    wanted = first + second.integ()(1) - second.integ()(0.5) + third.integ()(1.5) - third.integ()(1)
    assert row.expected_enrolled == pytest.approx(2 - p / 2, rel=1e-12)
    assert row.expected_time == pytest.approx(10 * wanted, rel=1e-12)


@pytest.mark.parametrize("boundary", [EVERY, GROUPS], ids=["every subject", "groups"])
def test_slow_accrual_enrols_whom_the_recursion_counts(boundary: Boundary) -> None:
    """Where each window closes before the next entry nobody is enrolled in vain."""
    rates = [0.0, 0.1, 0.5, 1.0]
    slow = staggered_characteristics(boundary, rates, window=1, accrual_rate=0.5)
    for row, immediate in zip(slow, operating_characteristics(boundary, rates), strict=True):
        assert row.expected_enrolled == pytest.approx(immediate.expected_n, rel=1e-12)
        assert row.p_stop == immediate.p_stop


def test_faster_accrual_enrols_more_and_ends_earlier() -> None:
    rows = [staggered_characteristics(EVERY, [0.4], window=28, accrual_rate=r)[0] for r in (0.02, 0.1, 0.5, 5.0)]
    assert all(a.expected_enrolled < b.expected_enrolled for a, b in itertools.pairwise(rows))
    assert all(a.expected_time > b.expected_time for a, b in itertools.pairwise(rows))


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0, 4.0])
def test_fewer_nodes_would_do(power: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quadrature has converged: thrice the nodes change nothing that is printed."""
    asked = {"window": 28, "accrual_rate": 1 / 7, "onset": Onset(power)}
    (row,) = staggered_characteristics(EVERY, [0.3], **asked)
    monkeypatch.setattr("rules.statistics.staggered.NODES", (24, 24))
    (finer,) = staggered_characteristics(EVERY, [0.3], **asked)
    assert row.expected_time == pytest.approx(finer.expected_time, rel=1e-6)


def test_a_seed_gives_the_same_figures() -> None:
    asked = {"window": 28, "accrual_rate": 0.2, "accrual": "poisson", "trials": 500}
    assert staggered_characteristics(EVERY, [0.3], **asked) == staggered_characteristics(EVERY, [0.3], **asked)
    other = staggered_characteristics(EVERY, [0.3], **asked, seed=2)
    assert other != staggered_characteristics(EVERY, [0.3], **asked)
    assert other[0].how == "500 simulated trials, seed 2"


def test_onset_is_a_distribution_with_its_inverse() -> None:
    for power in (0.3, 1.0, 2.5):
        onset = Onset(power)
        shares = np.linspace(0, 1, 11)
        assert onset.share(onset.fraction(shares)) == pytest.approx(shares, abs=1e-12)
        assert onset.share([-1.0, 2.0]).tolist() == [0, 1]


def test_a_pending_subject_by_counting() -> None:
    """Of 1,000 subjects at rate .2 half of whose events come in the first half: 100 of the 900 left have one."""
    assert float(still_to_come(0.2, 0.5)) == pytest.approx(100 / 900, rel=1e-14)
    assert still_to_come([0.0, 1.0, 1.0], [0.5, 0.5, 1.0]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("changed", "parameter"),
    [({"window": 0}, "window"), ({"accrual_rate": -1}, "accrual_rate"), ({"accrual": "poison"}, "accrual"),
     ({"accrual": "poisson", "trials": 5}, "trials"), ({"rates": [1.2]}, "rates")],
)  # fmt: skip
def test_bad_input(changed: dict[str, object], parameter: str) -> None:
    asked = {"rates": [0.2], "window": 28, "accrual_rate": 0.2} | changed
    with pytest.raises(DesignError) as error:
        staggered_characteristics(EVERY, **asked)  # type: ignore[arg-type]
    assert error.value.parameter == parameter
    if parameter == "accrual":
        assert "did you mean 'poisson'" in str(error.value)


@pytest.mark.parametrize("power", [0, -1, float("nan"), "early"])
def test_bad_onset(power: object) -> None:
    with pytest.raises(DesignError, match=r"^power = "):
        Onset(power)  # type: ignore[arg-type]
