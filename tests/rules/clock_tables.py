"""Clocks by hand: adverse events as they were read batch after batch, and what a clock says of them at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from rules.evaluate import evaluate
from rules.kinds.clock import ClockRule
from rules.model import Finding, Snapshot, StudyPlan
from tests.rules.tables import CODES, rows_frame

ZONE = "America/Chicago"
PLAN = StudyPlan("T", ZONE, planned_n=20, treatment_days=84, followup_days=28)
COLUMNS = (
    *("USUBJID", "AESPID", "AEDECOD", "AESTDTC", "AESER", "AESDTH", "AESLIFE", "AEREL", "EXPECTED"),
    *("AWAREDTC", "SUBMDTC", "ENTRYDTC"),
)
BATCH = datetime(2026, 5, 14, 15, 0, tzinfo=UTC)
"""When the first batch was read: 10:00 in Chicago, summer time."""

SAE = {
    "USUBJID": "P1", "AESPID": "1", "AEDECOD": "Sepsis", "AESTDTC": "2026-05-13", "AESER": "Y", "AEREL": "RELATED",
    "EXPECTED": "N", "AWAREDTC": "2026-05-14T08:10",
}  # fmt: skip
Row = Mapping[str, str]


def known(*batches: Sequence[Row], at: datetime | None = None, every: timedelta = timedelta(hours=1)) -> Snapshot:
    """A snapshot after these batches, each the whole of AE as it then was; the first read at `BATCH`.

    Parameters
    ----------
    at: the moment at which it is judged; None = when the last batch was read.   every: between batches.
    """
    read = {number: BATCH + (number - 1) * every for number in range(1, len(batches) + 1)}
    since: dict[str, tuple[int, dict[str, str]]] = {}
    earlier: list[tuple[int, int, dict[str, str]]] = []
    for number, rows in enumerate(batches, start=1):
        now = {
            f"{row['USUBJID']}:{row.get('key', row['AESPID'])}": {**dict.fromkeys(COLUMNS, ""), **row} for row in rows
        }
        for key, (first, row) in list(since.items()):
            if now.get(key) != row:
                earlier.append((first, number, row))
                del since[key]
        for key, row in now.items():
            since.setdefault(key, (number, row))
    last = read[len(batches)]
    frames = {"AE": _frame([(first, row) for first, row in since.values()], read)}
    old = _frame([(first, row) for first, _, row in earlier], read, until=[until for _, until, _ in earlier])
    return Snapshot(
        PLAN, CODES, frames, batch_no=len(batches), known_at=last, data_cutoff=last, judged_at=at or last,
        earlier={"AE": old} if earlier else {}, read_at=read,
    )  # fmt: skip


def _frame(rows: list[tuple[int, dict[str, str]]], read: Mapping[int, datetime], **columns: list[int]) -> pd.DataFrame:
    told = [{"key": row["AESPID"], **row} for _, row in rows]
    frame = rows_frame("AE", told, [*COLUMNS, "key"])
    frame["batch_no"] = pd.Series([number for number, _ in rows], dtype="int64")
    for name, numbers in columns.items():
        frame[name] = pd.Series(numbers, dtype="int64")
    entered = [pd.Timestamp(row["ENTRYDTC"] or read[number]) for number, row in rows]
    frame["known_at"] = pd.Series([t if t.tzinfo else t.tz_localize(UTC) for t in entered], dtype="datetime64[us, UTC]")
    return frame.sort_values("record_key", ignore_index=True)


def clock(**keys: Any) -> ClockRule:
    """A clock rule from its YAML keys: a 24-hour report of serious events unless they say otherwise."""
    definition = {
        "id": "c", "kind": "clock", "action": "notify", "events": {"serious": True},
        "clocks": [{"name": "Sponsor report", "limit": "24 h"}],
    }  # fmt: skip
    return ClockRule.model_validate_json(pd.io.json.ujson_dumps({**definition, **keys}))


def only(rule: ClockRule, snapshot: Snapshot) -> Finding:
    """The single finding of one rule."""
    (finding,) = evaluate([rule], snapshot)
    return finding


def due(finding: Finding) -> list[str]:
    """Name and due moment of every clock, in UTC, in the order in which they began."""
    return [f"{one['name']} {one['due_at'][:16]} {one['stands']}" for one in finding.details["clocks"]]


def utc(day: str) -> datetime:
    """`05-15 13:10` in 2026, UTC."""
    return datetime.strptime(f"2026-{day}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
