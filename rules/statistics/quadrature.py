"""Expectation over a beta posterior: nodes and weights that integrate polynomials exactly."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh_tridiagonal

from rules.statistics.recursion import Floats


def beta_nodes(a: float, b: float, count: int) -> tuple[Floats, Floats]:
    """Gauss quadrature for a Beta(a, b) variable: E f(P) = Σ weight · f(node), exact up to degree 2 · count − 1.

    The rate of a beta-binomial model enters every event history as a polynomial, so that with half as many nodes as
    subjects to come a predictive probability is exact.

    Parameters
    ----------
    a, b: parameters of the distribution, positive.
    count: nodes, at least 1.

    Returns
    -------
    Nodes in [0, 1], rising, and weights that sum to 1; each of shape (count,).

    Source: Golub & Welsch, Math. Comp. 1969;23:221, with the recurrence of the Jacobi polynomials (DLMF 18.9.2)
    moved to [0, 1].
    """
    k = np.arange(1, count, dtype=np.float64)
    total = a + b
    on = np.empty(count)
    on[0] = a / total
    twice = 2 * k + total - 2
    on[1:] = 0.5 + (a - b) * (total - 2) / (2 * twice * (twice + 2))
    later, wide = k[1:], twice[1:]
    beside = np.empty(count - 1)
    beside[:1] = a * b / (total**2 * (total + 1))
    beside[1:] = (later * (later + a - 1) / wide**2) * ((later + b - 1) * (later + total - 2) / (wide**2 - 1))
    nodes, vectors = eigh_tridiagonal(on, np.sqrt(beside))
    return np.clip(nodes, 0.0, 1.0), vectors[0] ** 2
