"""Independent slow ways to the same numbers: exact polynomials, simulated processes, trials subject by subject."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from rules.statistics.exposure import ExposureBoundary


def p_stop_by_polynomials(events: Sequence[int], up_to: Sequence[float], hazard: float) -> float:
    """P(stop) by the volume of event histories that never cross, in exact rational arithmetic.

    f_k(t) is the volume of 0 < t_1 < … < t_k < t with t_e > u_e for every e that can stop. Since u_e never falls,
    f_k is one polynomial: f_k(t) = ∫ f_(k−1) from u_k to t. A Poisson process is running at the end with k events with
    probability λ^k exp(−λ T) f_k(T).
    """
    bounds = [Fraction(0)] * (events[0] - 1) + [Fraction(u) for u in up_to]
    end, rate = bounds[-1], Fraction(hazard)
    polynomial, running = [Fraction(1)], Fraction(0)
    for k in range(events[-1]):
        running += rate**k * _at(polynomial, end)
        integral = [Fraction(0)] + [c / (i + 1) for i, c in enumerate(polynomial)]
        integral[0] = -_at(integral, bounds[k])
        polynomial = integral
    return 1.0 - float(running) * math.exp(-float(rate * end))


def _at(polynomial: list[Fraction], x: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(polynomial):
        total = total * x + c
    return total


def simulated_process(boundary: ExposureBoundary, hazard: float, trials: int, seed: int) -> np.ndarray:
    """Event number and exposure at the stop of simulated Poisson processes, 0 and the end where none; (trials, 2)."""
    rng = np.random.default_rng(seed)
    end, start = boundary.total_exposure, boundary.first_exposure
    ends = np.zeros((trials, 2))
    for trial in range(trials):
        times = np.sort(rng.random(rng.poisson(hazard * end)) * end)
        ends[trial] = 0, end
        for number, time in enumerate(times, 1):
            up_to = boundary.up_to(number)
            if up_to is not None and time <= up_to:
                moment = max(time, start)
                ends[trial] = np.sum(times <= moment), moment
                break
    return ends


def trial_crosses(
    boundary: ExposureBoundary, entry: Sequence[float], time: Sequence[float], event: Sequence[bool]
) -> bool:
    """One trial, subject by subject: at each event the person-time of everybody up to that day."""
    days = sorted(e + t for e, t, had in zip(entry, time, event, strict=True) if had)
    for number, day in enumerate(days, 1):
        total = sum(min(max(day - e, 0.0), t) for e, t in zip(entry, time, strict=True))
        up_to = boundary.up_to(number)
        if up_to is not None and total <= up_to * (1 + 1e-12):
            return sum(time) >= boundary.first_exposure
    return False


def incidence_by_redistribution(time: Sequence[float], cause: Sequence[int], of: int, by: float) -> float:
    """Cumulative incidence by giving the mass of each censored subject to those who stay (Efron)."""
    order = sorted(range(len(time)), key=lambda i: (time[i], cause[i] == 0))
    mass = dict.fromkeys(order, 1.0 / len(time))
    total = 0.0
    for place, i in enumerate(order):
        later = order[place + 1 :]
        if cause[i] == 0:
            for j in later:
                mass[j] += mass[i] / len(later)
        elif cause[i] == of and time[i] <= by:
            total += mass[i]
    return total
