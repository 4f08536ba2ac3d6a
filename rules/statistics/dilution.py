"""What a boundary over all arms sees of harm on one arm alone: the others dilute it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rules.errors import DesignError
from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.recursion import Floats
from rules.statistics.unequal import one_more_subject, stops_by_subject

_MOST = 100
"""The largest share of an arm in a block, as in `rules.statistics.scenario`."""


def stops_with_harm_on_one_arm(boundary: Boundary, rates: Mapping[str, float], shares: Mapping[str, int]) -> float:
    """P(stop) of a boundary that counts all arms together, when each arm has an event rate of its own.

    Exact: the recursion carries P(s events, not crossed) for every composition of what is left of the block, so that
    the order of arms within a block is averaged over, not sampled.

    Parameters
    ----------
    boundary: over all subjects in order of first dose, outcomes immediate.
    rates: arm → event probability per subject, from 0 to 1.
    shares: arm → subjects in each permuted block, 1 to 100; the same arms.

    Raises
    ------
    DesignError: arms that differ, a rate or a share outside its range.

    Source: the recursion of Schultz et al., Biometrics 1973;29:293, over permuted blocks (ICH E9 §2.3.2).
    """
    if not shares or set(rates) != set(shares):
        raise DesignError("rates", dict(rates), f"one for each arm: {', '.join(shares)}")
    chances = [checks.rate("rates", rates[arm]) for arm in shares]
    block = tuple(_share(value) for value in shares.values())
    stops = stops_by_subject(boundary)
    top = int(min(stops.max(), boundary.max_n + 1))
    start = np.zeros((top + 1, 1))
    start[0] = 1.0
    alive: dict[tuple[int, ...], Floats] = {block: start}
    crossed = 0.0
    for stop in stops.tolist():
        alive = _next_subject(alive, chances, block)
        for left in alive.values():
            crossed += float(left[stop:].sum())
            left[stop:] = 0.0
    return min(crossed, 1.0)


def _next_subject(
    alive: Mapping[tuple[int, ...], Floats], chances: list[float], block: tuple[int, ...]
) -> dict[tuple[int, ...], Floats]:
    """One more subject, of whichever arm the rest of the block holds; an empty block is a new one."""
    after: dict[tuple[int, ...], Floats] = {}
    for left, mass in alive.items():
        for arm, count in enumerate(left):
            if not count:
                continue
            moved = mass * (count / sum(left))
            one_more_subject(moved, np.array([chances[arm]]))
            rest = tuple(n - (i == arm) for i, n in enumerate(left))
            key = rest if any(rest) else block
            after[key] = after[key] + moved if key in after else moved
    return after


def _share(value: object) -> int:
    allowed = f"subjects of the arm in a block, a whole number from 1 to {_MOST}"
    share = checks.whole("shares", value, allowed)
    if not 1 <= share <= _MOST:
        raise DesignError("shares", value, allowed)
    return share
