"""A study on disk as a site would have it: a configuration, and a folder of SDTM files that an extract rewrites."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.demo.stage import example_configuration
from bot.workspace import people
from storage.sources.simulated_trial import SimulatedTrial

STUDY = "STS-CALC"
OPEN, OPS = "#sts-calc-safety", "#sts-calc-ops"
CHANNELS = (OPEN, "#sts-calc-dsmb", "#sts-calc-pharmacy", OPS)
ROLES = {
    "investigator": [people.INVESTIGATOR],
    "medical_monitor": [people.MEDICAL_MONITOR],
    "pharmacist": [people.PHARMACIST],
    "dsmb": [people.DSMB_MEMBER],
    "operator": [people.OPERATOR],
}
"""Those who are in a practice workspace that was started on its own."""

QUICK = {"settle": "3 s", "settle_critical": "2 s", "post": "1 s", "edit": "1 s", "retry": "1 s", "retry_most": "2 s",
         "held": "2 s"}  # fmt: skip
"""Waiting times against a workspace that commits within a second or two."""

Rows = dict[str, list[dict[str, str]]]
MIDNIGHT = datetime.min.time()


@dataclass
class Site:
    """A folder with `config.yaml` and `data/`.

    Parameters
    ----------
    folder: empty at first.   trial: what the extract shows.   operations, every, url: of the configuration.
    domains: those that are written.
    """

    folder: Path
    trial: SimulatedTrial = field(default_factory=SimulatedTrial)
    operations: Mapping[str, Any] = field(default_factory=dict)
    every: str = "1 s"
    domains: tuple[str, ...] = ("DM", "AE", "EX", "DS", "SV")
    url: str = "sqlite:///study.db"

    def __post_init__(self) -> None:
        self.configure()
        self.data.mkdir(exist_ok=True)

    def configure(self, **operations: object) -> None:
        """Write the configuration, with more settings of operation."""
        self.operations = {**self.operations, **operations}
        self.config.write_text(yaml.safe_dump(self.document(), allow_unicode=True, sort_keys=False), encoding="utf-8")

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.yaml"

    @property
    def data(self) -> Path:
        """The folder of SDTM files."""
        return self.folder / "data"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "study.db"

    def document(self) -> dict[str, Any]:
        """The shipped configuration, made this site's."""
        shipped: dict[str, Any] = yaml.safe_load(example_configuration())
        shipped["storage"] = {"url": self.url}
        shipped["sources"] = [{"id": "edc", "kind": "sdtm", "path": "data/", "every": self.every}]
        shipped["slack"]["roles"] = ROLES
        shipped["operations"] = {"health_port": 0, **self.operations}
        return shipped

    def write(self, at: datetime, amend: Callable[[Rows], None] = lambda _rows: None) -> None:
        """Rewrite every file as the trial was known at a time, each in one step, last written an hour before.

        Parameters
        ----------
        at: aware UTC.   amend: changes rows before they are written.
        """
        rows = {domain: found for domain, found in self.trial.rows_known_by(at).items() if domain in self.domains}
        amend(rows)
        written = (at - timedelta(hours=1)).timestamp()
        for domain, found in rows.items():
            target, draft = self.data / f"{domain.lower()}.csv", self.data / f".{domain.lower()}.draft"
            names = list(dict.fromkeys(name for row in found for name in row)) or ["STUDYID", "USUBJID"]
            with draft.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, names, restval="")
                table.writeheader()
                table.writerows(found)
            os.utime(draft, (written, written))
            draft.replace(target)

    def day(self, number: int, hour: int = 16) -> datetime:
        """A time of a day of the trial, counted from its first dose."""
        start: date = self.trial.start
        return datetime.combine(start, MIDNIGHT, tzinfo=UTC) + timedelta(days=number, hours=hour)
