"""What is said of covers and handovers, as content. May not know Slack, the database or the wording."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic.dataclasses import dataclass as stored_dataclass

from rules.model import Audience


@stored_dataclass(frozen=True, slots=True)
class CoverLine:
    """`person` stands in for `absent` until then (exclusive)."""

    absent: str
    person: str
    until: datetime


@stored_dataclass(frozen=True, slots=True)
class HandedLine:
    """One alert that is handed over, by its number and rule: a scope can name a subject, and is left out."""

    alert_id: int
    rule_id: str
    opened_at: datetime


@stored_dataclass(frozen=True, slots=True)
class DutyContent:
    """Somebody stands in, ceases to, or is asked to take over alerts.

    Parameters
    ----------
    step: "cover", "cover_off" or "handover".   by: who asked.   person: whom it concerns.
    until: end of a cover, exclusive.   lines: alerts of a handover, of this audience.
    accepted_at: when the other person accepted.
    """

    audience: Audience
    at: datetime
    step: Literal["cover", "cover_off", "handover"]
    by: str
    person: str
    until: datetime | None = None
    lines: tuple[HandedLine, ...] = ()
    accepted_at: datetime | None = None
    type: Literal["duty"] = "duty"
