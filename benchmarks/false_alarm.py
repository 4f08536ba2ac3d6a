"""Is a rule's stated false alarm true? Simulated safe trials, polled daily, through the replay that the rules use.

    python -m benchmarks.false_alarm [--trials 20000] [--seed 1]

Each trial enrols `max_n` subjects one after another; each has an event within the window with the null rate, known
on the day of its onset. At every poll the subjects dosed so far stand in order of first dose, pending ones in
their places as no event yet; the trial stops at the first poll at which a look has crossed. For contrast, the same
trials with subjects in the order in which their outcomes become known. Exit 1 when any of the eight stated false
alarms is off by more than three Monte-Carlo errors.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.statistics import Boundary, calibrate, first_crossings

GAPS = (1.0, 3.0, 7.0, 14.0)
"""Mean days between first doses: 20 subjects in three weeks, two months, five months, nine months."""

ONSETS = ("early", "uniform")
WINDOW = 28.0
EARLY_MEAN = 4.0

Days = NDArray[np.float64]


@dataclass(frozen=True)
class Trials:
    """Days of first dose, rising along the second axis, and of onset (inf = no event); both (trials, subjects)."""

    dosed: Days
    onset: Days


def simulate(boundary: Boundary, *, gap_days: float, onset: str, trials: int, seed: int) -> Trials:
    """Safe trials: Poisson accrual, events at the null rate, onset early (mean 4 days) or uniform in the window."""
    draw = np.random.default_rng([seed, int(gap_days), ONSETS.index(onset)])
    shape = (trials, boundary.max_n)
    dosed = draw.exponential(gap_days, shape).cumsum(axis=1)
    share = draw.random(shape)
    cut = 1 - math.exp(-WINDOW / EARLY_MEAN)
    after = share * WINDOW if onset == "uniform" else -EARLY_MEAN * np.log1p(-share * cut)
    return Trials(dosed, np.where(draw.random(shape) < boundary.null_rate, dosed + after, np.inf))


def alarms_by_first_dose(boundary: Boundary, trials: Trials) -> NDArray[np.bool_]:
    """Which trials ever stop when polled daily, replayed in order of first dose."""
    stopped = np.zeros(len(trials.dosed), dtype=np.bool_)
    seen = np.zeros((len(stopped), 2), dtype=np.int64)
    for day in range(1, math.ceil(trials.dosed.max() + WINDOW) + 1):
        known = trials.onset <= day
        facts = np.stack([(trials.dosed <= day).sum(axis=1), known.sum(axis=1)], axis=1)
        news = np.flatnonzero((facts != seen).any(axis=1) & ~stopped)
        for n in np.unique(facts[news, 0]):
            polled = news[facts[news, 0] == n]
            stopped[polled] = first_crossings(boundary, known[polled, :n]) > 0
        seen = facts
    return stopped


def alarms_by_outcome(boundary: Boundary, trials: Trials) -> NDArray[np.bool_]:
    """Which trials would ever stop if subjects stood in the order in which their outcomes become known."""
    event = np.isfinite(trials.onset)
    order = np.argsort(np.where(event, trials.onset, trials.dosed + WINDOW), axis=1)
    return first_crossings(boundary, np.take_along_axis(event, order, axis=1)) > 0


def report(boundary: Boundary, trials: int, seed: int) -> bool:
    """Print one line a combination; whether all of them are within three Monte-Carlo errors."""
    exact = boundary.attained_alpha
    error = math.sqrt(exact * (1 - exact) / trials)
    print(f"Attained alpha {exact:.4f}, exact. {trials:,} safe trials a line, one Monte-Carlo error {error:.4f}.\n")
    print("days between doses  onset    by first dose  errors off  by outcome  seconds")
    worst = 0.0
    for gap in GAPS:
        for onset in ONSETS:
            began = time.perf_counter()
            simulated = simulate(boundary, gap_days=gap, onset=onset, trials=trials, seed=seed)
            ours = alarms_by_first_dose(boundary, simulated).mean()
            other = alarms_by_outcome(boundary, simulated).mean()
            off = (ours - exact) / error
            worst = max(worst, abs(off))
            took = time.perf_counter() - began
            print(f"{gap:18.0f}  {onset:7s}  {ours:13.4f}  {off:+10.1f}  {other:10.3f}  {took:7.1f}")
    return worst <= 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate the shipped rule: beta-binomial, null rate .20, alpha .10, a look after each of 20 subjects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    boundary = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
    return 0 if report(boundary, options.trials, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
