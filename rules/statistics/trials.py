"""Simulated trials of a scenario, many at once: who was dosed when, had which event when, and left when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rules.statistics.scenario import EventType, Scenario

Days = NDArray[np.int32]
Bools = NDArray[np.bool_]

NEVER = 2**30
"""A day on which nothing happens: later than every other, and far from the end of 32 bits."""

_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class Trials:
    """A batch of trials as the records of each would tell it. Calendar day 0 is the first dose of the first subject.

    Parameters
    ----------
    types: the event types, last axis of the events.
    arms: names of the arms.
    entry: calendar day of first dose, shape (trials, subjects), never falling along subjects.
    arm: position in `arms`, likewise.
    left: calendar day on which the subject left, died included; NEVER; likewise.
    onset: days from first dose to the event, NEVER where it does not come or comes after the subject left; shape
        (trials, subjects, types).
    known: calendar day since when the event is recorded, likewise.
    term: number of the event's coded term among those of its type, likewise; 0 where the type has one.
    """

    types: tuple[EventType, ...]
    arms: tuple[str, ...]
    entry: Days
    arm: NDArray[np.int8]
    left: Days
    onset: Days
    known: Days
    term: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.entry)

    def known_of(self, types: Bools, after_days: int | None = None) -> Days:
        """When the events of some types are known, NEVER outside the window; shape (trials, subjects, chosen types)."""
        known = self.known[..., types]
        return known if after_days is None else np.where(self.onset[..., types] <= after_days, known, np.int32(NEVER))

    def of_arm(self, arm: int) -> Trials:
        """The same trials with the subjects of one arm alone, in their order; places left over are never dosed."""
        order = np.argsort(self.arm != arm, axis=1, kind="stable")
        here = np.take_along_axis(self.arm, order, axis=1) == arm

        def moved(values: Days, otherwise: int) -> Days:
            flags, at = (v.reshape(*v.shape, *[1] * (values.ndim - 2)) for v in (here, order))
            return np.where(flags, np.take_along_axis(values, at, axis=1), np.int32(otherwise)).astype(np.int32)

        entry, left, onset, known = (moved(v, NEVER) for v in (self.entry, self.left, self.onset, self.known))
        term = moved(self.term.astype(np.int32), 0).astype(np.int16)
        return Trials(self.types, self.arms, entry, np.full_like(self.arm, arm), left, onset, known, term)


def draw(scenario: Scenario, trials: int, random: np.random.Generator) -> Trials:
    """Trials of a scenario; a generator in an equal state gives equal trials.

    A subject has an event where √r·Z + √(1 − r)·E > Φ⁻¹(1 − rate), with one standard normal Z a subject, one E a
    type, and r the scenario's correlation (Emrich & Piedmonte 1991). Nothing is recorded after a subject left; death
    is leaving.

    Parameters
    ----------
    trials: how many.
    random: of this batch alone.
    """
    shape = (trials, scenario.n)
    gaps = random.exponential(_MONTH / scenario.accrual_per_month, shape)
    gaps[:, 0] = 0.0
    entry = np.minimum(gaps.cumsum(axis=1), NEVER // 4).astype(np.int32)
    arm = _dealt(scenario, trials, random)
    onset = _onsets(scenario, arm, random)
    left = _left(scenario, shape, random)
    deaths = np.array([one.death for one in scenario.events])
    left = np.minimum(left, onset[..., deaths].min(axis=-1, initial=NEVER))
    onset[onset > left[..., np.newaxis]] = NEVER
    known = np.where(onset < NEVER, entry[..., np.newaxis] + onset + np.int32(scenario.known_after_days), NEVER)
    return Trials(
        types=scenario.events,
        arms=tuple(scenario.arms),
        entry=entry,
        arm=arm,
        left=np.where(left < NEVER, entry + left, NEVER).astype(np.int32),
        onset=onset,
        known=known.astype(np.int32),
        term=_terms(scenario, onset, random),
    )


def _dealt(scenario: Scenario, trials: int, random: np.random.Generator) -> NDArray[np.int8]:
    """The arm of each subject, in permuted blocks."""
    if len(scenario.arms) == 1:
        return np.zeros((trials, scenario.n), dtype=np.int8)
    block = np.repeat(np.arange(len(scenario.arms), dtype=np.int8), list(scenario.arms.values()))
    blocks = -(-scenario.n // len(block))
    dealt = random.permuted(np.broadcast_to(block, (trials, blocks, len(block))), axis=-1)
    return np.ascontiguousarray(dealt.reshape(trials, -1)[:, : scenario.n])


def _onsets(scenario: Scenario, arm: NDArray[np.int8], random: np.random.Generator) -> Days:
    """Day of each event after first dose, NEVER where it does not come."""
    rates = np.array([one.rates for one in scenario.events]).T
    thresholds = -ndtri(rates).astype(np.float32)
    shape = (*arm.shape, len(scenario.events))
    latent = random.standard_normal(shape, dtype=np.float32)
    if scenario.correlation:
        latent *= np.float32(np.sqrt(1 - scenario.correlation))
        latent += np.float32(np.sqrt(scenario.correlation)) * random.standard_normal((*arm.shape, 1), dtype=np.float32)
    comes = latent > (thresholds[arm] if len(rates) > 1 else thresholds[0])
    onset = np.full(shape, NEVER, dtype=np.int32)
    for at, one in enumerate(scenario.events):
        mine = comes[..., at]
        onset[mine, at] = one.onset.days(random.random(int(mine.sum())))
    return onset


def _left(scenario: Scenario, shape: tuple[int, int], random: np.random.Generator) -> Days:
    left = np.full(shape, NEVER, dtype=np.int32)
    if scenario.dropout:
        leaves = random.random(shape) < scenario.dropout
        left[leaves] = random.integers(0, scenario.followup_days + 1, int(leaves.sum()), dtype=np.int32)
    return left


def _terms(scenario: Scenario, onset: Days, random: np.random.Generator) -> NDArray[np.int16]:
    term = np.zeros(onset.shape, dtype=np.int16)
    for at, one in enumerate(scenario.events):
        if one.distinct_terms > 1:
            came = onset[..., at] < NEVER
            term[came, at] = random.integers(0, one.distinct_terms, int(came.sum()), dtype=np.int16)
    return term
