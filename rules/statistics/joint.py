"""False alarms of all rules of a study together, by simulating whole trials of a stated null scenario.

Each rule keeps its own false alarm at best; a study with nine of them alarms far more often, and by how much depends
on what else happens to safe subjects and on how it hangs together. Nobody can add that up: it is simulated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError, NotSimulatedError
from rules.statistics import checks
from rules.statistics.scenario import Scenario
from rules.statistics.trials import NEVER, Days, Trials, draw

ANY = "any"
"""The alarm of whichever rule."""

MAX_TRIALS = 10_000_000
"""The most trials that one call simulates."""

_BATCH = 50_000
"""Subjects a batch. A constant, so that the same seed gives the same trials on any number of workers."""


@runtime_checkable
class Simulates(Protocol):
    """A rule that can judge simulated trials: what a kind offers beside `evaluate`."""

    id: str
    action: Any

    def simulate(self, trials: Trials) -> Days:
        """Calendar day on which each trial first meets the rule, `NEVER` where it does not; shape (trials,).

        A trial is met when `evaluate` would find the rule CROSSED or PROVISIONAL at the end of any day.

        Raises
        ------
        NotSimulatedError: the rule asks for what the trials do not have.
        """


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """How often safe trials alarm.

    Parameters
    ----------
    name: rule id, action, or "any".
    probability: share of the trials.
    error: its Monte-Carlo standard error, √(p (1 − p) / trials).
    """

    name: str
    probability: float
    error: float


@dataclass(frozen=True, slots=True)
class JointResult:
    """False alarms under the scenario; they say nothing of what the scenario leaves out.

    Parameters
    ----------
    rules: each rule, in the order given.   actions: some rule with this action alarms, in order of appearance.
    any: some rule alarms.
    not_included: rule id → why it is in no figure, so that the true ones are at least these.
    n, trials, seed: subjects of each trial, number of trials, seed.
    """

    rules: tuple[FalseAlarm, ...]
    actions: tuple[FalseAlarm, ...]
    any: FalseAlarm
    not_included: Mapping[str, str]
    n: int
    trials: int
    seed: int

    def above(self, allowed: Mapping[str, float]) -> tuple[tuple[FalseAlarm, float], ...]:
        """The alarms above what is allowed for their action (or for "any"), each with the allowance.

        Parameters
        ----------
        allowed: action or "any" → probability; what is not named is not limited.
        """
        found = ((alarm, allowed.get(alarm.name)) for alarm in (*self.actions, self.any))
        return tuple((alarm, limit) for alarm, limit in found if limit is not None and alarm.probability > limit)


@dataclass(frozen=True, slots=True)
class NotComputed:
    """There is no figure, and why: never a default scenario in its place."""

    reason: str


def joint(rules: Sequence[Any], scenario: Scenario, *, trials: int, seed: int, workers: int = 2) -> JointResult:
    """False alarms of rules under a scenario, per rule, per action and of any.

    Parameters
    ----------
    rules: rules of one study; each has `id` and `action`. One without `simulate` is listed as not included.
    scenario: what happens in safe trials.
    trials: how many to simulate; the standard error falls with their square root.
    seed: a whole number of at least 0. Equal seeds give equal results, on any number of workers.
    workers: threads.

    Raises
    ------
    DesignError: trials, seed or workers that are not whole numbers of a possible size.
    """
    for name, value, least, most in (("trials", trials, 1, MAX_TRIALS), ("workers", workers, 1, 64)):
        allowed = f"a whole number from {least:,} to {most:,}"
        if not least <= checks.whole(name, value, allowed) <= most:
            raise DesignError(name, value, allowed)
    checks.seed(seed)
    judged, refused = _judged(rules, scenario)
    actions = list(dict.fromkeys(str(rule.action) for rule in judged))
    groups = [[r for r, rule in enumerate(judged) if str(rule.action) == action] for action in actions]
    rows = [*([r] for r in range(len(judged))), *groups, list(range(len(judged)))]
    counts = _count(judged, rows, scenario, trials, seed, workers)
    names = [*(rule.id for rule in judged), *actions, ANY]
    alarms = [_alarm(name, count, trials) for name, count in zip(names, counts.tolist(), strict=True)]
    size = len(judged)
    return JointResult(tuple(alarms[:size]), tuple(alarms[size:-1]), alarms[-1], refused, scenario.n, trials, seed)


def _judged(rules: Iterable[Any], scenario: Scenario) -> tuple[list[Simulates], dict[str, str]]:
    """The rules that can judge a trial of this scenario, and why others cannot."""
    sample = draw(scenario, 1, np.random.default_rng(0))
    judged: list[Simulates] = []
    refused: dict[str, str] = {}
    for rule in rules:
        if not isinstance(rule, Simulates):
            refused[rule.id] = f"rules of kind {getattr(rule, 'kind', '?')!r} are not simulated"
            continue
        try:
            rule.simulate(sample)
        except NotSimulatedError as error:
            refused[rule.id] = str(error)
        else:
            judged.append(rule)
    return judged, refused


def _count(
    rules: Sequence[Simulates], rows: Sequence[Sequence[int]], scenario: Scenario, trials: int, seed: int, workers: int
) -> NDArray[np.int64]:
    """Number of trials in which some rule of each row alarms."""
    size = max(1, _BATCH // scenario.n)
    root = np.random.default_rng(seed)
    generators = root.spawn(-(-trials // size))
    sizes = [size] * (len(generators) - 1) + [trials - size * (len(generators) - 1)]

    def batch(of: int, random: np.random.Generator) -> NDArray[np.int64]:
        simulated = draw(scenario, of, random)
        met = np.array([rule.simulate(simulated) < NEVER for rule in rules]).reshape(len(rules), of)
        return np.array([met[row].any(axis=0).sum() for row in rows], dtype=np.int64)

    with ThreadPoolExecutor(workers) as pool:
        return np.asarray(np.sum(list(pool.map(batch, sizes, generators)), axis=0))


def _alarm(name: str, count: int, trials: int) -> FalseAlarm:
    share = count / trials
    return FalseAlarm(name, share, math.sqrt(share * (1 - share) / trials))
