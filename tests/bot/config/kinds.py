"""The kinds of rule and source that come with the product, as `bot.app` finds them, and a short way to load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.config import StudyConfig, load
from rules.kinds.boundary import BoundaryRule
from rules.kinds.clock import ClockRule
from rules.kinds.composite import CompositeRule
from rules.kinds.count import CountRule
from rules.kinds.event import EventRule
from rules.kinds.exposure import ExposureRule
from rules.kinds.manual import ManualRule
from rules.kinds.timeliness import TimelinessRule
from storage.sources.sdtm import SdtmSource
from storage.sources.simulated import SimulatedSource

RULES: Mapping[str, type] = {
    "boundary": BoundaryRule,
    "clock": ClockRule,
    "composite": CompositeRule,
    "count": CountRule,
    "event": EventRule,
    "exposure": ExposureRule,
    "manual": ManualRule,
    "timeliness": TimelinessRule,
}
SOURCES: Mapping[str, type] = {"sdtm": SdtmSource, "simulated": SimulatedSource}

GOOD = """\
study: {id: S1, timezone: America/Chicago, planned_n: 20, treatment_days: 84, followup_days: 28}
sources:
  - {id: edc, kind: sdtm, path: data/, every: 5 min}
codes: {related: [RELATED], unrelated: [NOT RELATED], grades: {MILD: 1, SEVERE: 3}}
terms:
  skin: {local: true, terms: [Application site pain], synonyms: [burning]}
  trauma: [Fall]
rules:
  - id: tolerability
    kind: boundary
    title: Reaction at the site
    events: {related: true, grade: ">=2", terms: skin, lesion_role: treated}
    window: {after_days: 28}
    design: {method: pocock, null_rate: 0.20, alpha: 0.10, max_n: 20}
    action: pause_enrolment
  - id: serious
    kind: event
    title: Serious event
    events: {serious: true}
    except: {terms: [trauma]}
    action: hold_dosing
slack:
  channels: {open: "#safety", closed: "#dsmb", ops: "#ops"}
  roles:
    investigator: [U0PI]
    medical_monitor: [U0MM]
    operator: [U0OPS]
  escalate: [{after: 30 min, to: medical_monitor}]
  paging: none
operations: {heartbeat_url: "https://hc.example.org/1"}
"""
"""A small configuration without a fault or a warning."""


def load_files(*paths: Path, **environment: str) -> list[StudyConfig]:
    """Load as the product does."""
    return load(paths, environment=environment, rule_kinds=RULES, source_kinds=SOURCES)


def load_text(folder: Path, text: str, name: str = "config.yaml", **environment: str) -> StudyConfig:
    """Write one configuration and load it."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    (study,) = load_files(path, **environment)
    return study


def changed(old: str, new: str, text: str = GOOD) -> str:
    """The good configuration with one change, which must apply."""
    assert text.count(old) == 1, old
    return text.replace(old, new)
