"""The source of the demo and of rehearsals: a simulated STS-CALC trial, seen as it was known at any day.

It deals arms, lots and kits like a real extract, so that everything that keeps them apart is exercised.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pandas as pd
from pydantic import BaseModel, Field

from storage.sources.base import Batch, Extract, SourceSettings, SourceState
from storage.sources.simulated_trial import DEFAULT_START, SimulatedTrial


class SimulatedSettings(SourceSettings):
    """Settings of a simulated source.

    Parameters
    ----------
    scenario: calm, toxic or messy.   seed: of the trial.   start: first dose of the first subject.
    """

    kind: Literal["simulated"] = "simulated"
    scenario: Literal["calm", "toxic", "messy"] = "toxic"
    seed: Annotated[int, Field(ge=0)] = 7
    start: date = DEFAULT_START


class SimulatedSource:
    """A simulated trial as a record source: `poll` gives what was known at its `now`."""

    kind: ClassVar[str] = "simulated"
    Settings: ClassVar[type[BaseModel]] = SimulatedSettings

    def __init__(self, settings: SimulatedSettings) -> None:
        self.settings = settings
        self.trial = SimulatedTrial(settings.seed, settings.scenario, settings.start)

    @classmethod
    def from_settings(cls, settings: SimulatedSettings, base_dir: Path) -> SimulatedSource:
        """Make the source; the folder is not used."""
        del base_dir
        return cls(settings)

    @property
    def id(self) -> str:
        """Id of the source in the config."""
        return self.settings.id

    def poll(self, state: SourceState, now: datetime) -> Batch:
        """The domains of which something became known since the last poll, as known at `now` (aware UTC)."""
        trial = f"{self.settings.scenario}/{self.settings.seed}/{self.settings.start}"
        found = Counter(version.domain for version in self.trial.versions if version.known_at <= now)
        known = {domain: found[domain] for domain in self.trial.columns}
        before = state.fingerprint.get("known", {}) if state.fingerprint.get("trial") == trial else {}
        due = [domain for domain, number in known.items() if number != before.get(domain)]
        rows = self.trial.rows_known_by(now) if due else {}
        return Batch(
            source_id=self.id,
            records={d: Extract(_frame(d, rows[d], self.trial.columns[d])) for d in due},
            complete=True,
            watermark=now,
            unchanged=not due,
            fingerprint={"trial": trial, "known": known},
            event_key=self.settings.event_keys(),
            record_key=self.settings.record_key,
        )


def _frame(domain: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows under the domain's whole header: a trial without an event yet has an empty AE file, not none."""
    values = {name: [row.get(name, "") for row in rows] for name in columns}
    frame = pd.DataFrame({**values, "file": [f"simulated {domain.lower()}"] * len(rows)}, dtype="str")
    frame["row_no"] = range(1, len(frame) + 1)
    return frame


def write_sdtm(
    trial: SimulatedTrial, folder: Path, at: datetime, *, suffix: Literal["csv", "parquet", "xpt"] = "csv"
) -> None:
    """Write the trial as known at a time (aware UTC) as a folder of SDTM files, for rehearsals and examples.

    Parameters
    ----------
    suffix: format of the files; `xpt` is SAS transport version 5 and needs pyreadstat.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for domain, rows in trial.rows_known_by(at).items():
        frame = pd.DataFrame(rows, columns=list(trial.columns[domain]), dtype="str").fillna("")
        target = folder / f"{domain.lower()}.{suffix}"
        if suffix == "csv":
            frame.to_csv(target, index=False)
        elif suffix == "parquet":
            frame.to_parquet(target, index=False)
        elif len(frame):
            import pyreadstat

            pyreadstat.write_xport(frame, target, file_format_version=5, table_name=domain)
