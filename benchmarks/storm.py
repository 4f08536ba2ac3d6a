"""2,000 alerts in one poll, posted in real time to a practice workspace that holds posts to one a second and channel.

Run with `python -m benchmarks storm`; it takes about a minute and a half. Invented records.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import yaml
from slack_sdk import WebClient

from bot.app import load_studies, opened
from bot.config import Secrets
from bot.cycle import run_cycle
from bot.loop import DELIVER_SECONDS
from bot.slack.delivery import Delivery
from bot.slack.history import Pace
from bot.slack.limits import POST_SECONDS
from bot.views import Mode
from bot.workspace.faults import Fault, FaultKind
from bot.workspace.server import Workspace, serve
from storage.sources.base import Batch, Extract, SourceState

SERIOUS, FATAL, LIMIT = 1_900, 100, 1.1
CHANNELS = {"open": "#open", "closed": "#closed", "ops": "#ops"}
REFUSED_SECONDS = 3


class Records:
    """A source that has no event at first, and then one of each subject."""

    kind: ClassVar[str] = "records"
    id = "edc"

    def __init__(self) -> None:
        self.events = 0

    def poll(self, state: SourceState, now: datetime) -> Batch:
        """All records."""
        del state
        subjects = [{"USUBJID": f"S-{i:04d}", "RFXSTDTC": "2026-04-20"} for i in range(SERIOUS)]
        rows = [
            {"USUBJID": f"S-{i:04d}", "AESEQ": "1", "AEDECOD": "Sepsis", "AESTDTC": "2026-05-03", "AESER": "Y",
             "AEREL": "RELATED", "AESDTH": "Y" if i >= SERIOUS - FATAL else "N"}
            for i in range(self.events)
        ]  # fmt: skip
        columns = ["USUBJID", "AESEQ", "AEDECOD", "AESTDTC", "AESER", "AEREL", "AESDTH"]
        frames = {"DM": pd.DataFrame(subjects, dtype="str"), "AE": pd.DataFrame(rows, columns=columns, dtype="str")}
        records = {domain: Extract(frame) for domain, frame in frames.items()}
        return Batch(self.id, records, complete=True, watermark=now, fingerprint={"events": self.events})


def configuration(folder: Path) -> Path:
    """Two rules of single events, one critical."""
    rule = {"kind": "event", "action": "hold_dosing"}
    config: dict[str, Any] = {
        "study": {"id": "STORM", "timezone": "UTC", "planned_n": 2000, "treatment_days": 84, "followup_days": 28},
        "storage": {"url": "sqlite:///storm.db"},
        "sources": [{"id": "edc", "kind": "simulated", "every": "1 min"}],
        "codes": {"related": ["RELATED"], "unrelated": ["NOT RELATED"]},
        "rules": [
            {**rule, "id": "fatal", "title": "Death", "events": {"death": True}, "urgency": "critical"},
            {**rule, "id": "sae", "title": "Serious event", "events": {"serious": True}, "urgency": "urgent"},
        ],
        "slack": {"channels": CHANNELS, "roles": {"investigator": ["U0INVESTIGATOR"]}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def main(argv: Sequence[str]) -> int:
    """Print one line. Returns 1 when it took longer than 1.1 times what the limit itself takes."""
    del argv
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Workspace(channels=CHANNELS, rate_limits=True)) as running,
        opened(load_studies([configuration(Path(folder))], {}), mode=Mode.PRACTICE, secrets=Secrets()) as composed,
    ):
        study, source = composed.studies[0], Records()
        study.sources = {"edc": source}
        client = WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[], timeout=5)
        delivery = Delivery(study.database, client, {study.id: study.voice}, pace=Pace(page=200, seconds=0.0))
        run_cycle(study, datetime.now(UTC))
        delivery.run_once(datetime.now(UTC))
        source.events = SERIOUS
        run_cycle(study, datetime.now(UTC) + timedelta(minutes=2))  # the source is read once a minute
        fault = Fault(FaultKind.RATE_LIMITED, ("chat.postMessage",), "", -1, probability=0.1, seconds=REFUSED_SECONDS)
        running.faults.plan(fault)
        posted, began = running.calls.count("chat.postMessage"), time.monotonic()
        while delivery.run_once(datetime.now(UTC)).again_at is not None:
            time.sleep(DELIVER_SECONDS - (time.monotonic() - began) % DELIVER_SECONDS)
        took, refused = time.monotonic() - began, len(running.faults.hits)
        calls = running.calls.count("chat.postMessage") - posted
    least = (calls - refused - 1) * POST_SECONDS + refused * REFUSED_SECONDS
    within = took <= LIMIT * least
    print(f"{SERIOUS + FATAL:,} alerts in {calls - refused} posts, {refused} times 429: {took:.1f} s; the limit itself "
          f"takes {least:.1f} s, ratio {took / least:.2f} {'within' if within else 'MISSED'} {LIMIT}")  # fmt: skip
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
