"""What closed windows say about the event probability: a beta posterior that names its prior."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betaincc, betainccinv, betaincinv

from rules.statistics import checks
from rules.statistics.boundary import Boundary
from rules.statistics.course import Course


@dataclass(frozen=True, slots=True)
class Prior:
    """A Beta(a, b) prior with the name under which figures state it.

    Parameters
    ----------
    name: in words, for example "Jeffreys".
    a, b: positive; the prior counts like a + b subjects.

    Raises
    ------
    DesignError: a or b outside `checks.PRIOR_SIZES`.
    """

    name: str
    a: float
    b: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", checks.prior("a", self.a))
        object.__setattr__(self, "b", checks.prior("b", self.b))

    @property
    def words(self) -> str:
        """Name and parameters: "Jeffreys, Beta(0.5, 0.5)"."""
        return f"{self.name}, Beta({self.a:g}, {self.b:g})"


JEFFREYS = Prior("Jeffreys", 0.5, 0.5)
"""The prior where neither the design nor the study names one."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the closed windows say about the event probability.

    Parameters
    ----------
    prior: what it starts from.
    events, n: among subjects whose window has closed, whatever their outcome.
    level: probability between `lower` and `upper`, equal tails.
    mean, lower, upper: of the event probability.
    above_null: probability that the event probability exceeds the null rate.
    """

    prior: Prior
    events: int
    n: int
    level: float
    mean: float
    lower: float
    upper: float
    above_null: float

    @property
    def a(self) -> float:
        """First parameter of the posterior."""
        return self.prior.a + self.events

    @property
    def b(self) -> float:
        """Second parameter of the posterior."""
        return self.prior.b + self.n - self.events


def design_prior(boundary: Boundary) -> Prior | None:
    """The prior of a design that has one (`prior_a`, `prior_b`); None for the others."""
    a, b = (boundary.parameters.get(name) for name in ("prior_a", "prior_b"))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return Prior("the design's prior", a, b)
    return None


def posterior_of(course: Course, prior: Prior, null_rate: float, level: float = 0.95) -> Posterior:
    """The posterior on closed windows, whatever their outcome.

    Parameters
    ----------
    course: the subjects dosed so far.
    prior: as it is to be named.
    null_rate: event probability that is still acceptable, in (0, 1).
    level: probability of the interval, in (0, 1).

    Source: conjugate updating, Geller et al. 2003; Thall & Simon, Biometrics 1994;50:337.
    """
    events, n = course.closed_counts()
    a, b, tail = prior.a + events, prior.b + n - events, (1.0 - level) / 2
    return Posterior(
        prior=prior,
        events=events,
        n=n,
        level=level,
        mean=a / (a + b),
        lower=float(betaincinv(a, b, tail)),
        upper=float(betainccinv(a, b, tail)),
        above_null=float(betaincc(a, b, null_rate)),
    )
