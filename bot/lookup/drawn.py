"""A boundary with the trial's path on it, from a stored finding: what a summary freezes of it. Draws nothing."""

from __future__ import annotations

from dataclasses import fields

from bot.contents.summary import Drawn, DrawnExposure
from rules.model import Finding, Rule, Standing
from rules.statistics import Boundary
from rules.statistics.exposure import ExposureBoundary

_AWAITED = (Standing.PENDING, Standing.OVERDUE)


def drawn(rule: Rule, finding: Finding) -> Drawn | DrawnExposure | None:
    """What is drawn of a rule: None for one without a boundary, and for a finding that holds no path."""
    boundary = getattr(rule, "boundary", None)
    if isinstance(boundary, Boundary):
        return _by_subjects(boundary, finding)
    return _by_exposure(boundary, finding) if isinstance(boundary, ExposureBoundary) else None


def _by_subjects(boundary: Boundary, finding: Finding) -> Drawn | None:
    """Who is still in follow-up is left out where the finding does not hold every subject, which its counts say."""
    size = finding.details.get("n_sequence")
    if not isinstance(size, int):
        return None
    placed = {item.facts["position"]: item for item in finding.evidence if item.facts.get("position")}
    whole = "evidence_total" not in finding.details
    places = [placed.get(place) for place in range(1, size + 1)]
    return Drawn(
        boundary.method, boundary.null_rate, boundary.alpha, boundary.attained_alpha, boundary.looks, boundary.stop_at,
        events=tuple(bool(item and item.event_key) for item in places),
        pending=tuple(bool(whole and item and item.standing in _AWAITED) for item in places),
    )  # fmt: skip


def _by_exposure(boundary: ExposureBoundary, finding: Finding) -> DrawnExposure | None:
    path = finding.details.get("path")
    if not isinstance(path, dict):
        return None
    design = {field.name: getattr(boundary, field.name) for field in fields(ExposureBoundary)}
    days = float(finding.details.get("exposure_days") or 0.0)
    return DrawnExposure(
        exposure_days=days,
        **{**design, "parameters": dict(boundary.parameters)},
        at=tuple(map(float, path["at"])),
        now=float(path["now"]),
    )
