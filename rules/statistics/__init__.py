"""Stopping boundaries: designs, their calibration by exact recursion, their characteristics, their replay.

Pure arithmetic on counts and probabilities: this room knows nothing of subjects, dates, SDTM or Slack.
"""

from rules.statistics.boundary import Boundary
from rules.statistics.calibration import calibrate
from rules.statistics.characteristics import Characteristics, false_alarm_with_dropout, operating_characteristics
from rules.statistics.course import Course
from rules.statistics.designs import METHODS
from rules.statistics.intervals import Interval, clopper_pearson, jeffreys, poisson_exact, wilson
from rules.statistics.onset import UNIFORM, Onset
from rules.statistics.posterior import JEFFREYS, Posterior, Prior
from rules.statistics.prediction import Outlook, outlook
from rules.statistics.replay import Replay, first_crossings, replay
from rules.statistics.staggered import StaggeredCharacteristics, staggered_characteristics

__all__ = [
    "JEFFREYS",
    "METHODS",
    "UNIFORM",
    "Boundary",
    "Characteristics",
    "Course",
    "Interval",
    "Onset",
    "Outlook",
    "Posterior",
    "Prior",
    "Replay",
    "StaggeredCharacteristics",
    "calibrate",
    "clopper_pearson",
    "false_alarm_with_dropout",
    "first_crossings",
    "jeffreys",
    "operating_characteristics",
    "outlook",
    "poisson_exact",
    "replay",
    "staggered_characteristics",
    "wilson",
]
