"""Step 3 of the cycle: SDTM-named frames as known at a batch, with clinical time cut at a cut-off.

What is known and when it happened are two different times, and both are stored with every evaluation. Frames are
kept per study, domain and batch, and later batches are applied to them; the cache is never the source of truth.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, select

from rules.model import Derivation, Snapshot, StudyPlan
from storage.concerns import concern_frames
from storage.database import Database
from storage.frames import DomainTable, RevisionRow, framed
from storage.schema import batch, revision

_HAPPENED = {"EX": "EXSTDTC", "DS": "DSSTDTC", "DA": "DADTC", "SV": "SVSTDTC", "LB": "LBDTC", "DV": "DVSTDTC"}
"""Domain → when its records happened. DM and AE are never cut: who is in the study, and every event that is known,
is left to the derivation, which counts an onset after the cut-off on its entry date."""

_EVIDENCE = frozenset({"DA", "SV", "LB", "DV"})
"""Records that only speak for an assessment: one that lies after the cut-off is no evidence yet, whoever entered it."""

_REMEMBERED = frozenset({"AE"})
"""Domains of which replaced revisions are kept beside the current ones: a duty that an event began outlives its
correction. Corrections are few, and so is what they cost."""


@dataclass(slots=True)
class _Known:
    """What was known at one batch: a table and the columns of each domain."""

    batch_no: int = 0
    tables: dict[str, DomainTable] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    replaced: dict[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Closed:
    batch_no: int
    closed_at: datetime
    ingest_id: int
    columns: Mapping[str, list[str]]


class SnapshotBuilder:
    """Builds the snapshots of one study; keeps its frames between builds.

    Parameters
    ----------
    db: open database.   study_id: the study.
    """

    def __init__(self, db: Database, study_id: str) -> None:
        self.db, self.study_id = db, study_id
        self._known = _Known()
        self._closed: list[_Closed] = []
        self._turn = threading.Lock()

    def build(
        self,
        plan: StudyPlan,
        derivation: Derivation,
        *,
        batch_no: int | None = None,
        as_of: datetime | None = None,
        data_cutoff: datetime,
        judged_at: datetime | None = None,
    ) -> Snapshot:
        """The study as known at a batch, cut at a clinical cut-off.

        Parameters
        ----------
        batch_no: the last batch that is visible; None = the last one closed by `as_of`, or of all.
        as_of, data_cutoff, judged_at: aware UTC; `judged_at` as in `rules.model.Snapshot`.

        Returns
        -------
        Frames sorted by record key. A domain that no source has is absent; a domain that is known to be empty is
        there, without rows. `earlier` holds replaced and deleted revisions of adverse events, where there are any.
        """
        with self._turn, self.db.reading() as conn:
            after = self._closed[-1].batch_no if self._closed else 0
            self._closed += _closed_batches(conn, self.study_id, after)  # a closed batch never changes
            visible = [b for b in self._closed if _is_visible(b, batch_no, as_of)]
            last = visible[-1].batch_no if visible else 0
            if last < self._known.batch_no:
                known = _Known()  # an earlier moment is built anew and not kept
            else:
                known = self._known
            self._advance(conn, known, [b for b in visible if b.batch_no > known.batch_no])
            raised = concern_frames(conn, self.study_id, [b.ingest_id for b in visible])
        cutoff = _cutoff_day(data_cutoff, plan.timezone)
        frames = raised | {domain: _cut(domain, frame, cutoff) for domain, frame in sorted(known.frames.items())}
        return Snapshot(
            study=plan, derivation=derivation, frames=frames, batch_no=last, data_cutoff=data_cutoff,
            known_at=visible[-1].closed_at if visible else data_cutoff, judged_at=judged_at,
            earlier={name: framed(name, table, known.columns[name]) for name, table in known.replaced.items()},
            read_at={closed.batch_no: closed.closed_at for closed in visible},
        )  # fmt: skip

    def _advance(self, conn: Connection, known: _Known, later: list[_Closed]) -> None:
        """Apply batches that are not in the frames yet."""
        if not later:
            return
        for closed in later:
            for domain, names in closed.columns.items():
                known.columns[domain] = list(dict.fromkeys([*known.columns.get(domain, ()), *names]))
        by_ingest = {closed.ingest_id: closed for closed in later}
        for domain in known.columns:
            rows = _revisions(conn, self.study_id, domain, by_ingest, all_of_it=not known.batch_no)
            table = known.tables.get(domain)
            if rows or table is None or any(domain in closed.columns for closed in later):
                before = table or DomainTable.empty(domain)
                if domain in _REMEMBERED:
                    _remember(known, domain, before.replaced(rows))
                table = before.applied(rows)
                known.tables[domain] = table
                known.frames[domain] = table.frame(known.columns[domain])
        known.batch_no = later[-1].batch_no


def _remember(known: _Known, domain: str, replaced: pa.Table) -> None:
    if len(replaced):
        kept = [known.replaced[domain]] if domain in known.replaced else []
        known.replaced[domain] = pa.concat_tables([*kept, replaced]).combine_chunks()


def _closed_batches(conn: Connection, study_id: str, after: int) -> list[_Closed]:
    """Batches closed since batch `after`, oldest first."""
    c = batch.c
    query = select(c.batch_no, c.closed_at, c.ingest_id, c.counts).order_by(c.batch_no)
    query = query.where(c.study_id == study_id, c.batch_no > after)
    return [
        _Closed(row.batch_no, row.closed_at, row.ingest_id, row.counts.get("columns", {}))
        for row in conn.execute(query)
    ]


def _is_visible(closed: _Closed, batch_no: int | None, as_of: datetime | None) -> bool:
    return (batch_no is None or closed.batch_no <= batch_no) and (as_of is None or closed.closed_at <= as_of)


def _revisions(
    conn: Connection, study_id: str, domain: str, batches: Mapping[int, _Closed], *, all_of_it: bool
) -> list[RevisionRow]:
    """Revisions of these batches, oldest first, as plain tuples: a million of them may be read here."""
    c = revision.c
    query = select(
        c.ingest_id, c.source_id, c.record_key, c.event_key, c.deleted, c.entered_at, c.payload
    ).where(c.study_id == study_id, c.domain == domain)  # fmt: skip
    if not all_of_it:
        query = query.where(c.ingest_id.in_(list(batches)))
    cursor: Any = conn.execute(query.order_by(c.revision_id)).cursor
    as_time = c.entered_at.type.dialect_impl(conn.dialect).result_processor(conn.dialect, None)
    found = []
    for ingest_id, source, key, event, deleted, entered, payload in cursor.fetchall():
        closed = batches.get(ingest_id)
        if closed is not None:
            at = as_time(entered) if as_time and entered is not None else entered
            row = RevisionRow(source, key, event, bool(deleted), closed.batch_no, at or closed.closed_at, payload)
            found.append(row)
    return found


def _cutoff_day(data_cutoff: datetime, timezone: str) -> str:
    """The last day that is not cut, ISO: the later of the day at the site and in UTC."""
    days: list[date] = [data_cutoff.astimezone(zone).date() for zone in (UTC, ZoneInfo(timezone))]
    return max(days).isoformat()


def _cut(domain: str, frame: pd.DataFrame, cutoff: str) -> pd.DataFrame:
    """The frame without what happened after the cut-off; a partial or unreadable date is never after it.

    A dose or a disposition that was entered by the cut-off stays although it is dated later: its date must be wrong,
    and a death that is mistyped is still a death.
    """
    column = _HAPPENED.get(domain, "")
    if column not in frame.columns or frame.empty:
        return frame.copy(deep=False)
    day = frame[column].str.slice(0, 10)
    after = (day > cutoff) & day.str.match(r"\d{4}")
    if domain not in _EVIDENCE:
        entered = frame["known_at"].dt.strftime("%Y-%m-%d")
        after &= entered > cutoff
    return frame[~after].reset_index(drop=True) if after.any() else frame.copy(deep=False)
