"""Replay a study through its rules: by batch, by day of entry, by day of onset, or exactly as it was run.

Nothing is posted and nothing is written. `as_run` judges each past evaluation again by the rule versions that judged
it then, and names every difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from bot.clearance.findings import RESTRICTED
from bot.study import Study
from rules.evaluate import evaluate, with_vanished
from rules.model import Derivation, Finding, Rule, Snapshot, State, StudyPlan
from rules.registry import Registry
from rules.sdtm import intervals
from storage.findings import Key, read_rule_version
from storage.schema import batch, evaluation, finding

MET = (State.CROSSED, State.PROVISIONAL)
START_OF = {
    "DM": "RFXSTDTC", "AE": "AESTDTC", "EX": "EXSTDTC", "DS": "DSSTDTC", "DA": "DADTC", "SV": "SVSTDTC", "LB": "LBDTC",
    "DV": "DVSTDTC",
}  # fmt: skip
"""Domain → the variable that says when it happened, for `--by onset`."""

Judge = tuple[Rule, Derivation, StudyPlan]
"""A rule, and the settings it reads records by."""

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""


@dataclass(frozen=True)
class Replayed:
    """What a replay found.

    Parameters
    ----------
    findings: the last finding of each scope, in stable order.   first: scope → the first finding that met the rule.
    steps: batches or days replayed.   records: records at the end.   differences: only with `as_run`.
    """

    findings: tuple[Finding, ...]
    first: Mapping[tuple[str, str], Finding] = field(default_factory=dict)
    steps: int = 0
    records: int = 0
    differences: tuple[dict[str, Any], ...] = ()

    def documents(self) -> list[dict[str, Any]]:
        """The entries of `findings` in `replay --json`."""
        return [self._document(item) for item in self.findings]

    def _document(self, item: Finding) -> dict[str, Any]:
        first = self.first.get((item.rule, item.scope), item)
        crossed = first.first_crossed_on or item.first_crossed_on
        known = first.known_at or item.known_at
        return {
            "rule": item.rule,
            "scope": item.scope,
            "state": item.state.value,
            "first_crossed_on": crossed.isoformat() if crossed else None,
            "known_at": known.isoformat() if known else None,
            "events": item.events,
            "n_evaluable": item.n_evaluable,
            "n_pending": item.n_pending,
            "n_overdue": item.n_overdue,
            "stop_at": item.stop_at,
            "evidence": [evidence.record_key for evidence in item.counted() if evidence.record_key],
        }


def replay(
    study: Study, *, by: str, start: date | None, end: date | None, now: datetime, progress: Progress | None = None
) -> Replayed:
    """Judge the study again by the rules as configured now; what restricted rules find is left out.

    Parameters
    ----------
    by: "batch", "entry-date" or "onset".   start, end: first and last day, inclusive; None = all.   now: aware UTC.
    """
    snapshots = list(_snapshots(study, by, start, end, now))
    first: dict[tuple[str, str], Finding] = {}
    findings: tuple[Finding, ...] = ()
    last: Snapshot | None = None
    for number, last in enumerate(snapshots, start=1):
        findings = evaluate(study.rules, last)
        for item in findings:
            if item.state in MET:
                first.setdefault((item.rule, item.scope), item)
        if progress:
            progress(number, len(snapshots))
    seen = {(item.rule, item.scope) for item in findings}
    gone = [replace(item, state=State.WITHIN, events=0) for key, item in first.items() if key not in seen]
    hidden = {rule.id for rule in study.rules if rule.audience in RESTRICTED}
    told = [item for item in (*findings, *gone) if item.rule not in hidden]
    ordered = tuple(sorted(told, key=lambda f: (f.rule, f.scope)))
    records = sum(len(frame) for frame in last.frames.values()) if last else 0
    return Replayed(ordered, first, len(snapshots), records)


def _snapshots(study: Study, by: str, start: date | None, end: date | None, now: datetime) -> Iterator[Snapshot]:
    plan, derivation = study.config.plan, study.config.derivation
    if by == "batch":
        for number, watermark in _batches(study, start, end):
            yield study.snapshots.build(plan, derivation, batch_no=number, data_cutoff=watermark)
        return
    whole = study.snapshots.build(plan, derivation, data_cutoff=now)
    days = _known_days(whole) if by == "entry-date" else _onset_days(whole)
    for day in sorted(day for day in days if (not start or day >= start) and (not end or day <= end)):
        at = datetime.combine(day, time.max, tzinfo=UTC)
        kept = _known_by if by == "entry-date" else _begun_by
        frames = {domain: kept(domain, frame, at) for domain, frame in whole.frames.items()}
        earlier = {domain: kept(domain, frame, at) for domain, frame in whole.earlier.items()}
        yield replace(whole, frames=frames, earlier=earlier, known_at=min(at, whole.known_at), data_cutoff=at)


def _batches(study: Study, start: date | None, end: date | None) -> list[tuple[int, datetime]]:
    c = batch.c
    with study.database.reading() as conn:
        rows = conn.execute(
            select(c.batch_no, c.closed_at, c.watermark).where(c.study_id == study.id).order_by(c.batch_no)
        )
        return [
            (number, watermark)
            for number, closed, watermark in rows
            if (not start or closed.date() >= start) and (not end or closed.date() <= end)
        ]


def _known_days(snapshot: Snapshot) -> set[date]:
    return {day for frame in snapshot.frames.values() for day in frame["known_at"].dt.date.unique()}


def _onset_days(snapshot: Snapshot) -> set[date]:
    days: set[date] = set()
    for domain, frame in snapshot.frames.items():
        starts = _starts(domain, frame)
        days |= set(starts.dropna().dt.date.unique())
    return days


def _known_by(domain: str, frame: pd.DataFrame, at: datetime) -> pd.DataFrame:
    del domain
    return frame[frame["known_at"] <= pd.Timestamp(at)]


def _begun_by(domain: str, frame: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """Rows that had begun by then; a row without a date is kept, because unknown is not safe."""
    starts = _starts(domain, frame)
    return frame[starts.isna() | (starts <= pd.Timestamp(at.replace(tzinfo=None)))]


def _starts(domain: str, frame: pd.DataFrame) -> pd.Series[Any]:
    variable = START_OF.get(domain, "")
    if variable not in frame.columns:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]")
    return intervals(frame[variable])["lo"]


def as_run(study: Study, registry: Registry, progress: Progress | None = None) -> Replayed:
    """Judge every stored evaluation again by its own rule versions and batch; name every difference.

    A scope that spoke then and is silent now differs as well: the record behind it may have been taken away.
    """
    with study.database.reading() as conn:
        runs = list(conn.execute(select(evaluation).where(evaluation.c.study_id == study.id).order_by("evaluation_id")))
    differences: list[dict[str, Any]] = []
    stored: dict[Key, str] = {}
    built: dict[tuple[str, int], Judge] = {}
    findings: tuple[Finding, ...] = ()
    records = 0
    for number, run in enumerate(runs, start=1):
        with study.database.reading() as conn:
            for version in run.rule_versions.items():
                if version not in built:
                    built[version] = _rebuilt(conn, study.id, registry, *version)
            digests = _stored_digests(conn, run.evaluation_id)
        judges = [built[version] for version in run.rule_versions.items()]
        found, records = _judged(study, judges, run)
        findings = with_vanished(found, [key for key in (stored | digests) if key[0] in run.rule_versions])
        stored |= digests
        differences += _differences(run, findings, stored)
        if progress:
            progress(number, len(runs))
    hidden = {rule.id for rule, _, _ in built.values() if rule.audience in RESTRICTED}
    told = tuple(item for item in findings if item.rule not in hidden)
    return Replayed(told, {}, len(runs), records, tuple(_without_findings(item, hidden) for item in differences))


def _judged(study: Study, judges: Sequence[Judge], run: Any) -> tuple[tuple[Finding, ...], int]:
    """What the rules find now in the records of an evaluation, and how many records those are."""
    findings: list[Finding] = []
    records = 0
    for rule, derivation, plan in judges:
        snapshot = study.snapshots.build(
            plan, derivation, batch_no=run.batch_no, data_cutoff=run.data_cutoff, judged_at=run.at
        )
        findings += evaluate([rule], snapshot)
        records = sum(len(frame) for frame in snapshot.frames.values())
    return tuple(findings), records


def _without_findings(difference: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A difference as open readers may see it: of a restricted rule, only that its history does not agree."""
    if difference["rule"] not in hidden:
        return difference
    return {name: difference[name] for name in ("evaluation", "batch", "rule")}


def _rebuilt(conn: Connection, study_id: str, registry: Registry, rule_id: str, version: int) -> Judge:
    """A rule as it was when it judged, with the settings that it read records by."""
    found = read_rule_version(conn, study_id, rule_id, version)
    if found is None:
        raise LookupError(f"rule {rule_id} version {version} of study {study_id} is not stored")
    derivation = Derivation(**{name: _frozen(value) for name, value in found.body["derivation"].items()})
    plan = StudyPlan(**{"timezone": "UTC", **found.body["plan"]})
    return registry.rebuild(found.body["rule"], derivation, plan), derivation, plan


def _frozen(value: Any) -> Any:
    """JSON values of a derivation as the dataclass has them: lists are sets, mappings of lists mappings of sets."""
    if isinstance(value, list):
        return frozenset(value)
    if isinstance(value, Mapping):
        return {key: frozenset(item) if isinstance(item, list) else item for key, item in value.items()}
    return value


def _stored_digests(conn: Connection, evaluation_id: int) -> dict[Key, str]:
    c = finding.c
    rows = conn.execute(select(c.rule_id, c.scope, c.digest).where(c.evaluation_id == evaluation_id))
    return {(row.rule_id, row.scope): row.digest for row in rows}


def _differences(run: Any, findings: Sequence[Finding], stored: Mapping[Key, str]) -> Iterator[dict[str, Any]]:
    for item in findings:
        if stored.get((item.rule, item.scope)) != item.digest():
            yield {
                "evaluation": run.evaluation_id,
                "batch": run.batch_no,
                "rule": item.rule,
                "scope": item.scope,
                "state": item.state.value,
                "events": item.events,
            }
