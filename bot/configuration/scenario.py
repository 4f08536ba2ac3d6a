"""The `null_scenario:` block: what happens in an acceptably safe trial of this study, for the joint false alarm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bot.configuration.base import Block
from bot.configuration.problems import Problem, suggestion
from bot.configuration.reader import Document, Place
from bot.configuration.words import Code, refuse
from rules.errors import DesignError
from rules.model import Action, StudyPlan
from rules.statistics.joint import ANY
from rules.statistics.scenario import EventType, OnsetDays, Scenario

_PLACE: Place = ("null_scenario",)


def _words(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _by_name(value: Any) -> Any:
    return {ANY: value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _of_actions(allowed: Mapping[str, float]) -> Mapping[str, float]:
    known = [*(action.value for action in Action), ANY]
    for name in allowed:
        if name not in known:
            raise refuse("allowance", f"{name!r} is no action", suggestion(name, known))
    return allowed


Share = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[list[Code], BeforeValidator(_words, json_schema_input_type=str | list[str])]
Allowance = Annotated[
    Mapping[str, Share],
    BeforeValidator(_by_name, json_schema_input_type=float | dict[str, float]),
    AfterValidator(_of_actions),
]


class NullEvent(Block):
    """One type of event that safe subjects have, at most once each.

    Parameters
    ----------
    rate: probability per subject that it comes by `within_days`: one number, or one for each arm.
    onset, within_days, median_days: when; see `rules.statistics.scenario.OnsetDays`.
    grade, related, serious, death, unexpected, soc, lesion_role: what its record says.
    terms: the lists under `terms:` that hold its coded term; left out = in no list.
    distinct_terms: over how many coded terms it spreads; 1 gives rules on one term the most coincidences.
    """

    rate: Share | Mapping[str, Share]
    onset: Literal["uniform", "front_loaded", "exponential"]
    within_days: int
    median_days: float | None = None
    grade: int
    related: bool
    serious: bool
    death: bool = False
    unexpected: bool | None = None
    soc: Code | None = None
    lesion_role: Literal["treated", "control", "systemic"] | None = None
    terms: Names = Field(default_factory=list)
    distinct_terms: int = 1

    def rates(self, arms: Mapping[str, int]) -> tuple[float, ...]:
        """The rate on each arm. Raises DesignError where arms and rates are not the same."""
        if not isinstance(self.rate, Mapping):
            return (self.rate,) * len(arms)
        if set(self.rate) != set(arms):
            raise DesignError("rate", dict(self.rate), f"one rate, or one for each arm: {', '.join(arms)}")
        return tuple(self.rate[arm] for arm in arms)

    def type(self, name: str, arms: Mapping[str, int]) -> EventType:
        """The type of event. Raises DesignError for what cannot be."""
        onset = OnsetDays(self.onset, self.within_days, self.median_days)
        said = {key: getattr(self, key) for key in _SAID}
        return EventType(name, self.rates(arms), onset, terms=tuple(self.terms), **said)


_SAID = ("grade", "related", "serious", "death", "unexpected", "soc", "lesion_role", "distinct_terms")


class NullScenario(Block):
    """What happens in a safe trial. Optional as a whole; then joint false alarms are not computed. Never a default.

    Parameters
    ----------
    n: subjects dosed.
    arms: arm → share; subjects are dealt in blocks. Left out = one arm.
    accrual_per_month: subjects dosed in a month.
    dropout: probability that a subject leaves before the end of its follow-up (treatment_days + followup_days).
    correlation: between types of event within a subject; see `rules.statistics.scenario.Scenario`.
    known_after_days: from an onset until its record is here.
    events: name → type of event.
    trials, seed: of the simulation.
    max_joint_false_alarm: the most that is acceptable before `dsmbot check` warns: one probability for any rule, or
        a mapping of actions (and `any`) to probabilities.
    """

    n: int
    arms: Mapping[str, int] = Field(default_factory=lambda: {"all": 1})
    accrual_per_month: float
    dropout: float
    correlation: float
    known_after_days: int = 0
    events: Annotated[Mapping[str, NullEvent], Field(min_length=1)]
    trials: Annotated[int, Field(ge=1_000, le=10_000_000)] = 20_000
    seed: Annotated[int, Field(ge=0)] = 1
    max_joint_false_alarm: Allowance = Field(default_factory=dict)

    def scenario(self, plan: StudyPlan, *only: str) -> Scenario:
        """The scenario for the study's follow-up, of all types of event or only some. Raises DesignError."""
        return Scenario(
            n=self.n,
            events=tuple(one.type(name, self.arms) for name, one in self.events.items() if not only or name in only),
            correlation=self.correlation,
            accrual_per_month=self.accrual_per_month,
            dropout=self.dropout,
            followup_days=plan.treatment_days + plan.followup_days,
            arms=dict(self.arms),
            known_after_days=self.known_after_days,
        )


def scenario_problems(
    document: Document, block: NullScenario, plan: StudyPlan, terms: Mapping[str, Any]
) -> list[Problem]:
    """What keeps a scenario that reads well from being simulated: impossible numbers, and term lists not there."""
    found: list[Problem] = []
    for name, one in block.events.items():
        place: Place = (*_PLACE, "events", name)
        missing = [word for word in one.terms if word not in terms]
        found += [
            document.problem((*place, "terms"), f"no term list is called {word!r}", suggestion(word, list(terms)))
            for word in missing
        ]
        found += _refused(document, place, partial(block.scenario, plan, name))
    return list(dict.fromkeys(found)) or _refused(document, _PLACE, partial(block.scenario, plan))


def _refused(document: Document, place: Place, make: Any) -> list[Problem]:
    try:
        make()
    except DesignError as error:
        for block in (place, _PLACE):
            if error.parameter in document.value(block):
                place = (*block, error.parameter)
                break
        said = "is missing" if error.value is None else f"= {error.value!r} is not possible"
        return [document.problem(place, f"{error.parameter} {said}", f"It must be {error.allowed}")]
    return []
