"""After a hold: what is recorded all the same is told aloud in the alert's thread, once, until somebody resumes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from bot.access import disclose
from bot.acting.actions import By, acknowledge
from bot.acting.responding import decide
from bot.cycle import run_cycle
from bot.lookup.content import alert_content, content_of
from bot.slack.messages import Message, render
from bot.study import Study
from bot.telling.outgoing import alert_key
from rules.model import Audience
from storage import alerts, audit, outbox
from storage.alert_records import DecisionKind, ResponseKind, StoredAlert
from tests.bot.test_watchfulness import DM, NO_AE, START, Given, configured, post_everything, sae, study_of


def decided(study: Study, at: datetime, decision: DecisionKind, key: str) -> None:
    with study.database.writing(study.id) as conn:
        item = next(one for one in alerts.open_alerts(conn, study.id) if one.rule_id == "few")
        by = By("U0INVESTIGATOR", "T1", at, key, version=item.version)
        alert = alerts.latest(conn, item.alert_id)
        decide(conn, alert, by, study.voice.setting, decision=decision, scope="all", reason="as written")


def held(study: Study) -> list[Message]:
    with study.database.reading() as conn:
        parent = alert_key(conn, study.id, "few", "study", 1)
        queued = outbox.with_status(conn, outbox.Status.QUEUED, study_id=study.id)
        mine = [item for item in queued if item.thread_key == parent and item.content.get("step") == "held"]
        views = [disclose(content_of(conn, item, study.voice), Audience.OPEN, study.voice.setting) for item in mine]
    assert all(item.broadcast for item in mine)
    return [render(view, item.delivery_key, reply=True) for view, item in zip(views, mine, strict=True)]


def test_an_enrolment_after_a_pause_is_told_once_and_no_more_after_a_resume(tmp_path: Path) -> None:
    """Would catch a pause that nobody watches, a message a poll, and one that outlives the resume."""
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] += timedelta(minutes=5)
        edc.frames = {"DM": DM, "AE": sae()}
        run_cycle(study, at[0])
        post_everything(study, at[0])
        decided(study, at[0], DecisionKind.PAUSE_ENROLMENT, "d1")
        run_cycle(study, at[0])
        assert held(study) == []

        at[0] += timedelta(days=2)
        new = pd.DataFrame([{"USUBJID": "S3", "RFXSTDTC": "2026-05-06"}])
        edc.frames = {"DM": pd.concat([DM, new], ignore_index=True), "AE": sae()}
        run_cycle(study, at[0])
        [message] = held(study)
        assert "Subject S3 was enrolled on study day 1, while enrolment is paused." in message.text
        assert "<@U0INVESTIGATOR>, please find out what happened" in message.text
        assert "2026" not in message.text
        post_everything(study, at[0])
        at[0] += timedelta(days=1)
        run_cycle(study, at[0])
        assert held(study) == []

        decided(study, at[0], DecisionKind.RESUME, "d2")
        at[0] += timedelta(days=2)
        more = pd.DataFrame([{"USUBJID": "S4", "RFXSTDTC": "2026-05-08"}])
        edc.frames = {"DM": pd.concat([DM, new, more], ignore_index=True), "AE": sae()}
        run_cycle(study, at[0])
        assert held(study) == []


def test_a_broken_hold_opens_its_alert_again_and_calls_until_somebody_acknowledges_that(tmp_path: Path) -> None:
    """Would catch an acknowledgement of Monday that silences what was done on Wednesday against the decision."""
    at = [START]
    with study_of(configured(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] += timedelta(minutes=5)
        edc.frames = {"DM": DM, "AE": sae()}
        run_cycle(study, at[0])
        post_everything(study, at[0])
        acknowledged(study, at[0], "a1")
        decided(study, at[0], DecisionKind.PAUSE_ENROLMENT, "d1")
        at[0] += timedelta(days=2)
        new = pd.DataFrame([{"USUBJID": "S3", "RFXSTDTC": "2026-05-06"}])
        edc.frames = {"DM": pd.concat([DM, new], ignore_index=True), "AE": sae()}
        run_cycle(study, at[0])
        alert = few(study)
        assert alert.acknowledgement is None
        assert alert.reopened_at == at[0]
        assert "○ Open again: what was held was done all the same" in shown(study)
        post_everything(study, at[0])
        run_cycle(study, at[0])
        assert [r.kind for r in few(study).responses].count(ResponseKind.HOLD_BROKEN) == 1, "told once, recorded once"

        at[0] += timedelta(minutes=31)
        run_cycle(study, at[0])
        with study.database.reading() as conn:
            queued = outbox.with_status(conn, outbox.Status.QUEUED, study_id=study.id)
            assert [row.content.get("step") for row in queued if row.alert_id == alert.alert_id] == ["escalation"]
            assert audit.verify(conn, study.id).ok
        acknowledged(study, at[0], "a2")
        assert few(study).acknowledgement is not None
        at[0] += timedelta(hours=5)
        post_everything(study, at[0])
        run_cycle(study, at[0])
        assert few(study).acknowledgement is not None, "it is not broken once more by the same record"


def few(study: Study) -> StoredAlert:
    with study.database.reading() as conn:
        item = next(one for one in alerts.open_alerts(conn, study.id) if one.rule_id == "few")
        return alerts.latest(conn, item.alert_id)


def acknowledged(study: Study, at: datetime, key: str) -> None:
    with study.database.writing(study.id) as conn:
        alert = few(study)
        acknowledge(conn, alert, By("U0INVESTIGATOR", "T1", at, key, version=alert.latest.version), study.voice.setting)


def shown(study: Study) -> str:
    """The alert's message as it would be posted now."""
    with study.database.reading() as conn:
        content = alert_content(conn, study.voice, few(study))
    message = render(disclose(content, Audience.OPEN, study.voice.setting), "k")
    return json.dumps(message.blocks, ensure_ascii=False)
