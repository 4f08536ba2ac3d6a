"""Delivery to a real server over real sockets: under every fault exactly one message stays visible."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from slack_sdk import WebClient

from bot.slack.delivery import Delivery, DeliveryTiming
from bot.slack.history import Pace
from bot.workspace.faults import HISTORY, Fault, FaultKind
from rules.model import Audience, Reason, State, Urgency
from storage.outbox_rows import Status
from tests.bot.slack.bench import CHANNELS, STUDY, Bench, bench, crossed


def visible(slack: Bench, key: str, audience: str = "open") -> list[str]:
    """Timestamps of every visible message that bears a key, also in threads."""
    found = []
    for post in slack.posts(audience):
        for one in slack.running.thread(CHANNELS[audience], post["ts"]):
            meta = one.get("metadata") or {}
            if meta.get("event_payload", {}).get("delivery_key") == key:
                found.append(one["ts"])
    return sorted(set(found))


def settled(slack: Bench, key: str, audience: str = "open") -> None:
    item = slack.item(key)
    assert len(visible(slack, key, audience)) == 1
    assert (item.status, item.ts) == (Status.SENT, visible(slack, key, audience)[0])


def test_an_alert_is_posted_once_with_its_key_in_metadata_and_block(slack: Bench) -> None:
    """Would catch a lost key, without which nothing can be reconciled."""
    key = slack.alert()
    report = slack.run()
    [post] = slack.posts()
    assert (report.sent, report.held, report.ambiguous) == (1, 0, 0)
    assert post["metadata"]["event_payload"] == {"delivery_key": key}
    assert post["blocks"][0]["block_id"] == key
    assert slack.run(5).sent == 0
    settled(slack, key)


def test_the_clients_own_retries_are_refused(slack: Bench) -> None:
    """Would catch slack-sdk's default handlers, which post again after a dropped answer."""
    with pytest.raises(ValueError, match="retry_handlers"):
        Delivery(slack.db, WebClient(token="x"), {STUDY: slack.voice})


@pytest.mark.parametrize("urgency", [Urgency.CRITICAL, Urgency.URGENT])
@pytest.mark.parametrize("pace", [Pace(page=200, seconds=0.0), Pace()], ids=["quick", "once a minute"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.ACCEPT_THEN_DROP),
        Fault(FaultKind.STORED_THEN_ERROR),
        Fault(FaultKind.STORED_THEN_ERROR, error="fatal_error"),
        Fault(FaultKind.DELAY, seconds=1.4),
    ],
    ids=["accepted then dropped", "internal_error", "fatal_error", "read timeout"],
)
def test_an_accepted_post_whose_answer_is_lost_is_found_and_adopted(
    tmp_path: Path, fault: Fault, pace: Pace, urgency: Urgency
) -> None:
    """Would catch blind repetition, and a search that cannot find what is there."""
    with bench(tmp_path, pace=pace) as slack:
        slack.running.faults.plan(replace(fault))
        key = slack.alert(urgency=urgency)
        assert slack.run().ambiguous == 1
        slack.run_for(130, step=10)
        settled(slack, key)
        assert slack.running.calls.count("chat.postMessage") == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(FaultKind.SERVER_ERROR, status=503), Fault(FaultKind.API_ERROR, error="internal_error")],
    ids=["503", "internal_error, not stored"],
)
@pytest.mark.parametrize(("urgency", "wait"), [(Urgency.CRITICAL, 15), (Urgency.URGENT, 60)])
def test_a_post_that_never_arrived_is_sent_again_only_when_nothing_can_be_in_flight(
    slack: Bench, fault: Fault, urgency: Urgency, wait: int
) -> None:
    """Would catch both losing it and sending it again too early."""
    slack.running.faults.plan(replace(fault))
    key = slack.alert(urgency=urgency)
    slack.run()
    slack.run_for(wait - 3, step=3)
    assert slack.running.calls.count("chat.postMessage") == 1
    slack.run_for(9, step=3)
    settled(slack, key)
    assert slack.running.calls.count("chat.postMessage") == 2


def test_a_request_that_lands_late_after_the_second_send_is_deleted_by_the_sweep(slack: Bench) -> None:
    """Would catch a duplicate that stays: the first request lands after it was looked for and sent again."""
    slack.running.faults.commit_late(2.0)
    key = slack.alert(urgency=Urgency.CRITICAL)
    slack.run()
    slack.run_for(18, step=3)
    assert slack.workspace.wait_for(lambda: len(visible(slack, key)) == 2, 4)
    slack.run_for(130, step=10)
    settled(slack, key)
    assert "duplicate_deleted" in slack.audited()
    slack.run_for(600, step=30)
    assert slack.audited().count("duplicate_deleted") == 1


def test_a_crash_between_post_and_record_leaves_one_message(slack: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a restart that forgets what was being sent."""
    key = slack.alert()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.slack.delivery.outbox.mark_sent", dies)
    with pytest.raises(KeyboardInterrupt):
        slack.run()
    monkeypatch.undo()
    assert len(visible(slack, key)) == 1
    slack.restart()
    slack.run_for(20)
    settled(slack, key)


def test_a_crash_before_the_post_loses_nothing(slack: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a row that stays `sending` for ever."""
    key = slack.alert()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.slack.delivery.send", dies)
    with pytest.raises(KeyboardInterrupt):
        slack.run()
    monkeypatch.undo()
    slack.restart()
    slack.run_for(72, step=6)
    settled(slack, key)


def test_429_waits_as_long_as_slack_says_and_other_channels_go_on(slack: Bench) -> None:
    """Would catch a 429 taken as final, and one that stops the whole queue."""
    slack.running.faults.rate_limited(9, channel=slack.workspace.channel(CHANNELS["open"]).id)
    alert, note = slack.alert(), slack.note(audience=Audience.OPS)
    slack.run()
    settled(slack, note, "ops")
    slack.run_for(8, step=1)
    assert slack.posts() == []
    slack.run_for(3, step=1)
    settled(slack, alert)
    assert slack.running.calls.count("chat.postMessage") == 3


def test_an_unreachable_server_is_tried_again_without_looking(slack: Bench) -> None:
    """Would catch an outage that turns every row into a doubtful one."""
    slack.delivery.line.client.base_url = "http://127.0.0.1:9/api/"
    key = slack.alert()
    report = slack.run()
    assert (report.ambiguous, report.held) == (0, 0)
    assert "not reached" in report.problems[0]
    slack.delivery.line.client.base_url = slack.running.base_url
    slack.run_for(6)
    settled(slack, key)
    assert not set(HISTORY) & set(slack.running.calls)


@pytest.mark.parametrize(("refusals", "blocks"), [(1, 2), (2, 0)])
def test_refused_blocks_are_sent_plainer_and_can_still_be_acknowledged(
    slack: Bench, refusals: int, blocks: int
) -> None:
    """Would catch an alert lost with its blocks, or a plain one without its button."""
    slack.running.faults.invalid_blocks(refusals)
    key = slack.alert()
    slack.run()
    [post] = slack.posts()
    assert len(post.get("blocks") or []) == blocks
    assert "STOPPING RULE CROSSED" in post["text"]
    if blocks:
        assert post["blocks"][1]["elements"][0]["action_id"] == "dsmbot_acknowledge"
    else:
        assert "buttons could not be shown" in post["text"]
    assert visible(slack, key) == [post["ts"]]


def test_unreadable_history_sends_a_critical_alert_again_and_says_so(slack: Bench) -> None:
    """Would catch silence where nobody can know: seen twice is better than not at all."""
    slack.running.faults.accept_then_drop()
    slack.running.faults.history_unreadable()
    key = slack.alert(urgency=Urgency.CRITICAL)
    slack.run_for(30)
    assert len(visible(slack, key)) == 2
    assert slack.posts()[-1]["text"].startswith("POSSIBLE DUPLICATE")
    slack.running.faults.clear()
    slack.run_for(130, step=10)
    settled(slack, key)


def test_unreadable_history_holds_a_routine_message_until_it_can_be_read(slack: Bench) -> None:
    """Would catch a routine duplicate, and a held row that is sent without being looked for."""
    slack.running.faults.accept_then_drop()
    slack.running.faults.history_unreadable()
    key = slack.alert(urgency=Urgency.ROUTINE)
    slack.run_for(80, step=10)
    assert slack.item(key).status is Status.HELD
    assert any("history" in post["text"].lower() for post in slack.posts("ops"))
    slack.running.faults.clear()
    slack.run_for(200, step=20)
    settled(slack, key)
    assert slack.running.calls.count("chat.postMessage") == 2  # the alert, and what ops was told


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("not_in_channel", "/invite @dsmbot"),
        ("channel_not_found", "slack.channels"),
        ("missing_scope", "dsmbot slack manifest"),
        ("is_archived", "Unarchive"),
    ],
)
def test_what_a_person_must_mend_is_held_told_once_and_delivered_when_mended(
    slack: Bench, error: str, advice: str
) -> None:
    """Would catch a lost alert, a flood of complaints, and advice that helps nobody."""
    channel = slack.workspace.channel(CHANNELS["open"]).id
    slack.running.faults.api_error(error, -1, channel=channel)
    keys = [slack.alert(), slack.note(audience=Audience.OPEN)]
    report = slack.run()
    assert report.held == 1
    slack.run_for(150, step=15)
    told = [post["text"] for post in slack.posts("ops")]
    assert len(told) == 1
    assert error in told[0]
    assert advice in told[0]
    slack.running.faults.clear()
    slack.run_for(80, step=10)
    for key in keys:
        settled(slack, key)
    assert "Delivery recovered" in slack.posts("ops")[-1]["blocks"][0]["text"]["text"]


def test_an_alert_goes_before_a_note_that_waited_longer(slack: Bench) -> None:
    """Would catch a weekly report that starves an alert."""
    notes = [slack.note(f"n{i}", audience=Audience.OPEN) for i in range(3)]
    alert = slack.alert()
    slack.run()
    assert slack.item(alert).status is Status.SENT
    slack.run_for(5, step=1)
    assert [slack.item(n).status for n in notes] == [Status.SENT] * 3


def test_one_message_a_second_and_channel(slack: Bench) -> None:
    """Would catch a burst that Slack answers with 429."""
    for i in range(3):
        slack.note(f"n{i}", audience=Audience.OPEN)
    assert [slack.run(0.5).sent for _ in range(6)] == [1, 0, 1, 0, 1, 0]


def test_a_change_is_a_reply_and_the_parent_shows_the_latest_version(slack: Bench) -> None:
    """Would catch thread-only updates that hide a recurrence, and a parent that stays behind."""
    key = slack.alert()
    slack.run()
    slack.advance(3600)
    change = slack.alert(
        crossed(3, state=State.WITHIN), reason=Reason.BASIS_CHANGED, opens=False,
        before={"events": 4, "state": "CROSSED"}, after={"events": 3, "state": "WITHIN"},
    )  # fmt: skip
    slack.run_for(6)
    parent, reply = slack.running.thread(CHANNELS["open"], slack.item(key).ts or "")
    assert "No longer met on today's records" in parent["blocks"][0]["text"]["text"]
    assert "first crossing stays recorded" in str(parent["blocks"])
    assert "updated" in str(parent["blocks"])
    assert reply["text"].startswith("BASIS CHANGED")
    assert "4 → 3" in reply["text"]
    assert visible(slack, change) == [reply["ts"]]
    assert [p["ts"] for p in slack.posts()] == [parent["ts"]]
    calls = len(slack.running.calls)
    slack.run_for(20)
    assert len(slack.running.calls) == calls


def test_a_loud_change_is_shown_in_the_channel_too(slack: Bench) -> None:
    """Would catch a recurrence that nobody outside the thread sees."""
    slack.alert()
    slack.run()
    slack.alert(crossed(5), reason=Reason.MET_AGAIN, opens=False, broadcast=True)
    slack.run_for(6)
    assert [p.get("subtype") for p in slack.posts()] == [None, "thread_broadcast"]


def test_a_reply_waits_for_its_parent(slack: Bench) -> None:
    """Would catch an update that is posted outside its thread."""
    slack.running.faults.api_error("not_in_channel", channel=slack.workspace.channel(CHANNELS["open"]).id)
    parent = slack.alert()
    change = slack.alert(crossed(5), reason=Reason.WORSENED, opens=False)
    slack.run_for(30)
    assert slack.item(change).status is Status.QUEUED
    slack.run_for(60, step=5)
    assert slack.item(change).thread_ts == slack.item(parent).ts
    assert len(slack.running.thread(CHANNELS["open"], slack.item(parent).ts or "")) == 2


def test_an_edit_that_fails_is_repeated_and_an_older_one_never_wins(slack: Bench) -> None:
    """Would catch a parent that shows yesterday's count for ever."""
    key = slack.alert()
    slack.run()
    for fault in (
        Fault(FaultKind.SERVER_ERROR),
        Fault(FaultKind.RATE_LIMITED, seconds=2),
        Fault(FaultKind.DELAY, seconds=1.3),
    ):
        fault.methods = ("chat.update",)
        slack.running.faults.plan(fault)
    slack.alert(crossed(5, at_n=9), reason=Reason.WORSENED, opens=False)
    slack.run_for(30)
    [parent] = [p for p in slack.posts() if p["ts"] == slack.item(key).ts]
    assert "5 events among the first 9" in parent["text"]
    assert slack.item(key).rendered_hash is not None


def test_a_deleted_parent_is_posted_again_and_audited(slack: Bench) -> None:
    """Would catch an open alert that anybody can make disappear."""
    key = slack.alert()
    slack.run()
    slack.client().chat_delete(channel=slack.item(key).channel_id or "", ts=slack.item(key).ts or "")
    slack.alert(crossed(5), reason=Reason.WORSENED, opens=False)
    slack.run_for(10)
    settled(slack, key)
    assert "deleted_message_reposted" in slack.audited()


def test_a_row_that_cannot_be_rendered_is_held_and_the_others_go_on(slack: Bench) -> None:
    """Would catch one bad row that stops all alerts."""
    from storage import outbox

    with slack.db.writing(STUDY) as conn:
        outbox.enqueue(conn, study_id=STUDY, delivery_key="bad", audience="open", kind="note",
                       content={"type": "nonsense"}, priority=0, created_at=slack.now)  # fmt: skip
    key = slack.alert()
    slack.run_for(6)
    settled(slack, key)
    assert slack.item("bad").status is Status.HELD


def test_stopping_finishes_the_post_in_flight_and_begins_no_other(slack: Bench) -> None:
    """Would catch SIGTERM leaving a doubtful row behind."""
    stop = threading.Event()
    keys = [slack.alert(), slack.note(audience=Audience.OPS)]
    slack.running.faults.delay(0.6)
    worker = threading.Thread(target=slack.delivery.run_once, args=(slack.now, stop))
    worker.start()
    assert slack.workspace.wait_for(lambda: "chat.postMessage" in slack.running.calls)
    stop.set()
    worker.join(5)
    assert sorted(slack.item(k).status for k in keys) == [Status.QUEUED, Status.SENT]


def test_the_loop_stops_when_told_and_wakes_when_asked(slack: Bench) -> None:
    """Would catch a click that waits out the interval before its message changes."""
    stop, heard = threading.Event(), threading.Event()
    reports = []

    def hear(report: object) -> None:
        reports.append(report)
        heard.set()

    worker = threading.Thread(
        target=slack.delivery.run, args=(lambda: slack.now, stop), kwargs={"interval": 30, "heard": hear}
    )
    worker.start()
    assert heard.wait(3)
    key = slack.alert()
    heard.clear()
    slack.delivery.wake.set()
    assert heard.wait(3)
    stop.set()
    slack.delivery.wake.set()
    worker.join(5)
    assert not worker.is_alive()
    settled(slack, key)


def test_waiting_times_can_be_shortened(tmp_path: Path) -> None:
    """Would catch a demo that waits a minute for its injected fault."""
    timing = DeliveryTiming(settle=timedelta(seconds=2), settle_critical=timedelta(seconds=1))
    with bench(tmp_path, timing=timing) as slack:
        slack.running.faults.server_error()
        key = slack.alert()
        slack.run_for(6, step=1)
        settled(slack, key)


def test_nothing_to_do_says_so_and_a_waiting_row_says_when(slack: Bench) -> None:
    """Would catch `poll` leaving before a row was delivered, or waiting for nothing."""
    assert slack.run().again_at is None
    slack.running.faults.rate_limited(9)
    slack.alert()
    again = slack.run().again_at
    assert again is not None
    assert timedelta(0) < again - slack.now <= timedelta(seconds=9)
