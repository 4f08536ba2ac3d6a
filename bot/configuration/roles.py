"""What a person may be in a study."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may be in a study. What each role may do is the grid in `bot.access`."""

    INVESTIGATOR = "investigator"
    MEDICAL_MONITOR = "medical_monitor"
    COORDINATOR = "coordinator"
    PHARMACIST = "pharmacist"
    DSMB = "dsmb"
    UNBLINDED_STATISTICIAN = "unblinded_statistician"
    OPERATOR = "operator"


UNBLINDED = frozenset({Role.DSMB, Role.UNBLINDED_STATISTICIAN})
"""Roles that may read closed content (ICH E6(R3) 4.1: define and record who may see unblinded data)."""
