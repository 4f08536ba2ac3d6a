"""How many terms are tested, and what that does to alpha: Bonferroni for looks that may alert, Holm for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.errors import DesignError
from rules.statistics import checks

MAX_TERMS = 10_000
"""The most terms that one plan divides its alpha by."""


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """The terms that are tested beside each other, and the control of their joint false alarm.

    Bonferroni's inequality holds for looks at any times and whatever the dependence between terms, which none of the
    procedures that order p-values promises for terms looked at again and again.

    Parameters
    ----------
    terms: number of terms tested, this one included; 1 to `MAX_TERMS`. Terms added later need a new plan.
    alpha: false alarm of all of them together, in (0, 1).

    Raises
    ------
    DesignError: terms or alpha outside.

    Source: Bonferroni; its use for adverse event terms: Mehrotra & Heyse, Stat Methods Med Res 2004;13:227, section 2.
    """

    terms: int
    alpha: float

    control = "Bonferroni"
    """Name of the procedure, as it is printed."""

    def __post_init__(self) -> None:
        allowed = f"a whole number of terms from 1 to {MAX_TERMS:,}"
        if not 1 <= checks.whole("terms", self.terms, allowed) <= MAX_TERMS:
            raise DesignError("terms", self.terms, allowed)
        checks.probability("alpha", self.alpha)

    @property
    def each(self) -> float:
        """The alpha of one term."""
        return self.alpha / self.terms

    @property
    def words(self) -> str:
        """What is printed beside an alert: "3 terms tested, Bonferroni: alpha 0.05 in all, 0.0167 each"."""
        if self.terms == 1:
            return f"1 term tested: alpha {self.alpha:g}"
        return f"{self.terms} terms tested, {self.control}: alpha {self.alpha:g} in all, {self.each:.3g} each"


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values of several terms at one and the same analysis, in the order given.

    A term is significant at alpha when its adjusted value is at most alpha; keeps the probability of any false one at
    alpha, whatever the dependence. Not for values that are looked at again.

    Raises
    ------
    DesignError: a value outside [0, 1].

    Source: Holm, Scandinavian Journal of Statistics 1979;6:65.
    """
    values = [checks.rate("p_values", p) for p in checks.several("p_values", p_values, "numbers from 0 to 1")]
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, so_far = [0.0] * len(values), 0.0
    for rank, at in enumerate(order):
        so_far = max(so_far, min(1.0, (len(values) - rank) * values[at]))
        adjusted[at] = so_far
    return tuple(adjusted)
