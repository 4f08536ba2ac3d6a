"""The offline half of `dsmbot check`: what each rule will do, and what should be known before it does.

Reads configurations only. Whatever Slack or a source says is added by the caller (`Report.extended`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.config import ConfigError, Problem, StudyConfig
from rules.model import Rule
from rules.statistics import Boundary, Characteristics, operating_characteristics

RATES = (1.0, 1.5, 2.0)
"""True rates at which a boundary is shown, as multiples of its null rate."""


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule in figures and words.

    Parameters
    ----------
    study, id, title: which rule.   says: the rule in one sentence.
    looks, stop_at: the boundary's table, None where the rule has none; `stop_at` is None where no count can stop.
    attained_alpha: exact false alarm at the null rate, None likewise.
    oc: operating characteristics at 1, 1.5 and 2 times the null rate.
    notes: what to know about these figures, in sentences.
    """

    study: str
    id: str
    title: str
    says: str
    looks: tuple[int, ...] | None = None
    stop_at: tuple[int | None, ...] | None = None
    attained_alpha: float | None = None
    oc: tuple[Characteristics, ...] = ()
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON values for `check --json`."""
        return {
            "study": self.study,
            "id": self.id,
            "title": self.title,
            "says": self.says,
            "attained_alpha": self.attained_alpha,
            "looks": list(self.looks) if self.looks is not None else None,
            "stop_at": list(self.stop_at) if self.stop_at is not None else None,
            "oc": [
                {"rate": c.rate, "p_stop": c.p_stop, "expected_n": c.expected_n, "expected_events": c.expected_events}
                for c in self.oc
            ],
            "notes": list(self.notes),
        }

    def table(self) -> str:
        """The boundary in words: "3 (n 3-4), 4 (5-7), …"; "" where the rule has none."""
        if self.looks is None or self.stop_at is None:
            return ""
        steps = [f"{count} (n {first}-{last})" if first != last else f"{count} (n {first})"
                 for count, first, last in _steps(self.looks, self.stop_at)]  # fmt: skip
        return ", ".join(steps)


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found.

    Parameters
    ----------
    problems: what stops the start.   warnings: what runs but should be known.
    rules: every rule, retired ones included.   sources: id, kind and study of each, and what the caller learned.
    slack: what the caller learned of Slack; {} where it was not asked.
    """

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    rules: tuple[RuleReport, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    slack: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing stops the start."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """2 with problems, 1 with warnings, else 0."""
        return 2 if self.problems else 1 if self.warnings else 0

    def extended(
        self,
        *,
        problems: Iterable[Problem] = (),
        warnings: Iterable[Problem] = (),
        sources: Sequence[Mapping[str, Any]] | None = None,
        slack: Mapping[str, Any] | None = None,
    ) -> Report:
        """The report with what the caller learned elsewhere."""
        return replace(
            self,
            problems=(*self.problems, *problems),
            warnings=(*self.warnings, *warnings),
            sources=self.sources if sources is None else tuple(sources),
            slack=self.slack if slack is None else slack,
        )

    def document(self) -> dict[str, Any]:
        """The document of `check --json`."""
        return {
            "ok": self.ok,
            "problems": [p.document() for p in self.problems],
            "warnings": [p.document() for p in self.warnings],
            "rules": [r.document() for r in self.rules],
            "sources": [dict(s) for s in self.sources],
            "slack": dict(self.slack),
        }


def refused(error: ConfigError) -> Report:
    """The report of configurations that do not load."""
    return Report(problems=tuple(error.problems))


def check(studies: Sequence[StudyConfig]) -> Report:
    """The report of configurations that load: every rule with its figures, every warning."""
    return Report(
        warnings=tuple(w for study in studies for w in (*study.warnings, *_doubtful_tables(study))),
        rules=tuple(rule_report(study, rule) for study in studies for rule in study.rules),
        sources=tuple({"study": study.id, "id": s.id, "kind": s.kind} for study in studies for s in study.sources),
    )


def boundary_of(rule: Rule) -> Boundary | None:
    """The stopping boundary of a rule that has one."""
    found = getattr(rule, "boundary", None)
    return found if isinstance(found, Boundary) else None


def rule_report(study: StudyConfig, rule: Rule) -> RuleReport:
    """One rule in figures and words."""
    boundary = boundary_of(rule)
    plain = RuleReport(study.id, rule.id, rule.title, rule.describe())
    if boundary is None:
        return plain
    rates = [boundary.null_rate * times for times in RATES if boundary.null_rate * times < 1]
    characteristics = operating_characteristics(boundary, rates)
    return replace(
        plain,
        looks=boundary.looks,
        stop_at=boundary.stop_at,
        attained_alpha=boundary.attained_alpha,
        oc=characteristics,
        notes=tuple(_notes(boundary, characteristics)),
    )


def _notes(boundary: Boundary, characteristics: Sequence[Characteristics]) -> Iterator[str]:
    yield (
        f"Stops {boundary.attained_alpha:.1%} of trials whose true rate is {boundary.null_rate:.0%}, if outcomes are "
        "recorded once and correctly."
    )
    harmful = [c for c in characteristics if c.rate > boundary.null_rate]
    if harmful:
        told = ", ".join(f"{c.p_stop:.1%} at {c.rate:.0%}" for c in harmful)
        low = ": little power at this size" if harmful[-1].p_stop < 0.8 else ""
        yield f"Stops {told}{low}."
    yield "Counts all arms together: harm on one arm is diluted by the others, and only the board sees it by arm."


def _doubtful_tables(study: StudyConfig) -> Iterator[Problem]:
    for rule in study.rules:
        boundary = boundary_of(rule)
        place = (*study.rule_place(rule.id), "design")
        if boundary is None:
            continue
        if boundary.alpha is not None and boundary.attained_alpha > boundary.alpha + 1e-9:
            yield study.document.problem(
                place,
                f"the table stops {boundary.attained_alpha:.2%} of trials whose true rate is "
                f"{boundary.null_rate:.0%}, more than its alpha of {boundary.alpha:.2%}",
                "Correct the table, or state the false alarm that it has",
            )


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
