"""How long a reporting clock and a listing of all events take over 100,000 adverse events, by whole columns.

    python -m benchmarks.clocks [--repeats 3]

About 2,000 serious events with a clock each; then the same after 10,000 events have changed since they were first
read, as they have after 1,000 polls of ten changes. The fastest of the repeats is shown, the derivation of facts from
records included, which all rules of an evaluation share. Exit 1 when a line takes longer than the limit of a whole
evaluation, 1 s (a listing, which one person waits for, 2 s). Simulated records.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.calibration import fastest
from rules.derive import Facts
from rules.evaluate import evaluate
from rules.kinds.clock import ClockRule
from rules.listing import listed_events
from rules.model import Derivation, Snapshot, StudyPlan

EVENTS, SUBJECTS, CHANGED, LIMIT = 100_000, 5_000, 10_000, 1000.0
NOW = datetime(2026, 1, 2, tzinfo=UTC)
RULE = ClockRule.model_validate_json(
    '{"id": "report", "kind": "clock", "title": "Report", "action": "notify", "events": {"serious": true},'
    ' "clocks": [{"name": "Sponsor report", "limit": "24 h"}]}'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when every limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args(arguments).repeats
    plain = records(np.random.default_rng(1))
    changed = with_history(plain, np.random.default_rng(2))
    clocks, kept = len(evaluate([RULE], plain)), True
    for name, work, limit in (
        (f"clock rule, {clocks:,} clocks", lambda: evaluate([RULE], plain), LIMIT),
        (f"clock rule, {CHANGED:,} events changed", lambda: evaluate([RULE], changed), LIMIT),
        ("listing of all events", lambda: listed_events(Facts(plain)), 2 * LIMIT),
    ):
        took = fastest(repeats, work)
        kept &= took <= limit
        print(f"{EVENTS:,} events, {name:35s} {took:6.0f} ms (limit {limit:.0f} ms)")
    return 0 if kept else 1


def records(random: np.random.Generator) -> Snapshot:
    """Subjects with a first dose, and events of them in one batch."""
    names = np.array([f"S-{number:05d}" for number in range(SUBJECTS)])
    dose = np.datetime64("2024-01-01") + np.sort(random.integers(0, 600, SUBJECTS))
    who = random.integers(0, SUBJECTS, EVENTS)
    onset = dose[who] + random.integers(0, 120, EVENTS)
    ae = {
        "USUBJID": names[who],
        "AEDECOD": random.choice([f"Term {number:03d}" for number in range(400)], EVENTS),
        "AETOXGR": random.choice(["1", "2", "3", "4", ""], EVENTS),
        "AESER": random.choice(["N", "Y"], EVENTS, p=[0.98, 0.02]),
        "AEREL": random.choice(["RELATED", "NOT RELATED", ""], EVENTS),
        "AESTDTC": onset.astype(str),
        "AEENDTC": (onset + 5).astype(str),
        "AWAREDTC": np.char.add((onset + 7).astype(str), "T09:00"),
        "SUBMDTC": np.full(EVENTS, ""),
        "ENTRYDTC": np.full(EVENTS, ""),
    }
    frames = {"DM": _served({"USUBJID": names, "RFXSTDTC": dose.astype(str)}), "AE": _served(ae)}
    codes = Derivation(related=frozenset({"RELATED"}), unrelated=frozenset({"NOT RELATED"}))
    plan = StudyPlan("BENCH", "UTC", planned_n=SUBJECTS, treatment_days=84, followup_days=28)
    return Snapshot(plan, codes, frames, batch_no=1, known_at=NOW, data_cutoff=NOW, read_at={1: NOW})


def with_history(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """The same after some events were read again with another grade, ten a batch."""
    now = snapshot.frames["AE"].copy()
    rows = random.choice(len(now), CHANGED, replace=False)
    since = 2 + np.arange(CHANGED) // 10
    earlier = now.iloc[rows].reset_index(drop=True).assign(until=since)
    earlier["AETOXGR"] = pd.Series(random.choice(["1", "2", "3"], CHANGED), dtype="str")
    now.iloc[rows, now.columns.get_loc("batch_no")] = since
    last = int(since.max())
    read_at = dict.fromkeys(range(1, last + 1), NOW)
    frames = {**snapshot.frames, "AE": now}
    return replace(snapshot, frames=frames, earlier={"AE": earlier}, batch_no=last, read_at=read_at)


def _served(columns: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})
    frame["record_key"] = frame["USUBJID"] + ":" + pd.Series(np.arange(len(frame)).astype(str), dtype="str")
    frame["event_key"] = frame["record_key"]
    frame["source_id"] = pd.Series(["edc"] * len(frame), dtype="str")
    frame["batch_no"] = np.ones(len(frame), dtype=np.int64)
    frame["known_at"] = pd.Series(pd.Timestamp(NOW), index=frame.index, dtype="datetime64[us, UTC]")
    return frame


if __name__ == "__main__":
    sys.exit(main())
