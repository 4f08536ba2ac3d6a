"""Somebody is called until somebody answers, and reminded until somebody decides; once each, never five at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.access import disclose
from bot.acting.actions import By, acknowledge
from bot.acting.responding import decide, snooze
from bot.cycle import run_cycle
from bot.lookup.content import content_of
from bot.slack.messages import Message, render
from bot.study import Study
from bot.telling.outgoing import alert_key
from rules.model import Audience
from storage import alerts, outbox
from storage.alert_records import DecisionKind
from tests.bot.test_watchfulness import DM, NO_AE, START, Given, configured, post_everything, sae, study_of

RULE = {
    "id": "sae", "kind": "count", "title": "Serious in one subject", "events": {"serious": True}, "at_least": 1,
    "count": "subjects", "action": "hold_dosing", "urgency": "critical",
}  # fmt: skip
SLACK = {
    "channels": {"open": "#open", "closed": "#closed", "ops": "#ops"},
    "roles": {"investigator": ["U0INVESTIGATOR"], "medical_monitor": ["U0MONITOR"]},
    "escalate": [{"after": "30 min", "to": "medical_monitor"}, {"after": "2 h", "to": "investigator"}],
}


@pytest.fixture
def at() -> list[datetime]:
    return [START]


def crossed(folder: Path, at: list[datetime], urgency: str = "critical", **slack: Any) -> Iterator[Study]:
    """A study whose one rule was met, and told, at `START`."""
    rules = [{**RULE, "urgency": urgency}]
    with study_of(configured(folder, rules=rules, slack={**SLACK, **slack}), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        edc.frames = {"DM": DM, "AE": sae()}
        at[0] += timedelta(minutes=1)
        run_cycle(study, at[0])
        post_everything(study, at[0])
        yield study


@pytest.fixture
def study(tmp_path: Path, at: list[datetime]) -> Iterator[Study]:
    yield from crossed(tmp_path, at)


def said_after(study: Study, at: list[datetime], passed: timedelta) -> list[Message]:
    """What is newly said in the alert's thread when time has passed, as Slack gets it."""
    at[0] += passed
    run_cycle(study, at[0])
    with study.database.reading() as conn:
        parent = alert_key(conn, study.id, "sae", "study", 1)
        queued = outbox.with_status(conn, outbox.Status.QUEUED, study_id=study.id)
        mine = [item for item in queued if item.thread_key == parent and item.content["step"] != "response"]
        views = [disclose(content_of(conn, item, study.voice), Audience.OPEN, study.voice.setting) for item in mine]
    assert all(item.broadcast == (item.content["step"] == "escalation") for item in mine)
    post_everything(study, at[0])
    return [render(view, item.delivery_key, reply=True) for view, item in zip(views, mine, strict=True)]


def answer(study: Study, at: list[datetime]) -> None:
    with study.database.writing(study.id) as conn:
        [item] = alerts.open_alerts(conn, study.id)
        by = By("U0INVESTIGATOR", "T1", at[0], "click-1")
        acknowledge(conn, alerts.latest(conn, item.alert_id), by, study.voice.setting)


def test_each_step_mentions_its_role_and_the_last_repeats_until_somebody_answers(
    study: Study, at: list[datetime]
) -> None:
    """Would catch calls that end with the configured steps, that mention nobody, or that go on after an answer."""
    [first] = said_after(study, at, timedelta(minutes=31))
    assert "<@U0MONITOR>" in first.text
    assert "for 30 minutes" in first.text
    [second] = said_after(study, at, timedelta(minutes=90))
    assert "<@U0INVESTIGATOR>" in second.text
    assert said_after(study, at, timedelta(minutes=30)) == []
    [third] = said_after(study, at, timedelta(minutes=30))
    assert "<@U0INVESTIGATOR>" in third.text
    assert "for 3 h" in third.text
    assert said_after(study, at, timedelta()) == [], "looked at twice, said once"
    answer(study, at)
    assert said_after(study, at, timedelta(hours=5)) == []


def test_after_a_downtime_the_latest_of_the_missed_repetitions_is_said(study: Study, at: list[datetime]) -> None:
    calls = said_after(study, at, timedelta(hours=9, minutes=1))
    assert [("30 minutes" in c.text, "for 2 h" in c.text, "for 9 h" in c.text) for c in calls] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip


def test_an_urgent_alert_is_called_by_each_step_once(tmp_path: Path, at: list[datetime]) -> None:
    for study in crossed(tmp_path, at, urgency="urgent"):
        assert len(said_after(study, at, timedelta(hours=9))) == 2
        assert said_after(study, at, timedelta(hours=9)) == []


def test_whoever_acknowledged_is_reminded_until_the_alert_is_decided(study: Study, at: list[datetime]) -> None:
    """Would catch an acknowledged alert that is forgotten, or a reminder that says that nobody has acknowledged."""
    answer(study, at)
    assert said_after(study, at, timedelta(hours=23)) == []
    [reminder] = said_after(study, at, timedelta(hours=2))
    assert "Acknowledged by <@U0INVESTIGATOR> and not decided for 25 h" in reminder.text.replace("1 day", "25 h")
    assert "please record a decision" in reminder.text
    assert said_after(study, at, timedelta(hours=1)) == []
    assert len(said_after(study, at, timedelta(days=9))) == 1, "nine days of downtime are one reminder"
    with study.database.writing(study.id) as conn:
        [item] = alerts.open_alerts(conn, study.id)
        by = By("U0INVESTIGATOR", "T1", at[0], "form-1")
        alert = alerts.latest(conn, item.alert_id)
        decision = DecisionKind.HOLD_DOSING
        decide(conn, alert, by, study.voice.setting, decision=decision, scope="all", reason="as written")
    assert said_after(study, at, timedelta(days=9)) == []


def test_whoever_decides_has_seen_the_alert(study: Study, at: list[datetime]) -> None:
    """Would catch calls that go on after a decision was recorded, and a decision that acknowledges twice."""
    with study.database.writing(study.id) as conn:
        [item] = alerts.open_alerts(conn, study.id)
        for _ in range(2):
            alert, by = alerts.latest(conn, item.alert_id), By("U0INVESTIGATOR", "T1", at[0], "form-1")
            decision = DecisionKind.HOLD_DOSING
            done = decide(conn, alert, by, study.voice.setting, decision=decision, scope="all", reason="as written")
            assert ("counts as acknowledged by you" in done.told) == (alert.acknowledgement is None)
        alert = alerts.latest(conn, item.alert_id)
    assert [one.kind.value for one in alert.responses] == ["acknowledged", "decided"]
    assert alert.acknowledgement is not None
    assert said_after(study, at, timedelta(days=9)) == []


def test_nobody_is_called_while_an_alert_rests_and_then_the_steps_begin_anew(study: Study, at: list[datetime]) -> None:
    """Would catch a snooze that is never over, and one after which every missed step calls at once."""
    with study.database.writing(study.id) as conn:
        [item] = alerts.open_alerts(conn, study.id)
        by, until = By("U0INVESTIGATOR", "T1", at[0], "form-1"), at[0] + timedelta(hours=4)
        snooze(conn, alerts.latest(conn, item.alert_id), by, study.voice.setting, until=until, reason="waiting")
    assert said_after(study, at, timedelta(hours=3, minutes=59)) == []
    assert said_after(study, at, timedelta(minutes=30)) == []
    [call] = said_after(study, at, timedelta(minutes=3))
    assert "<@U0MONITOR>" in call.text


def test_a_role_in_which_nobody_is_left_is_passed_over_at_once(study: Study, at: list[datetime]) -> None:
    """Would catch half an hour in which an alert that nobody can receive waits for an answer."""
    study.vitals.absent = frozenset({"U0INVESTIGATOR"})
    [call] = said_after(study, at, timedelta(minutes=1))
    assert "No active investigator can receive alerts" in call.text
    assert "<@U0MONITOR>" in call.text


def test_when_nobody_of_two_roles_is_left_every_further_step_follows_at_once(study: Study, at: list[datetime]) -> None:
    study.vitals.absent = frozenset({"U0INVESTIGATOR", "U0MONITOR"})
    assert len(said_after(study, at, timedelta(minutes=1))) == 2
