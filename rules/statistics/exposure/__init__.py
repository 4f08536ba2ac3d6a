"""Stopping boundaries on events per person-time: designs, calibration, characteristics, replay, whole-trial simulation.

Pure arithmetic on counts and exposures: this room knows nothing of subjects' records, dates, SDTM or Slack.
"""

from rules.statistics.exposure.boundary import NOT_GUARANTEED, ExposureBoundary
from rules.statistics.exposure.calibration import MAX_EXPOSURES, calibrate_exposure
from rules.statistics.exposure.characteristics import ExposureCharacteristics, exposure_characteristics
from rules.statistics.exposure.designs import EXPOSURE_METHODS
from rules.statistics.exposure.replay import ExposureReplay, replay_exposure

__all__ = [
    "EXPOSURE_METHODS",
    "MAX_EXPOSURES",
    "NOT_GUARANTEED",
    "ExposureBoundary",
    "ExposureCharacteristics",
    "ExposureReplay",
    "calibrate_exposure",
    "exposure_characteristics",
    "replay_exposure",
]
