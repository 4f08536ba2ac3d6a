"""The same designs, written a second time for small trials: every history enumerated, all arithmetic in fractions.

Nothing here is shared with `rules.statistics`: no floats, no recursion over looks, no search. A tie is a tie because
two fractions are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb
from typing import Any


def tail(s: int, n: int, p: Fraction) -> Fraction:
    """P(at least s events among n)."""
    return sum((comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(s, n + 1)), Fraction(0))


def posterior_above(s: int, n: int, p: Fraction, a: int, b: int) -> Fraction:
    """P(rate > p | s of n) under Beta(a, b) with whole a, b: the binomial sum 1 − I_p(a + s, b + n − s)."""
    return 1 - tail(a + s, a + b + n - 1, p)


@cache
def histories(n: int) -> tuple[tuple[int, ...], ...]:
    """Every sequence of n outcomes as cumulative event counts."""
    return tuple(tuple(sum(outcomes[: k + 1]) for k in range(n)) for outcomes in product((0, 1), repeat=n))


def characteristics(
    looks: Sequence[int], stop_at: Sequence[int | None], p: Fraction
) -> tuple[Fraction, Fraction, Fraction]:
    """P(stop), expected subjects and expected events, as the plain sum over all histories."""
    a, b, n = p.numerator, p.denominator, looks[-1]
    weights = [a**events * (b - a) ** (n - events) for events in range(n + 1)]
    stopping = [(look, stop) for look, stop in zip(looks, stop_at, strict=True) if stop is not None]
    stops = subjects = events = 0
    for cumulative in histories(n):
        weight = weights[cumulative[-1]]
        crossed = next((look for look, stop in stopping if cumulative[look - 1] >= stop), None)
        stops += weight * (crossed is not None)
        subjects += weight * (crossed or n)
        events += weight * cumulative[(crossed or n) - 1]
    return Fraction(stops, b**n), Fraction(subjects, b**n), Fraction(events, b**n)


def evidence(method: str, n: int, s: int, p: Fraction, given: Mapping[str, Any]) -> Fraction | None:
    """Any rising function of the design's statistic that stays a fraction; None where the count may not stop."""
    q, excess = 1 - p, s - n * p
    if method == "pocock":
        return 1 - tail(s, n, p)
    if method == "obrien_fleming":
        return excess
    if method == "wang_tsiatis":  # |z statistic| raised to the power that makes n^(power × delta) whole
        power = Fraction(given["delta"]).denominator
        return (1 if excess > 0 else -1) * abs(excess) ** power / n ** Fraction(given["delta"]).numerator
    if method == "sprt":
        return (given["p1"] / p) ** s * ((1 - given["p1"]) / q) ** (n - s)
    if method == "max_sprt":
        if excess <= 0 or s < given.get("min_events", 1):
            return None
        return (s / (n * p)) ** s * ((n - s) / (n * q)) ** (n - s)
    a, b = given["prior_a"], given["prior_b"]
    if method == "chen_chaloner" and posterior_above(s, n, given["p1"], a, b) < given["nu"]:
        return None
    return posterior_above(s, n, p, a, b)


def least_conservative(
    method: str, p: Fraction, alpha: Fraction, looks: Sequence[int], **given: Any
) -> tuple[int | None, ...] | None:
    """The table of the family's least conservative boundary that keeps alpha, by trying every cutoff."""
    values = {(n, s): evidence(method, n, s, p, given) for n in looks for s in range(n + 1)}

    def table(cutoff: Fraction) -> tuple[int | None, ...]:
        reached = {at for at, value in values.items() if value is not None and value >= cutoff}
        return tuple(next((s for s in range(n + 1) if (n, s) in reached), None) for n in looks)

    best = None
    for cutoff in sorted({value for value in values.values() if value is not None}, reverse=True):
        candidate = table(cutoff)
        if characteristics(looks, candidate, p)[0] > alpha:
            break
        best = candidate
    return best
