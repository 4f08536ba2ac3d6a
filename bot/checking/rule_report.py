"""One rule in figures for `dsmbot check`: its table, its false alarm, how often it stops, also with harm on one arm.

A kind takes part by offering a `boundary`: a `Boundary` on numbers of subjects, or an `ExposureBoundary`. Reads
configurations only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.config import StudyConfig
from rules.model import Rule
from rules.statistics import Boundary, Characteristics, operating_characteristics
from rules.statistics.dilution import stops_with_harm_on_one_arm
from rules.statistics.exposure import ExposureBoundary, ExposureCharacteristics, SimulatedAlpha, simulated_alpha
from rules.statistics.joint import JointResult

RATES = (1.0, 1.5, 2.0)
"""True rates at which a boundary is shown, as multiples of its null rate."""

SIMULATED = 400_000
"""Subjects simulated for each hazard of an exposure rule: some tenths of a second."""

_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class OneArm:
    """P(stop) of a rule over all arms when one arm alone has a raised rate.

    Parameters
    ----------
    arm: whose rate is raised; "" = any, where all arms are of one size.   rate: there.   control_rate: in the others.
    p_stop: exact, arms dealt in permuted blocks.
    """

    arm: str
    rate: float
    control_rate: float
    p_stop: float


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule in figures and words.

    Parameters
    ----------
    study, id, title: which rule.   says: the rule in one sentence.
    looks, stop_at: the boundary's table, None where the rule has none; `stop_at` is None where no count can stop.
    events, up_to_exposure: the same of a boundary on exposure.
    attained_alpha: exact false alarm at the null rate, None likewise.
    oc: operating characteristics at 1, 1.5 and 2 times the null rate.
    one_arm: for a rule over several arms with `control_rate`: 1.5 and 2 times the null rate on one arm alone.
    simulated: of an exposure rule, the false alarm of whole trials at the configured accrual, a hazard each.
    joint: simulated under `null_scenario`: how often this rule, some rule of its action, and any rule alarms.
    notes: what to know about these figures, in sentences.
    """

    study: str
    id: str
    title: str
    says: str
    looks: tuple[int, ...] | None = None
    stop_at: tuple[int | None, ...] | None = None
    events: tuple[int, ...] | None = None
    up_to_exposure: tuple[float, ...] | None = None
    attained_alpha: float | None = None
    oc: tuple[Characteristics, ...] | tuple[ExposureCharacteristics, ...] = ()
    one_arm: tuple[OneArm, ...] = ()
    simulated: tuple[SimulatedAlpha, ...] = ()
    joint: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON values for `check --json`; keys beside the contract's only where they have something to say."""
        found: dict[str, Any] = {
            "study": self.study,
            "id": self.id,
            "title": self.title,
            "says": self.says,
            "attained_alpha": self.attained_alpha,
            "looks": list(self.looks) if self.looks is not None else None,
            "stop_at": list(self.stop_at) if self.stop_at is not None else None,
            "oc": [_row(c) for c in self.oc],
            "notes": list(self.notes),
        }
        if self.events is not None and self.up_to_exposure is not None:
            found |= {"events": list(self.events), "up_to_exposure": list(self.up_to_exposure)}
        if self.one_arm:
            found["one_arm"] = [_fields(one, ("arm", "rate", "control_rate", "p_stop")) for one in self.one_arm]
        if self.simulated:
            names = ("alpha", "error", "trials", "n", "accrual", "onset")
            found["simulated"] = [_fields(one, names) for one in self.simulated]
        return found | ({"joint": dict(self.joint)} if self.joint else {})

    def table(self) -> str:
        """The boundary in words: "3 (n 3-4), 4 (5-7), …"; "" where the rule has none."""
        if self.events is not None and self.up_to_exposure is not None:
            pairs = zip(self.events, self.up_to_exposure, strict=True)
            return ", ".join(f"{event} (up to {exposure:,.0f} days)" for event, exposure in pairs)
        if self.looks is None or self.stop_at is None:
            return ""
        steps = [f"{count} (n {first}-{last})" if first != last else f"{count} (n {first})"
                 for count, first, last in _steps(self.looks, self.stop_at)]  # fmt: skip
        return ", ".join(steps)


def boundary_of(rule: Rule) -> Boundary | None:
    """The stopping boundary on numbers of subjects of a rule that has one."""
    found = getattr(rule, "boundary", None)
    return found if isinstance(found, Boundary) else None


def exposure_boundary_of(rule: Rule) -> ExposureBoundary | None:
    """The stopping boundary on exposure of a rule that has one."""
    found = getattr(rule, "boundary", None)
    return found if isinstance(found, ExposureBoundary) else None


def arms_of(study: StudyConfig) -> Mapping[str, int]:
    """Arm → share, as `null_scenario` states them; two equal arms where only a rule by arm or a control rate says that
    there are several; {} where nothing says so.
    """
    stated = study.null_scenario.arms if study.null_scenario else {}
    if len(stated) > 1:
        return stated
    several = any(is_by_arm(rule) or control_rate(rule) is not None for rule in study.rules)
    return {"one": 1, "the other": 1} if several else {}


def is_by_arm(rule: Rule) -> bool:
    """Whether a rule judges each arm by itself."""
    return getattr(rule, "per", "study") == "arm"


def control_rate(rule: Rule) -> float | None:
    """The rate in the other arms, as the design of a rule states it."""
    found = getattr(getattr(rule, "design", None), "control_rate", None)
    return found if isinstance(found, float) else None


def rule_report(study: StudyConfig, rule: Rule, joint: JointResult | None = None) -> RuleReport:
    """One rule in figures; its sentences are added by `bot.wording.check`.

    Parameters
    ----------
    joint: of the study, where it was simulated.
    """
    plain = RuleReport(study.id, rule.id, rule.title, rule.describe(), joint=_joint(rule, joint))
    boundary = getattr(rule, "boundary", None)
    if not isinstance(boundary, Boundary | ExposureBoundary):
        return plain
    rates = [boundary.null_rate * times for times in RATES if boundary.null_rate * times < 1]
    figures = replace(plain, attained_alpha=boundary.attained_alpha, oc=operating_characteristics(boundary, rates))
    if isinstance(boundary, ExposureBoundary):
        simulated = tuple(_simulated(study, boundary))
        return replace(figures, events=boundary.events, up_to_exposure=boundary.up_to_exposure, simulated=simulated)
    one_arm = tuple(_one_arm(study, rule, boundary, rates[1:]))
    return replace(figures, looks=boundary.looks, stop_at=boundary.stop_at, one_arm=one_arm)


def _one_arm(study: StudyConfig, rule: Rule, boundary: Boundary, rates: Sequence[float]) -> Iterator[OneArm]:
    arms, control = arms_of(study), control_rate(rule)
    if control is None or len(arms) < 2 or is_by_arm(rule):
        return
    alike = len(set(arms.values())) == 1
    for arm in list(arms)[:1] if alike else arms:
        for rate in rates:
            each = {name: rate if name == arm else control for name in arms}
            yield OneArm("" if alike else arm, rate, control, stops_with_harm_on_one_arm(boundary, each, arms))


def _simulated(study: StudyConfig, boundary: ExposureBoundary) -> Iterator[SimulatedAlpha]:
    """Whole trials at the accrual that the null scenario states; none where it states none, or events recur."""
    if study.null_scenario is None or boundary.recurrent:
        return
    accrual = boundary.max_n / study.null_scenario.accrual_per_month * _MONTH
    trials = max(1, min(study.null_scenario.trials, SIMULATED // boundary.max_n))
    for onset in ("constant", "front_loaded"):
        yield simulated_alpha(boundary, accrual=accrual, onset=onset, seed=study.null_scenario.seed, trials=trials)


def _joint(rule: Rule, joint: JointResult | None) -> Mapping[str, float] | None:
    own = next((alarm for alarm in joint.rules if alarm.name == rule.id), None) if joint else None
    if joint is None or own is None:
        return None
    action = next(alarm for alarm in joint.actions if alarm.name == str(rule.action))
    return {"rule": own.probability, "action": action.probability, "any": joint.any.probability,
            "error": own.error, "trials": joint.trials}  # fmt: skip


def _row(row: Characteristics | ExposureCharacteristics) -> dict[str, Any]:
    said = {"rate": row.rate, "p_stop": row.p_stop}
    observed = (
        {"expected_n": row.expected_n}
        if isinstance(row, Characteristics)
        else {"expected_n": None, "expected_exposure": row.expected_exposure}
    )
    return said | observed | {"expected_events": row.expected_events}


def _fields(one: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(one, name) for name in names}


def _steps(looks: Sequence[int], stop_at: Sequence[int | None]) -> Iterator[tuple[int, int, int]]:
    """Runs of looks with one count: (count, first look, last look); looks that cannot stop are left out."""
    run: tuple[int, int, int] | None = None
    for look, count in zip(looks, stop_at, strict=True):
        if run and count == run[0]:
            run = (run[0], run[1], look)
            continue
        if run:
            yield run
        run = (count, look, look) if count is not None else None
    if run:
        yield run
