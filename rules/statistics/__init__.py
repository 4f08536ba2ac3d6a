"""Stopping boundaries: designs, their calibration by exact recursion, their characteristics, their replay.

Pure arithmetic on counts and probabilities: this room knows nothing of subjects, dates, SDTM or Slack.
"""

from rules.statistics.boundary import Boundary
from rules.statistics.calibration import calibrate
from rules.statistics.characteristics import Characteristics, false_alarm_with_dropout, operating_characteristics
from rules.statistics.designs import METHODS
from rules.statistics.replay import Replay, first_crossings, replay

__all__ = [
    "METHODS",
    "Boundary",
    "Characteristics",
    "Replay",
    "calibrate",
    "false_alarm_with_dropout",
    "first_crossings",
    "operating_characteristics",
    "replay",
]
