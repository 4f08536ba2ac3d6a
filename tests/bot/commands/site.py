"""A trial site for tests of the commands: a folder with a configuration and records, and a workspace to speak to."""

from __future__ import annotations

import copy
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import yaml
from typer.testing import CliRunner

from bot.app import connect
from bot.cli import app
from bot.config import StudyConfig, load
from bot.demo.stage import QUICK
from bot.practice import workspace_for
from bot.workspace.server import RunningWorkspace, serve
from rules.kinds.boundary import BoundaryRule
from rules.kinds.clock import ClockRule
from rules.kinds.count import CountRule
from rules.kinds.event import EventRule
from rules.kinds.manual import ManualRule
from rules.kinds.timeliness import TimelinessRule
from storage.sources.sdtm import SdtmSource

CHANNELS = {"open": "#site-safety", "closed": "#site-dsmb", "pharmacy": "#site-pharmacy", "ops": "#site-ops"}
ROLES: dict[str, list[Any]] = {
    "investigator": ["U0INVESTIGATOR"],
    "medical_monitor": ["U0MONITOR"],
    "pharmacist": ["U0PHARMACIST"],
    "dsmb": ["U0DSMBCHAIR"],
    "operator": ["U0OPERATOR"],
}
SERIOUS = {
    "id": "related-serious", "kind": "event", "title": "Related serious adverse event",
    "events": {"serious": True, "related": True}, "action": "hold_dosing", "urgency": "critical", "audience": "open",
}  # fmt: skip
ANY = {
    "id": "any-event", "kind": "count", "title": "Two subjects with any event", "events": {}, "count": "subjects",
    "at_least": 2, "population": "treated", "action": "notify", "urgency": "urgent", "audience": "open",
}  # fmt: skip
BASE: dict[str, Any] = {
    "study": {
        "id": "SITE-1", "title": "A study", "timezone": "UTC", "planned_n": 20, "treatment_days": 84,
        "followup_days": 28, "ctcae": "5.0",
    },
    "storage": {"url": "sqlite:///site.db"},
    "privacy": {"dates": "study_day", "subject_ids": "as_recorded"},
    "sources": [{"id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s", "stale_after": "36 h"}],
    "codes": {
        "related": ["RELATED", "POSSIBLE"], "unrelated": ["NOT RELATED"],
        "grades": {"MILD": 1, "MODERATE": 2, "SEVERE": 3},
    },
    "rules": [SERIOUS, ANY],
    "slack": {"channels": CHANNELS, "roles": ROLES, "paging": "none"},
    "schedule": {"daily_note": "08:00"},
    "operations": {"health_port": 0},
}  # fmt: skip
KINDS: dict[str, type] = {
    "event": EventRule,
    "count": CountRule,
    "boundary": BoundaryRule,
    "clock": ClockRule,
    "timeliness": TimelinessRule,
    "manual": ManualRule,
}


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, blocks by key, lists whole."""
    found = copy.deepcopy(dict(base))
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = merged(found[name], value) if both else copy.deepcopy(value)
    return found


class Site:
    """A folder with `config.yaml`, a database and records, and a practice workspace with its channels and people.

    Parameters
    ----------
    folder: where everything lies.   changes: laid over `BASE`.
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.configure(**changes)
        self.workspace: RunningWorkspace = serve(workspace_for([self.study()]))
        self.environment = {
            "SLACK_BOT_TOKEN": self.workspace.bot_token,
            "SLACK_APP_TOKEN": self.workspace.app_token,
            "SLACK_API_URL": self.workspace.base_url,
        }

    @property
    def database(self) -> Path:
        """The file of the default configuration."""
        return self.folder / "site.db"

    def configure(self, **changes: Any) -> None:
        """Write the configuration anew."""
        apart = json.loads(json.dumps(merged(BASE, changes)))  # YAML would write shared blocks as aliases
        text = yaml.safe_dump(apart, sort_keys=False, allow_unicode=True)
        self.config.write_text(text, encoding="utf-8")

    def study(self) -> StudyConfig:
        """The configuration as loaded."""
        (study,) = load([self.config], environment={}, rule_kinds=KINDS, source_kinds={"sdtm": SdtmSource})
        return study

    def write(self, name: str, content: pd.DataFrame | str | bytes, *, age: float = 60) -> Path:
        """Write one file of records that stands still since `age` seconds; the format is its ending."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            save(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        at = time.time() - age
        os.utime(path, (at, at))
        return path

    def run(self, *words: str, typed: str = "", **environment: str | None) -> Ran:
        """`dsmbot words… -c config.yaml` in this process."""
        given: dict[str, str | None] = {
            **dict.fromkeys(("DSMBOT_ALLOCATION_KEY", "DSMBOT_DATABASE_URL"), None), **self.environment, **environment
        }  # fmt: skip
        with patch("bot.commands.poll.connect", partial(connect, timing=QUICK)):  # nobody limits posts here
            done = CliRunner().invoke(app, [*words, "-c", str(self.config)], input=typed, env=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    def poll(self, **environment: str | None) -> Ran:
        """`dsmbot poll --json`."""
        return self.run("poll", "--json", **environment)

    def process(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """`dsmbot words… -c config.yaml` in a process of its own."""
        environment = {**os.environ, **self.environment, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            [sys.executable, "-c", "from bot.cli import main; main()", *words, "-c", str(self.config)],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def messages(self, audience: str = "open") -> list[dict[str, Any]]:
        """What everybody sees in a channel, each parent followed by its replies."""
        name = CHANNELS[audience]
        return [
            reply for message in self.workspace.messages(name) for reply in self.workspace.thread(name, message["ts"])
        ]

    def said(self, audience: str = "open") -> str:
        """Everything that a channel shows: texts and blocks."""
        return json.dumps([(m["text"], m.get("blocks")) for m in self.messages(audience)], ensure_ascii=False)

    def told(self, heading: str, audience: str = "ops") -> list[dict[str, Any]]:
        """Messages of a channel whose text begins with a heading."""
        return [m for m in self.messages(audience) if heading.lower() in m["text"].lower()]

    def close(self) -> None:
        """End the workspace."""
        self.workspace.stop()
        gc.collect()


def save(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, Parquet or XPT version 5, by the ending of the path."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        import pyreadstat

        pyreadstat.write_xport(frame, path, file_format_version=5, table_name=path.stem[:8].upper())


def subjects(number: int, **values: str) -> pd.DataFrame:
    """`number` subjects who were dosed, as DM has them."""
    rows = [
        {
            "STUDYID": "SITE-1", "DOMAIN": "DM", "USUBJID": f"S-{i:03d}", "SITEID": f"{i % 3 + 1:02d}",
            "RFSTDTC": "2026-01-05", "RFXSTDTC": f"2026-01-{5 + i % 20:02d}", "RFICDTC": "2026-01-02", **values,
        }
        for i in range(1, number + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype="str")


def event(subject: int, seq: int = 1, **values: str) -> dict[str, str]:
    """One adverse event: a mild headache unless said otherwise."""
    row = {
        "STUDYID": "SITE-1", "DOMAIN": "AE", "USUBJID": f"S-{subject:03d}", "AESEQ": str(seq), "AETERM": "headache",
        "AEDECOD": "Headache", "AESTDTC": "2026-02-03", "AESER": "N", "AESEV": "MILD", "AEREL": "NOT RELATED",
    }  # fmt: skip
    return {**row, **values}


def events(*rows: Mapping[str, str]) -> pd.DataFrame:
    """Rows as AE has them; what a row lacks is empty."""
    return pd.DataFrame([dict(row) for row in rows], dtype="str").fillna("")
