"""The same designs, written a second time for small trials: every history enumerated, all arithmetic in fractions.

Nothing here is shared with `rules.statistics`: no floats, no recursion over looks, no search. A tie is a tie because
two fractions are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb


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


def least_conservative(
    method: str, p: Fraction, alpha: Fraction, looks: Sequence[int], prior: tuple[int, int] = (1, 1)
) -> tuple[int | None, ...] | None:
    """The table of the family's least conservative boundary that keeps alpha, by trying every cutoff."""

    @cache
    def evidence(n: int, s: int) -> Fraction:
        return 1 - tail(s, n, p) if method == "pocock" else posterior_above(s, n, p, *prior)

    def table(cutoff: Fraction) -> tuple[int | None, ...]:
        return tuple(next((s for s in range(n + 1) if evidence(n, s) >= cutoff), None) for n in looks)

    best = None
    for cutoff in sorted({evidence(n, s) for n in looks for s in range(n + 1)}, reverse=True):
        candidate = table(cutoff)
        if characteristics(looks, candidate, p)[0] > alpha:
            break
        best = candidate
    return best
