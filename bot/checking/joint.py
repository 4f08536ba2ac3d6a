"""The joint false alarm of a configured study: its rules under its own null scenario, or why there is no figure."""

from __future__ import annotations

from collections.abc import Iterator

from bot.config import Problem, StudyConfig
from rules.statistics.joint import JointResult, NotComputed, joint

NOT_STATED = (
    "The joint false alarm of all rules is not computed: the configuration states no null_scenario, "
    "and none is assumed."
)
"""What is said in place of a figure."""

CHECKED_SUBJECTS = 600_000
"""Subjects that `dsmbot check` simulates at most: under a second for a scenario of ten types of event."""


def joint_false_alarm(study: StudyConfig, *, subjects: int = CHECKED_SUBJECTS) -> JointResult | NotComputed:
    """False alarms of the study's rules together; retired rules watch nothing and are left out.

    Parameters
    ----------
    study: as loaded.
    subjects: the most that are simulated, over all trials; the configured number of trials is cut to it, and the
        Monte-Carlo errors say what that costs.
    """
    block = study.null_scenario
    if block is None:
        return NotComputed(NOT_STATED)
    rules = [rule for rule in study.rules if getattr(rule, "retired", None) is None]
    trials = max(1, min(block.trials, subjects // block.n))
    return joint(rules, block.scenario(study.plan), trials=trials, seed=block.seed)


def joint_warnings(study: StudyConfig, found: JointResult | NotComputed) -> Iterator[Problem]:
    """A warning for each joint false alarm above what the configuration allows."""
    if isinstance(found, NotComputed) or study.null_scenario is None:
        return
    place = ("null_scenario", "max_joint_false_alarm")
    for alarm, allowed in found.above(study.null_scenario.max_joint_false_alarm):
        which = "some rule alarms" if alarm.name == "any" else f"some rule with action {alarm.name} alarms"
        yield study.document.problem(
            place,
            f"{which} in {alarm.probability:.1%} of safe trials (± {2 * alarm.error:.1%}, simulated under "
            f"null_scenario), more than the {allowed:.1%} that is allowed",
            "Raise what is allowed with a reason, or make the rules with this action rarer",
        )
