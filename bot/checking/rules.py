"""The offline half of `dsmbot check`: what each rule will do, and what should be known before it does.

Reads configurations only. Whatever Slack or a source says is added by the caller (`Report.extended`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.checking.joint import joint_false_alarm, joint_warnings
from bot.checking.rule_doubts import rule_doubts, watched_by_arm
from bot.checking.rule_report import RuleReport, arms_of, is_by_arm, rule_report
from bot.config import ConfigError, Problem, StudyConfig
from bot.wording.check import joint_lines, notes
from rules.model import Rule
from rules.statistics.joint import JointResult


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found.

    Parameters
    ----------
    problems: what stops the start.   warnings: what runs but should be known.
    rules: every rule, retired ones included.   sources: id, kind and study of each, and what the caller learned.
    slack: what the caller learned of Slack; {} where it was not asked.
    joint: the false alarms of all rules of a study together, in sentences; the figures are with each rule.
    """

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    rules: tuple[RuleReport, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    slack: Mapping[str, Any] = field(default_factory=dict)
    joint: tuple[str, ...] = ()

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
    found = [_study(study) for study in studies]
    return Report(
        warnings=tuple(warning for report in found for warning in report.warnings),
        rules=tuple(rule for report in found for rule in report.rules),
        sources=tuple(source for report in found for source in report.sources),
        joint=tuple(said for report in found for said in report.joint),
    )


def _study(study: StudyConfig) -> Report:
    joint = joint_false_alarm(study)
    figures = [rule_report(study, rule, joint if isinstance(joint, JointResult) else None) for rule in study.rules]
    pairs = list(zip(study.rules, figures, strict=True))
    doubts = [doubt for rule, report in pairs for doubt in rule_doubts(study, rule, report)]
    return Report(
        warnings=(*study.warnings, *doubts, *joint_warnings(study, joint)),
        rules=tuple(replace(report, notes=tuple(_notes(study, rule, report))) for rule, report in pairs),
        sources=tuple({"study": study.id, "id": s.id, "kind": s.kind} for s in study.sources),
        joint=tuple(joint_lines(joint)),
    )


def _notes(study: StudyConfig, rule: Rule, report: RuleReport) -> Iterator[str]:
    several, by_arm = len(arms_of(study)) > 1, is_by_arm(rule)
    return notes(report, by_arm=by_arm, several=several, watched_by=watched_by_arm(study, rule))
