"""Literal tables of SDTM rows as snapshots: what a clinician can check by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from rules.evaluate import evaluate
from rules.kinds.boundary import BoundaryRule
from rules.kinds.composite import CompositeRule
from rules.kinds.count import CountRule
from rules.kinds.event import EventRule
from rules.kinds.exposure import ExposureRule
from rules.kinds.manual import ManualRule
from rules.model import Derivation, Finding, Rule, Snapshot, StudyPlan
from rules.registry import Registry

PLAN = StudyPlan("T", "UTC", planned_n=20, treatment_days=84, followup_days=28)
CODES = Derivation(
    related=frozenset({"RELATED", "POSSIBLE"}),
    unrelated=frozenset({"NOT RELATED"}),
    grades={"MILD": 1, "MODERATE": 2, "SEVERE": 3},
    terms={"skin": frozenset({"Rash", "Pruritus"}), "trauma": frozenset({"Fall"})},
    synonyms={"skin": frozenset({"itchy spots"})},
    followup_days=28,
)
KINDS: dict[str, type] = {
    "event": EventRule, "count": CountRule, "boundary": BoundaryRule, "composite": CompositeRule,
    "exposure": ExposureRule, "manual": ManualRule,
}  # fmt: skip
REGISTRY = Registry(KINDS)
CUTOFF = datetime(2026, 6, 1, 12, tzinfo=UTC)


def frame(domain: str, text: str, entered: str = "2026-05-20") -> pd.DataFrame:
    """A frame from a table whose first line names the columns, cells separated by `|`.

    `record_key` is USUBJID:row unless there is a column `key`; `event_key` is USUBJID:AESPID where given; `known`
    gives the entry day of a row.
    """
    header, *lines = [line for line in text.strip().splitlines() if line.strip()]
    names = [cell.strip() for cell in header.split("|")]
    rows = [dict(zip(names, (cell.strip() for cell in line.split("|")), strict=True)) for line in lines]
    return rows_frame(domain, rows, names, entered)


def rows_frame(domain: str, rows: list[dict[str, str]], names: list[str], entered: str = "2026-05-20") -> pd.DataFrame:
    """A frame from rows of text."""
    table = pd.DataFrame(rows, columns=names, dtype="str")
    keys = table.pop("key") if "key" in table else pd.Series([str(i + 1) for i in range(len(table))], dtype="str")
    known = table.pop("known") if "known" in table else pd.Series([entered] * len(table), dtype="str")
    table["record_key"] = (table["USUBJID"] + ":" + keys).astype("str")
    table["event_key"] = table["USUBJID"] + ":" + table["AESPID"] if "AESPID" in table else table["record_key"]
    table["source_id"] = pd.Series(["edc"] * len(table), dtype="str")
    table["batch_no"] = 1
    table["known_at"] = pd.to_datetime(known, utc=True).astype("datetime64[us, UTC]")
    return table


def snapshot(
    codes: Derivation = CODES, cutoff: datetime = CUTOFF, arms: Mapping[str, str] | None = None, **domains: Any
) -> Snapshot:
    """A snapshot from domain=text or domain=frame."""
    frames = {name: frame(name, value) if isinstance(value, str) else value for name, value in domains.items()}
    return Snapshot(PLAN, codes, frames, batch_no=1, known_at=CUTOFF, data_cutoff=cutoff, arms=arms)


def rule(kind: str, **keys: Any) -> Rule:
    """A rule from its YAML keys; `except_` stands for `except`."""
    definition = {"id": "r", "kind": kind, "action": "notify"} | keys
    if "except_" in definition:
        definition["except"] = definition.pop("except_")
    return REGISTRY.build(definition, CODES, PLAN)


def judge(one: Rule, records: Snapshot) -> tuple[Finding, ...]:
    """The findings of one rule."""
    return evaluate([one], records)


def only(one: Rule, records: Snapshot) -> Finding:
    """The single finding of one rule."""
    (finding,) = judge(one, records)
    return finding
