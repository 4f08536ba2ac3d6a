"""Stopping boundaries on events per person-time, from design to whole-trial simulation; cumulative incidence.

Pure arithmetic on counts and exposures: this room knows nothing of subjects' records, dates, SDTM or Slack.
"""

from rules.statistics.exposure.boundary import NOT_GUARANTEED, ExposureBoundary
from rules.statistics.exposure.calibration import MAX_EXPOSURES, calibrate_exposure
from rules.statistics.exposure.characteristics import ExposureCharacteristics, exposure_characteristics
from rules.statistics.exposure.designs import EXPOSURE_METHODS
from rules.statistics.exposure.incidence import CumulativeIncidence, cumulative_incidence
from rules.statistics.exposure.replay import ExposureReplay, replay_exposure
from rules.statistics.exposure.simulation import CONSTANT, FRONT_LOADED, HazardShape, SimulatedAlpha, simulated_alpha

__all__ = [
    "CONSTANT",
    "EXPOSURE_METHODS",
    "FRONT_LOADED",
    "MAX_EXPOSURES",
    "NOT_GUARANTEED",
    "CumulativeIncidence",
    "ExposureBoundary",
    "ExposureCharacteristics",
    "ExposureReplay",
    "HazardShape",
    "SimulatedAlpha",
    "calibrate_exposure",
    "cumulative_incidence",
    "exposure_characteristics",
    "replay_exposure",
    "simulated_alpha",
]
