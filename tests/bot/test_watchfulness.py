"""Nobody is ever watched by nothing: what another source, an amendment or a held message may not silence or tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import yaml

from bot.app import load_studies, opened
from bot.config import ConfigError, Secrets
from bot.cycle import run_cycle
from bot.lookup.standing import status_content
from bot.study import Clock, Study
from bot.telling.outgoing import alert_key
from bot.views import Mode
from rules.model import Audience
from storage import alerts, outbox
from storage.sources.base import Batch, Extract, SourceFailure, SourceState

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
DM = pd.DataFrame([{"USUBJID": "S1", "RFXSTDTC": "2026-04-20"}, {"USUBJID": "S2", "RFXSTDTC": "2026-04-21"}])
NO_AE = pd.DataFrame(columns=["USUBJID", "AESEQ", "AEDECOD", "AESER", "AEREL", "AESTDTC"], dtype="str")


class Given:
    """A source that holds what the test gives it, or fails."""

    kind: ClassVar[str] = "given"

    def __init__(self, source_id: str, frames: Mapping[str, pd.DataFrame] | None) -> None:
        self.id, self.frames, self.polls = source_id, frames, 0

    def poll(self, state: SourceState, now: datetime) -> Batch:
        del state
        self.polls += 1
        if self.frames is None:
            raise SourceFailure("the folder is missing", "Mount it")
        records = {domain: Extract(frame) for domain, frame in self.frames.items()}
        return Batch(self.id, records, complete=True, watermark=now, fingerprint={"polls": self.polls})


def sae(day: str = "2026-05-03") -> pd.DataFrame:
    row = {"USUBJID": "S1", "AESEQ": "1", "AEDECOD": "Sepsis", "AESER": "Y", "AEREL": "RELATED", "AESTDTC": day}
    return pd.DataFrame([row], dtype="str")


def configured(folder: Path, **changes: Any) -> Path:
    rule = {
        "id": "sae",
        "kind": "event",
        "title": "Serious event",
        "events": {"serious": True},
        "action": "hold_dosing",
    }
    count = {
        "id": "few", "kind": "count", "title": "Serious in one subject", "events": {"serious": True}, "at_least": 1,
        "count": "subjects", "action": "notify", "urgency": "urgent",
    }  # fmt: skip
    config = {
        "study": {"id": "TWO", "timezone": "UTC", "planned_n": 9, "treatment_days": 84, "followup_days": 28},
        "storage": {"url": "sqlite:///two.db"},
        "sources": [{"id": "edc", "kind": "simulated", "every": "1 min"}, {"id": "lab", "kind": "simulated"}],
        "codes": {"related": ["RELATED"], "unrelated": ["NOT RELATED"]},
        "rules": [rule, count],
        "slack": {
            "channels": {"open": "#open", "closed": "#closed", "ops": "#ops"},
            "roles": {"investigator": ["U0INVESTIGATOR"], "medical_monitor": ["U0MONITOR"], "dsmb": ["U0BOARD"]},
            "escalate": [{"after": "30 min", "to": "medical_monitor"}],
        },
        **changes,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def study_of(path: Path, at: list[datetime]) -> Iterator[Study]:
    clock = Clock(study=lambda: at[0], wall=lambda: at[0])
    with opened(load_studies([path], {}), mode=Mode.PRACTICE, secrets=Secrets(), clock=clock) as composed:
        yield composed.studies[0]


def opened_alerts(study: Study) -> list[alerts.OpenAlert]:
    with study.database.reading() as conn:
        return alerts.open_alerts(conn, study.id)


def post_everything(study: Study, now: datetime) -> None:
    """Mark what is queued as sent, as delivery would."""
    while items := outbox.claim(study.database, now):
        with study.database.writing() as conn:
            for item in items:
                outbox.mark_sent(
                    conn, item.outbox_id, item.lease or "", channel_id="C1", ts=str(item.outbox_id), at=now
                )


@pytest.mark.parametrize("lab", [None, {"LB": pd.DataFrame([{"USUBJID": "S1", "LBSEQ": "1"}], dtype="str")}])
def test_a_source_that_failed_or_is_slow_does_not_hold_back_what_another_knows(
    tmp_path: Path, lab: Mapping[str, pd.DataFrame] | None
) -> None:
    """The lab was read on the first day and then never again; a serious event entered two days later alerts at once."""
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        edc, other = Given("edc", {"DM": DM, "AE": NO_AE}), Given("lab", {"DM": DM.head(0)})
        study.sources = {"edc": edc, "lab": other}
        run_cycle(study, at[0])
        assert opened_alerts(study) == []

        at[0] += timedelta(days=2)
        other.frames, edc.frames = lab, {"DM": DM, "AE": sae("2026-05-05")}
        run_cycle(study, at[0])
        assert {alert.rule_id for alert in opened_alerts(study)} == {"sae", "few"}


def test_a_crossing_calls_until_somebody_answers_although_it_was_downgraded(tmp_path: Path) -> None:
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] += timedelta(minutes=5)
        edc.frames = {"DM": DM, "AE": sae()}
        run_cycle(study, at[0])
        post_everything(study, at[0])

        at[0] += timedelta(minutes=10)
        edc.frames = {"DM": DM, "AE": sae().assign(AESER="N")}
        run_cycle(study, at[0])
        post_everything(study, at[0])
        at[0] += timedelta(minutes=25)
        run_cycle(study, at[0])
        with study.database.reading() as conn:
            parent = alert_key(conn, study.id, "few", "study", 1)
            sent = outbox.with_status(conn, outbox.Status.QUEUED, study_id=study.id)
        calls = [item for item in sent if item.thread_key == parent and item.content.get("step") == "escalation"]
        assert [call.content["role"] for call in calls] == ["medical_monitor"]


def test_an_open_reader_never_hears_that_a_closed_message_is_held(tmp_path: Path) -> None:
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE})}
        run_cycle(study, at[0])
        with study.database.writing(study.id) as conn:
            outbox.enqueue(
                conn, study_id=study.id, delivery_key="closed-1", audience="closed", kind="note", content={},
                priority=0, created_at=at[0],
            )  # fmt: skip
        closed = next(i for i in outbox.claim(study.database, at[0]) if i.delivery_key == "closed-1")
        with study.database.writing() as conn:
            outbox.mark_held(conn, closed.outbox_id, closed.lease or "", error="not in channel")
            said = {who: status_content(conn, study.config, who, at[0]).problems for who in study.audiences}
        assert said[Audience.OPEN] == ()
        assert said[Audience.CLOSED] == said[Audience.OPS] == ("1 message is held and not delivered",)


def test_a_renamed_source_stops_the_start(tmp_path: Path) -> None:
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": sae()})}
        run_cycle(study, at[0])
    renamed = configured(tmp_path, sources=[{"id": "edc2", "kind": "simulated"}])
    with pytest.raises(ConfigError, match=r"sources\.edc: has records but is not configured"), study_of(renamed, at):
        pass


def test_a_rule_cannot_change_its_audience_under_an_open_alert(tmp_path: Path) -> None:
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": sae()})}
        run_cycle(study, at[0])
    config = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    config["rules"][0]["audience"] = "closed"
    path = configured(tmp_path, rules=config["rules"])
    with pytest.raises(ConfigError, match=r"rules\.sae\.audience: is closed, but an alert"), study_of(path, at):
        pass
