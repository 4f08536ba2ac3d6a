"""Two arms compared, for the unblinded side: limits to read, and calibrated looks that may alert.

Pure arithmetic on counts and person-time of two arms: nothing here knows which arm is which, a subject, or Slack.
"""

from rules.statistics.between_arms.alerting import AlertingPlan, Verdict, calibrate_between, worst_false_alarm
from rules.statistics.between_arms.counts import Arms
from rules.statistics.between_arms.evidence import STATISTICS
from rules.statistics.between_arms.limits import ShownLimits, miettinen_nurminen, newcombe
from rules.statistics.between_arms.max_sprt import MaxSprtPlan, SprtVerdict, calibrate_max_sprt, person_time_ratio
from rules.statistics.between_arms.multiplicity import Multiplicity, holm
from rules.statistics.between_arms.posterior import Prior, ShownProbability, probability_of_excess

__all__ = [
    "STATISTICS",
    "AlertingPlan",
    "Arms",
    "MaxSprtPlan",
    "Multiplicity",
    "Prior",
    "ShownLimits",
    "ShownProbability",
    "SprtVerdict",
    "Verdict",
    "calibrate_between",
    "calibrate_max_sprt",
    "holm",
    "miettinen_nurminen",
    "newcombe",
    "person_time_ratio",
    "probability_of_excess",
    "worst_false_alarm",
]
