"""A study of 100,000 adverse events and 20 rules: ten changes, from ingest to recorded findings, over many polls.

Run with `python -m benchmarks cycle`; `python -m benchmarks.cycle 1000` makes 1,000 polls. Simulated records.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bot.app import load_studies, opened
from bot.config import Secrets
from bot.cycle import run_cycle
from bot.polling import ingest_batch, poll_source
from bot.recording import record
from bot.snapshots import snapshot_if_due
from bot.study import Study
from bot.views import Mode
from rules.evaluate import evaluate
from storage.sources.base import Batch, Extract, SourceState

EVENTS, SUBJECTS, CHANGES, LIMIT = 100_000, 5_000, 10, 1.0
GRADES = (0.7, 0.27, 0.03)
"""The mix of grades, kept by what changes: else later polls hold more counted events, and look like growing history."""
TERMS = [f"Term {number:03d}" for number in range(400)]


class Records:
    """A source that changes ten events at each poll."""

    kind: ClassVar[str] = "records"

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.rng = rng
        subject = rng.integers(0, SUBJECTS, EVENTS)
        onset = rng.integers(0, 300, EVENTS)
        first = np.datetime64("2024-01-01")
        self.ae = pd.DataFrame(
            {
                "USUBJID": [f"S-{number:05d}" for number in subject],
                "AESEQ": np.arange(EVENTS).astype(str),
                "AETERM": rng.choice(TERMS, EVENTS),
                "AEDECOD": rng.choice(TERMS, EVENTS),
                "AEBODSYS": rng.choice([f"Class {n}" for n in range(26)], EVENTS),
                "AETOXGR": rng.choice(["1", "2", "3"], EVENTS, p=GRADES),
                "AESER": rng.choice(["Y", "N"], EVENTS, p=[0.01, 0.99]),
                "AEREL": rng.choice(["RELATED", "NOT RELATED", "UNLIKELY"], EVENTS, p=[0.1, 0.6, 0.3]),
                "AESTDTC": (first + onset).astype(str),
                "AEDTC": (first + onset + 2).astype(str),
            }
        )
        days = (first + rng.integers(0, 100, SUBJECTS)).astype(str)
        self.dm = pd.DataFrame(
            {"USUBJID": [f"S-{n:05d}" for n in range(SUBJECTS)], "SITEID": "01", "RFXSTDTC": days, "RFSTDTC": days}
        )
        self.polls = 0

    @property
    def id(self) -> str:
        """As configured."""
        return "edc"

    def poll(self, state: SourceState, now: datetime) -> Batch:
        """All records once, then only the ten that changed."""
        del state
        self.polls += 1
        if self.polls == 1:
            records = {"DM": Extract(self.dm), "AE": Extract(self.ae)}
        else:
            rows = self.rng.choice(EVENTS, CHANGES, replace=False)
            self.ae.loc[rows, "AETOXGR"] = self.rng.choice(["1", "2", "3"], CHANGES, p=GRADES)
            self.ae.loc[rows, "AEENDTC"] = f"2025-01-{1 + self.polls % 28:02d}"
            changed = self.ae.loc[rows].fillna("")
            records = {"AE": Extract(changed, complete=False, unread=EVENTS - CHANGES)}
        return Batch("edc", records, complete=True, watermark=now, fingerprint={"polls": self.polls})


def configuration(folder: Path) -> Path:
    """Twenty rules of three kinds over the simulated records."""
    rules: list[dict[str, Any]] = [
        {"id": "serious-related", "kind": "event", "title": "Serious and related", "action": "notify",
         "events": {"serious": True, "related": True, "grade": ">=3"}},
        {"id": "boundary", "kind": "boundary", "title": "Related grade 3", "action": "pause_enrolment",
         "events": {"related": True, "grade": ">=3"}, "window": {"after_days": 28}, "beyond_max_n": "refuse",
         "design": {"method": "beta_binomial", "null_rate": 0.3, "alpha": 0.1, "prior_a": 0.6, "prior_b": 1.4,
                    "max_n": 5000}},
    ]  # fmt: skip
    rules += [
        {"id": f"count-{n}", "kind": "count", "title": f"Count {n}", "action": "notify", "count": "subjects",
         "at_least": 40 + n, "per": "term" if n % 3 == 0 else "study",
         "events": {"related": True, "grade": ">=3"}}
        for n in range(18)
    ]  # fmt: skip
    import yaml

    config = {
        "study": {"id": "BENCH", "timezone": "UTC", "planned_n": SUBJECTS, "treatment_days": 84, "followup_days": 28},
        "storage": {"url": f"sqlite:///{folder / 'bench.db'}"},
        "sources": [{"id": "edc", "kind": "simulated"}],
        "codes": {"related": ["RELATED"], "unrelated": ["NOT RELATED", "UNLIKELY"]},
        "rules": rules,
        "slack": {"channels": {"open": "#open", "ops": "#ops"}, "roles": {"investigator": ["U0INVESTIGATOR"]}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def turn(study: Study, now: datetime) -> tuple[float, float]:
    """One poll of ten changes: seconds for ingest, and for evaluate and record."""
    source = study.sources["edc"]
    began = time.perf_counter()
    ingest_batch(study, source, poll_source(study, source, now), now)
    middle = time.perf_counter()
    snapshot = snapshot_if_due(study, now)
    assert snapshot is not None
    record(study, snapshot, evaluate(study.rules, snapshot), now)
    return middle - began, time.perf_counter() - middle


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; 1 when ten changes take longer than the limit, or later polls grow."""
    polls = int(arguments[0]) if arguments else 100
    with tempfile.TemporaryDirectory() as folder:
        configs = load_studies([configuration(Path(folder))], {})
        with opened(configs, mode=Mode.PRACTICE, secrets=Secrets()) as composed:
            study = composed.studies[0]
            study.sources = {"edc": Records()}
            now = datetime(2025, 2, 1, tzinfo=UTC)
            began = time.perf_counter()
            run_cycle(study, now)
            print(f"first cycle, {EVENTS:,} events, {len(study.rules)} rules: {time.perf_counter() - began:.1f} s")
            times = [turn(study, now + timedelta(minutes=5 * (n + 1))) for n in range(polls)]
    tenth = max(1, polls // 10)
    first, last = np.median([t[1] for t in times[:tenth]]), np.median([t[1] for t in times[-tenth:]])
    print(f"ingest of {CHANGES} changes: median {np.median([t[0] for t in times]) * 1000:.0f} ms")
    print(f"evaluate and record: median {np.median([t[1] for t in times]) * 1000:.0f} ms (limit {LIMIT:.0f} s)")
    print(f"first tenth of {polls} polls {first * 1000:.0f} ms, last tenth {last * 1000:.0f} ms")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return int(np.median([t[1] for t in times]) > LIMIT or last > 1.5 * first)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
