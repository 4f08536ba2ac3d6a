"""Small records and folders for tests of sources, ingest and snapshots."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from storage.database import Database
from storage.revisions import IngestResult, ingest
from storage.source_state import load_state
from storage.sources.base import Batch, Extract
from storage.sources.sdtm import SdtmSettings, SdtmSource

STUDY = "STS-CALC"
NOW = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def ae(subject: str = "P-001", seq: int | str = 1, **values: str) -> dict[str, str]:
    """One adverse-event row."""
    row = {"USUBJID": subject, "AESEQ": str(seq), "AEDECOD": "Headache", "AESTDTC": "2026-02-03", "AESER": "N"}
    return {**row, **values}


def frame(*rows: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a source gives them; what a row lacks is empty."""
    return pd.DataFrame([dict(row) for row in rows], dtype="str").fillna("")


def batch(source_id: str = "edc", *, complete: bool = True, now: datetime = NOW, **domains: Any) -> Batch:
    """A batch of frames (or extracts) by domain, as a source's poll gives it."""
    records = {d: v if isinstance(v, Extract) else Extract(v, complete=complete) for d, v in domains.items()}
    return Batch(source_id, records, complete=complete, watermark=now, event_key={"AE": "AESPID"})


def put(db: Database, *, now: datetime = NOW, source_id: str = "edc", **domains: Any) -> IngestResult:
    """Ingest frames as one batch."""
    return ingest(db, STUDY, batch(source_id, now=now, **domains), now=now)


def write(folder: Path, name: str, content: pd.DataFrame | str | bytes, *, age: float = 60) -> Path:
    """Write one file that stands still since `age` seconds before NOW."""
    path = folder / name
    if isinstance(content, pd.DataFrame):
        if path.suffix == ".csv":
            content.to_csv(path, index=False)
        elif path.suffix == ".parquet":
            content.to_parquet(path, index=False)
        else:
            import pyreadstat

            pyreadstat.write_xport(content, path, file_format_version=5, table_name=path.stem[:8].upper())
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    at = NOW.timestamp() - age
    os.utime(path, (at, at))
    return path


def source(folder: Path, **settings: Any) -> SdtmSource:
    """An SDTM source on a folder, which never really waits."""
    return SdtmSource(SdtmSettings(id="edc", path=".", **settings), folder, wait=lambda _seconds: None)


def poll(db: Database, sdtm: SdtmSource, now: datetime = NOW, **more: Any) -> IngestResult:
    """One poll of a source, ingested."""
    with db.reading() as conn:
        state = load_state(conn, STUDY, sdtm.id)
    return ingest(db, STUDY, sdtm.poll(state, now), now=now, **more)
