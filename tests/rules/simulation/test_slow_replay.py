"""The boundary's simulation against a replay in plain Python, day by day, on many more trials than records allow.

Catches: a trial passed over by the shortcut that only replays those that can cross, above all with group looks,
where a subject who leaves can take a look away again.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.kinds.simulated import boundary_day
from rules.statistics import calibrate
from rules.statistics.boundary import Boundary
from rules.statistics.scenario import EventType, OnsetDays, Scenario
from rules.statistics.trials import NEVER, Trials, draw
from tests.rules.statistics.strategies import tables


def slow_day(boundary: Boundary, trials: Trials, trial: int, after_days: int, continue_last: bool) -> int:
    """First day of crossing, by going through the days and rebuilding the sequence on each."""
    entry, left = trials.entry[trial].tolist(), trials.left[trial].tolist()
    known = trials.known[trial, :, 0].tolist()
    stops = dict(zip(boundary.looks, boundary.stop_at, strict=True))
    for day in sorted({*entry, *left, *known} - {NEVER}):
        events = k = 0
        for j, start in enumerate(entry):
            event = known[j] <= day
            if start > day or (not event and left[j] <= day and left[j] < start + after_days):
                continue
            k, events = k + 1, events + event
            stop = stops.get(k) if k <= boundary.max_n or not continue_last else boundary.stop_at[-1]
            if stop is not None and events >= stop:
                return int(day)
    return NEVER


@settings(max_examples=40, deadline=None)
@given(
    table=tables(max_n=12),
    n=st.integers(1, 14),
    rate=st.sampled_from([0.2, 0.5, 0.8]),
    dropout=st.sampled_from([0.0, 0.3, 0.8]),
    late=st.sampled_from([0, 15]),
    seed=st.integers(0, 10_000),
    continue_last=st.booleans(),
)
def test_a_boundary_is_met_on_the_day_the_slow_replay_says(
    table: tuple[tuple[int, ...], tuple[int | None, ...]],
    n: int,
    rate: float,
    dropout: float,
    late: int,
    seed: int,
    continue_last: bool,
) -> None:
    boundary = calibrate("table", null_rate=0.2, looks=table[0], stop_at=table[1])
    one = EventType("e", (rate,), OnsetDays("uniform", 28), 3, True, False)
    scenario = Scenario(n, (one,), 0.0, 10, dropout, followup_days=40, known_after_days=late)
    trials = draw(scenario, 30, np.random.default_rng(seed))
    found = boundary_day(boundary, trials, trials.known[..., 0], 28, continue_last=continue_last)
    assert found.tolist() == [slow_day(boundary, trials, i, 28, continue_last) for i in range(30)]
