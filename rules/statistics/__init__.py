"""Stopping boundaries: designs, their calibration by exact recursion, their characteristics, their replay.

Pure arithmetic on counts and probabilities: this room knows nothing of subjects, dates, SDTM or Slack.
"""

from rules.statistics.boundary import Boundary
from rules.statistics.replay import Replay, first_crossings, replay

__all__ = ["Boundary", "Replay", "first_crossings", "replay"]
