"""What `dsmbot check` warns of in a rule that can run: little power, many false alarms, harm that is diluted."""

from __future__ import annotations

from collections.abc import Iterator

from bot.checking.rule_report import (
    RuleReport,
    arms_of,
    boundary_of,
    control_rate,
    exposure_boundary_of,
    is_by_arm,
)
from bot.config import Problem, StudyConfig
from bot.wording import check as words
from rules.model import Rule

LEAST_POWER = 0.5
"""Power at twice the null rate below which a rule is warned about."""

MOST_FALSE_ALARMS = 0.2
"""False alarm of a posterior cutoff, which nothing calibrates, above which it is warned about."""

TOLERATED = 1.25
"""A simulated false alarm may exceed the one asked for by this factor before it is warned about."""

NUMERICAL = 1e-9


def rule_doubts(study: StudyConfig, rule: Rule, report: RuleReport) -> Iterator[Problem]:
    """Every warning about one rule, with its line and what to do; a retired rule watches nothing and has none.

    Parameters
    ----------
    report: the rule's figures (`bot.checking.rule_report.rule_report`).
    """
    if getattr(rule, "retired", None) is not None or report.attained_alpha is None:
        return
    place = (*study.rule_place(rule.id), "design")
    for said in (*_figures(rule, report), *_arms(study, rule, report)):
        yield study.document.problem(place, *said)


def watched_by_arm(study: StudyConfig, rule: Rule) -> str:
    """Id of a rule that watches the same events arm by arm; "" where none does."""
    events = getattr(rule, "events", None)
    rivals = (r for r in study.rules if is_by_arm(r) and getattr(r, "retired", None) is None)
    return next((r.id for r in rivals if getattr(r, "events", None) == events), "")


def _figures(rule: Rule, report: RuleReport) -> Iterator[words.Doubt]:
    alpha = getattr(getattr(rule, "boundary", None), "alpha", None)
    null = report.oc[0]
    if alpha is not None and boundary_of(rule) and null.p_stop > alpha + NUMERICAL:
        yield words.above_its_alpha(null.p_stop, null.rate, alpha)
    twice = [row for row in report.oc if row.rate >= 2 * null.rate - NUMERICAL]
    if twice and twice[0].p_stop < LEAST_POWER:
        yield words.little_power(twice[0])
    cutoff = getattr(getattr(rule, "boundary", None), "method", "") == "posterior_cutoff"
    if cutoff and null.p_stop > MOST_FALSE_ALARMS:
        yield words.uncalibrated(null)
    if exposure_boundary_of(rule) and alpha is not None:
        for simulated in report.simulated:
            if simulated.exceeds(TOLERATED * alpha):
                yield words.simulated_above(simulated, alpha)


def _arms(study: StudyConfig, rule: Rule, report: RuleReport) -> Iterator[words.Doubt]:
    """Of a rule over several arms: what it does not see, and what is missing to say how much."""
    if len(arms_of(study)) < 2 or is_by_arm(rule):
        return
    if not watched_by_arm(study, rule):
        yield words.diluted(report.one_arm)
    if boundary_of(rule) and control_rate(rule) is None:
        yield words.no_control_rate()
