"""How long it takes to take in a large study: first load, nothing changed, 100 rows changed, and the snapshot after it.

    python -m benchmarks.ingest [--rows 1000000]

The floor is `pandas.read_csv(dtype=str, keep_default_na=False)` of the same file; `bare` is `executemany` of the same
rows into an empty SQLite table. Limits: first load 4 × (floor + bare); a poll in which 100 rows changed 1.5 × floor;
nothing changed 20 ms; 10 changes applied to the frames of 100,000 events 100 ms. Exit 1 when one is exceeded. A new
process remembers no lines and parses the whole file once; that line has no limit.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rules.model import Derivation, StudyPlan
from storage.database import Database, open_database
from storage.revisions import IngestResult, ingest
from storage.snapshot import SnapshotBuilder
from storage.source_state import load_state
from storage.sources.sdtm import SdtmSettings, SdtmSource

NOW = datetime(2026, 5, 14, tzinfo=UTC)
STUDY = "BENCH"
PLAN = StudyPlan(STUDY, "UTC", 1, 84, 28)

_TERMS = (
    "Application site erythema", "Application site pruritus", "Diarrhoea", "Atrioventricular block second degree",
    "Erythema", "Headache", "Nausea", "Dizziness", "Rash maculo-papular", "Hyperhidrosis",
)  # fmt: skip
_SOC = ("General disorders and administration site conditions", "Skin and subcutaneous tissue disorders")


def events(rows: int, seed: int = 7) -> pd.DataFrame:
    """That many adverse events of five a subject, 16 columns, all text."""
    rng = np.random.default_rng(seed)
    number = np.arange(rows)
    days = pd.Series(np.datetime64("2024-01-01") + rng.integers(0, 700, rows).astype("timedelta64[D]")).astype("str")
    term = rng.integers(0, len(_TERMS), rows)
    return pd.DataFrame(
        {
            "STUDYID": "BENCH", "DOMAIN": "AE", "USUBJID": [f"01-{n // 5:07d}" for n in number],
            "AESEQ": (number % 5 + 1).astype(str), "AESPID": [f"E{n:03d}" for n in number % 5],
            "AETERM": np.char.upper(np.array(_TERMS))[term], "AEDECOD": np.array(_TERMS)[term],
            "AEBODSYS": np.array(_SOC)[term % 2], "AESEV": np.array(["MILD", "MODERATE", "SEVERE"])[term % 3],
            "AESER": np.where(rng.random(rows) < 0.02, "Y", "N"), "AEREL": np.array(["NONE", "POSSIBLE"])[term % 2],
            "AEACN": "DOSE NOT CHANGED", "AEOUT": "RECOVERED/RESOLVED", "AESTDTC": days, "AEENDTC": "", "AEDTC": days,
        }
    )  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what the work gave."""
    began = time.perf_counter()
    given = work()
    return time.perf_counter() - began, given


def bare_insert(frame: pd.DataFrame, path: Path) -> float:
    """Seconds of `executemany` of all rows into a table of text columns."""
    rows = list(frame.itertuples(index=False, name=None))
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE t ({', '.join(frame.columns)})")
    statement = f"INSERT INTO t VALUES ({', '.join('?' * len(frame.columns))})"

    def insert() -> None:
        connection.executemany(statement, rows)
        connection.commit()

    seconds = timed(insert)[0]
    connection.close()
    path.unlink()
    return seconds


class Bench:
    """A folder with one large AE file, and a database that polls it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "data" / "ae.csv"
        self.file.parent.mkdir()
        self.db: Database = open_database(
            f"sqlite:///{folder / 'bench.db'}", mode="practice", study_ids=[STUDY], now=NOW
        )
        self.polls = 0
        self.restart()

    def restart(self) -> None:
        """A new process would remember nothing of the file."""
        self.source = SdtmSource(SdtmSettings(id="edc", path="data"), self.file.parent)

    def write(self, text: str) -> None:
        """Write the file as if a minute ago."""
        self.file.write_text(text, encoding="utf-8")
        at = NOW.timestamp() - 60 + self.polls
        os.utime(self.file, (at, at))

    def poll(self) -> IngestResult:
        """One poll, ingested."""
        self.polls += 1
        now = NOW + timedelta(minutes=self.polls)
        with self.db.reading() as conn:
            state = load_state(conn, STUDY, "edc")
        return ingest(self.db, STUDY, self.source.poll(state, now), now=now)

    def changed(self, text: str, rows: int, step: int) -> str:
        """The file's text with that many rows of another severity."""
        lines = text.split("\n")
        for at in range(step, len(lines) - 1, len(lines) // rows):
            lines[at] = lines[at].replace("MILD", "SEVERE").replace("MODERATE", "MILD")
        return "\n".join(lines)


def measure(rows: int, folder: Path) -> list[tuple[str, float, float | None]]:
    """Name, seconds and limit of each line of the table."""
    bench, frame = Bench(folder), events(rows)
    text = frame.to_csv(index=False)
    bench.write(text)
    floor, read = timed(lambda: pd.read_csv(bench.file, dtype=str, keep_default_na=False))
    bare = bare_insert(read, folder / "bare.db")
    del frame, read
    first, result = timed(bench.poll)
    assert result.counts["new"] == rows
    nothing, result = timed(bench.poll)
    assert result.batch_no is None
    lines: list[tuple[str, float, float | None]] = [
        ("floor: read_csv", floor, None), ("bare executemany", bare, None),
        ("first load", first, 4 * (floor + bare)), ("nothing changed", nothing, 0.020),
    ]  # fmt: skip
    for name, restart in (("100 rows changed", False), ("100 rows changed, new process", True)):
        text = bench.changed(text, 100, 17 + 20 * restart)
        bench.write(text)
        if restart:
            bench.restart()
        seconds, result = timed(bench.poll)
        assert result.counts["changed"] > 0
        assert result.counts["new"] == result.counts["deleted"] == 0
        lines.append((name, seconds, None if restart else 1.5 * floor))
    bench.db.close()
    return lines


def measure_snapshot(rows: int, folder: Path) -> list[tuple[str, float, float | None]]:
    """Building the frames of that many events, and applying ten changes to them."""
    bench = Bench(folder)
    text = events(rows).to_csv(index=False)
    bench.write(text)
    bench.poll()
    builder = SnapshotBuilder(bench.db, STUDY)
    full = timed(lambda: builder.build(PLAN, Derivation(), data_cutoff=NOW))[0]
    applied = []
    for step in range(5):
        text = bench.changed(text, 10, 11 + 31 * step)
        bench.write(text)
        bench.poll()
        applied.append(timed(lambda: builder.build(PLAN, Derivation(), data_cutoff=NOW))[0])
    bench.db.close()
    return [(f"frames of {rows:,} events", full, None), ("10 changes applied to them", sorted(applied)[2], 0.100)]


def main(arguments: Sequence[str]) -> int:
    """Print the table. Returns 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args(arguments).rows
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        lines = measure_snapshot(min(rows, 100_000), Path(one)) + measure(rows, Path(two))
    print(f"{rows:,} adverse events\n{'':34}{'seconds':>10}{'limit':>10}")
    for name, seconds, limit in lines:
        shown = "" if limit is None else f"{limit:10.3f}{'' if seconds <= limit else '  MISSED'}"
        print(f"{name:34}{seconds:10.3f}{shown}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    print(f"peak memory of the whole run {peak:.1f} GiB")
    return int(any(limit is not None and seconds > limit for _, seconds, limit in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
