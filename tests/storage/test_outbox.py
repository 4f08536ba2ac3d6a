"""The queue: right order, one lane never holds up another, nothing lost, nothing taken twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete, func, select

from storage import heads, outbox, reconcile
from storage.database import Database, open_database
from storage.errors import StaleWriter
from storage.outbox import LEASE, Item, Status
from storage.schema import outbox as outbox_table
from tests.storage.make import NOW, STUDY, change, finding, minutes, on_postgresql, queue, respond, write


def _queue(database: Database, *keys: str, **values) -> None:  # type: ignore[no-untyped-def]
    with database.writing() as conn:
        for key in keys:
            queue(conn, key, **values)


def _claim(database: Database, at: float = 0, **values) -> list[str]:  # type: ignore[no-untyped-def]
    return [item.delivery_key for item in outbox.claim(database, minutes(at), **values)]


def _take(database: Database, at: float = 0) -> Item:
    [item] = outbox.claim(database, minutes(at))
    return item


def _send(database: Database, item: Item, at: float = 0, ts: str = "1.1") -> bool:
    assert item.lease is not None
    with database.writing() as conn:
        return outbox.mark_sent(
            conn, item.outbox_id, item.lease, channel_id="C1", ts=ts, at=minutes(at), rendered_version=1,
            rendered_hash="h",
        )  # fmt: skip


def _get(database: Database, key: str) -> Item:
    with database.reading() as conn:
        item = outbox.find(conn, key)
    assert item is not None
    return item


def _drain(database: Database, at: float = 0) -> list[str]:
    """Send everything that can be claimed, in order."""
    order = []
    while items := outbox.claim(database, minutes(at)):
        for item in items:
            order.append(item.delivery_key)
            _send(database, item, at)
    return order


def test_the_most_urgent_goes_first_and_equals_in_the_order_they_came(database: Database) -> None:
    for key, priority in {"weekly": 9, "note-1": 5, "alert": 0, "note-2": 5}.items():
        _queue(database, key, priority=priority)
    assert _drain(database) == ["alert", "note-1", "note-2", "weekly"]


def test_a_long_queue_of_reports_never_holds_up_an_alert(database: Database) -> None:
    _queue(database, *(f"report-{number}" for number in range(30)), priority=9)
    _send(database, _take(database))
    _queue(database, "alert", priority=0)
    assert _claim(database) == ["alert"]


def test_a_reply_waits_until_its_parent_is_in_the_channel(database: Database) -> None:
    _queue(database, "reply", priority=0, thread_key="parent", kind="reply")
    assert _claim(database) == []
    _queue(database, "parent", priority=5, kind="parent")
    parent = _take(database)
    assert parent.delivery_key == "parent"
    assert _claim(database) == []  # still on its way
    _send(database, parent, ts="7.7")
    reply = _take(database)
    assert (reply.delivery_key, reply.thread_channel_id, reply.thread_ts) == ("reply", "C1", "7.7")


def test_an_urgent_reply_lifts_the_parent_that_has_to_go_first(database: Database) -> None:
    _queue(database, "report", priority=4)
    _queue(database, "parent", priority=6, kind="parent")
    _queue(database, "critical", priority=0, thread_key="parent", kind="reply")
    assert _drain(database) == ["parent", "critical", "report"]


def test_one_row_a_lane_and_a_busy_lane_waits_while_others_go_on(database: Database) -> None:
    for audience in ("open", "ops"):
        _queue(database, f"{audience}-1", f"{audience}-2", audience=audience)
    _queue(database, "direct", channel_id="D9")
    assert _claim(database) == ["open-1", "ops-1", "direct"]
    assert _claim(database) == []
    _send(database, _get(database, "ops-1"))
    assert _claim(database) == ["ops-2"]


def test_a_channel_that_slack_told_to_wait_holds_up_no_other(database: Database) -> None:
    _queue(database, "open-1", audience="open", priority=0)
    _queue(database, "ops-1", audience="ops", priority=9)
    assert _claim(database, blocked=[f"{STUDY}/open"]) == ["ops-1"]
    assert _claim(database) == ["open-1"]


def test_only_what_is_asked_for_is_claimed(database: Database) -> None:
    with database.writing() as conn:
        heads.ensure_study(conn, "OTHER", "practice", NOW)
        queue(conn, "other", study_id="OTHER")
        queue(conn, "closed", audience="closed")
        queue(conn, "open")
    assert _claim(database, study_ids=[STUDY], audiences=["closed"]) == ["closed"]
    assert _claim(database, study_ids=["OTHER"]) == ["other"]


def test_nothing_is_posted_before_its_time(database: Database) -> None:
    _queue(database, "later", not_before=minutes(5))
    assert _claim(database, 4.9) == []
    assert _claim(database, 5) == ["later"]


def test_one_delivery_key_is_one_row_whatever_is_queued_again(database: Database) -> None:
    with database.writing() as conn:
        first = queue(conn, "key", content={"say": "first"})
        assert queue(conn, "key", content={"say": "second"}) == first
    assert _get(database, "key").content == {"say": "first"}
    _drain(database)
    _queue(database, "key")
    assert _claim(database) == []


def test_what_was_queued_in_a_transaction_that_failed_is_not_there(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as conn:  # noqa: PT012
        queue(conn, "ghost")
        raise RuntimeError
    assert _claim(database) == []


def test_a_claim_says_what_a_sender_needs(database: Database) -> None:
    _queue(database, "k", content={"alert": 3}, priority=2, broadcast=True)
    item = _take(database)
    assert (item.status, item.attempts, item.attempted_at) == (Status.SENDING, 1, NOW)
    assert (item.content, item.priority, item.broadcast, item.lane) == ({"alert": 3}, 2, True, f"{STUDY}/open")


def test_a_lease_that_was_lost_can_change_nothing(database: Database) -> None:
    _queue(database, "k")
    item = _take(database)
    assert item.lease is not None
    with database.writing() as conn:
        assert outbox.recover(conn, NOW + LEASE, study_ids=[STUDY]) == 1
        assert not outbox.requeue(conn, item.outbox_id, item.lease, not_before=NOW, error="late")
        assert not outbox.mark_held(conn, item.outbox_id, item.lease, error="late")
    assert _send(database, item) is False
    assert _get(database, "k").status is Status.AMBIGUOUS


def test_an_unknown_outcome_is_looked_for_and_adopted(database: Database) -> None:
    _queue(database, "k")
    item = _take(database)
    with database.writing() as conn:
        assert outbox.mark_ambiguous(conn, item.outbox_id, item.lease or "", look_at=minutes(1), error="timed out")
    assert outbox.claim_ambiguous(database, minutes(0.9)) == []
    [doubtful] = outbox.claim_ambiguous(database, minutes(1))
    assert (doubtful.status, doubtful.last_error, doubtful.doubtful) == (Status.AMBIGUOUS, "timed out", True)
    assert outbox.claim_ambiguous(database, minutes(1)) == []  # somebody is looking
    assert _send(database, doubtful, 1)
    assert _get(database, "k").status is Status.SENT


def test_an_ambiguous_report_does_not_hold_up_an_alert_but_its_replies(database: Database) -> None:
    _queue(database, "report", kind="parent", priority=9)
    item = _take(database)
    with database.writing() as conn:
        outbox.mark_ambiguous(conn, item.outbox_id, item.lease or "", look_at=minutes(1), error="")
        queue(conn, "reply", thread_key="report", kind="reply")
        queue(conn, "alert", priority=0)
    assert _claim(database) == ["alert"]


def test_not_found_is_sent_again_and_counted_as_doubtful_for_good(database: Database) -> None:
    _queue(database, "k")
    item = _take(database)
    with database.writing() as conn:
        outbox.mark_ambiguous(conn, item.outbox_id, item.lease or "", look_at=NOW, error="")
    [doubtful] = outbox.claim_ambiguous(database, NOW)
    with database.writing() as conn:
        assert outbox.requeue(conn, doubtful.outbox_id, doubtful.lease or "", not_before=minutes(1), error="not found")
    again = _take(database, 1)
    assert (again.attempts, again.doubtful) == (2, True)


def test_a_process_that_dies_while_looking_leaves_the_row_to_the_next(database: Database) -> None:
    _queue(database, "k")
    _take(database)
    with database.writing() as conn:
        assert outbox.recover(conn, NOW, study_ids=[STUDY]) == 0  # the lease still runs
        assert outbox.recover(conn, NOW, study_ids=[STUDY], everything=True) == 1
    assert len(outbox.claim_ambiguous(database, NOW)) == 1
    with database.writing() as conn:
        outbox.recover(conn, minutes(0.1), study_ids=[STUDY], everything=True)
    assert len(outbox.claim_ambiguous(database, minutes(0.1))) == 1


def test_rows_of_another_study_are_not_recovered(database: Database) -> None:
    _queue(database, "k")
    _take(database)
    with database.writing() as conn:
        assert outbox.recover(conn, minutes(60), study_ids=["OTHER"], everything=True) == 0


def test_held_rows_wait_for_an_operator(database: Database) -> None:
    _queue(database, "k")
    item = _take(database)
    with database.writing() as conn:
        outbox.mark_held(conn, item.outbox_id, item.lease or "", error="channel_not_found")
    assert _claim(database, 99) == []
    with database.writing() as conn:
        [held] = outbox.with_status(conn, Status.HELD, study_id=STUDY)
        assert held.last_error == "channel_not_found"
        assert outbox.release(conn, [held.outbox_id], minutes(100)) == 1
        assert outbox.release(conn, [held.outbox_id], minutes(100)) == 0
    assert _claim(database, 100) == ["k"]


def test_superseding_takes_the_waiting_replies_along_and_nothing_posted(database: Database) -> None:
    _queue(database, "sent")
    _drain(database)
    _queue(database, "parent", kind="parent", priority=9)
    _queue(database, "reply", kind="reply", thread_key="parent", priority=9)
    with database.writing() as conn:
        ids = [item.outbox_id for key in ("sent", "parent") if (item := outbox.find(conn, key))]
        assert outbox.supersede(conn, ids) == 2
    assert _claim(database) == []
    assert _get(database, "sent").status is Status.SENT


def test_counts_and_age_tell_what_is_still_to_come(database: Database) -> None:
    with database.reading() as conn:
        assert outbox.oldest_open_age(conn, NOW) is None
    _queue(database, "a", "b", "c", "d")
    _queue(database, "future", not_before=minutes(600))
    _send(database, _take(database))
    held = _take(database)
    with database.writing() as conn:
        outbox.mark_held(conn, held.outbox_id, held.lease or "", error="x")
    waiting = _take(database)
    with database.writing() as conn:
        outbox.mark_ambiguous(conn, waiting.outbox_id, waiting.lease or "", look_at=minutes(60), error="x")
    with database.reading() as conn:
        assert outbox.counts(conn, STUDY) == {"sent": 1, "pending": 3, "held": 1}
        assert outbox.counts(conn, "OTHER") == {"sent": 0, "pending": 0, "held": 0}
        assert outbox.oldest_open_age(conn, minutes(7)) == timedelta(minutes=7)
        assert outbox.oldest_open_age(conn, minutes(7), study_ids=["OTHER"]) is None


def test_a_row_waiting_for_retry_still_counts_as_old(database: Database) -> None:
    _queue(database, "k")
    item = _take(database)
    with database.writing() as conn:
        outbox.requeue(conn, item.outbox_id, item.lease or "", not_before=minutes(30), error="ratelimited")
    with database.reading() as conn:
        assert outbox.oldest_open_age(conn, minutes(10)) == timedelta(minutes=10)


def test_claimers_in_many_threads_never_take_the_same_row(database: Database) -> None:
    for number in range(8):
        _queue(database, *(f"{number}-{n}" for n in range(4)), channel_id=f"D{number}")
    taken: list[int] = []

    def work() -> None:
        for _ in range(30):
            for item in outbox.claim(database, NOW, limit=2):
                taken.append(item.outbox_id)
                _send(database, item)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 32


@on_postgresql
def test_two_processes_share_the_work_and_the_older_is_then_refused(database_url) -> None:  # type: ignore[no-untyped-def]
    old = open_database(database_url, mode="live", study_ids=[STUDY], now=NOW)
    _queue(old, "a", channel_id="D1")
    _queue(old, "b", channel_id="D2")
    with old.writing() as conn:  # rows that another claimer holds are passed over, not waited for
        conn.execute(select(outbox_table).where(outbox_table.c.delivery_key == "a").with_for_update())
        other = Database(database_url)
        assert _claim(other) == ["b"]
        other.close()
    new = open_database(database_url, mode="live", study_ids=[STUDY], now=NOW)
    with pytest.raises(StaleWriter):
        outbox.claim(old, NOW)
    with pytest.raises(StaleWriter):
        outbox.claim_ambiguous(old, NOW)
    assert _claim(new) == ["a"]
    old.close()
    new.close()


def test_posted_parents_show_the_latest_revision_sooner_or_later(database: Database) -> None:
    with database.writing() as conn:
        alert_id = write(conn).alert_id
        queue(conn, "parent", kind="parent", alert_id=alert_id, alert_version=1)
        assert reconcile.stale_parents(conn, NOW) == []  # not posted yet: it will be posted as it then stands
    _send(database, _take(database))
    with database.writing() as conn:
        assert reconcile.stale_parents(conn, NOW) == []
        write(conn, finding(events=5), change())
        respond(conn, alert_id)
        [behind] = reconcile.stale_parents(conn, NOW)
        assert (behind.delivery_key, behind.rendered_version, behind.ts) == ("parent", 1, "1.1")
        assert reconcile.record_edit(conn, behind.outbox_id, rendered_version=2, rendered_hash="h2")
        assert len(reconcile.stale_parents(conn, NOW)) == 1  # the response is not shown yet
        assert reconcile.record_edit(conn, behind.outbox_id, rendered_version=3, rendered_hash="h3")
        assert reconcile.stale_parents(conn, NOW) == []
        assert not reconcile.record_edit(conn, behind.outbox_id, rendered_version=2, rendered_hash="h2")
    assert _get(database, "parent").rendered_hash == "h3"


def test_an_edit_that_failed_is_tried_again_later(database: Database) -> None:
    with database.writing() as conn:
        alert_id = write(conn).alert_id
        queue(conn, "parent", kind="parent", alert_id=alert_id)
    _send(database, _take(database))
    with database.writing() as conn:
        write(conn, finding(events=5), change())
        [behind] = reconcile.stale_parents(conn, NOW)
        reconcile.defer_edit(conn, behind.outbox_id, not_before=minutes(1), error="ratelimited")
        assert reconcile.stale_parents(conn, minutes(0.5)) == []
        assert len(reconcile.stale_parents(conn, minutes(1))) == 1


def test_only_a_message_of_once_unknown_outcome_is_swept_and_twice(database: Database) -> None:
    _queue(database, "sure")
    _drain(database)
    _queue(database, "doubtful")
    item = _take(database)
    with database.writing() as conn:
        outbox.mark_ambiguous(conn, item.outbox_id, item.lease or "", look_at=NOW, error="")
    [doubtful] = outbox.claim_ambiguous(database, NOW)
    _send(database, doubtful)
    with database.writing() as conn:
        assert reconcile.due_sweeps(conn, minutes(1.9)) == []
        [first] = reconcile.due_sweeps(conn, minutes(2))
        assert first.delivery_key == "doubtful"
        reconcile.mark_swept(conn, first, minutes(2.5))
        assert reconcile.due_sweeps(conn, minutes(9)) == []
        [second] = reconcile.due_sweeps(conn, minutes(11))
        reconcile.mark_swept(conn, second, minutes(11))
        assert reconcile.due_sweeps(conn, minutes(9999)) == []


def test_a_sweep_after_a_long_downtime_is_one_and_the_last(database: Database) -> None:
    _queue(database, "k")
    _take(database)
    with database.writing() as conn:
        outbox.recover(conn, NOW, study_ids=[STUDY], everything=True)
    _send(database, outbox.claim_ambiguous(database, NOW)[0])
    with database.writing() as conn:
        [late] = reconcile.due_sweeps(conn, minutes(500))
        reconcile.mark_swept(conn, late, minutes(500))
        assert reconcile.due_sweeps(conn, minutes(501)) == []


def test_whatever_happens_no_row_is_lost_nor_sent_by_two(database: Database) -> None:
    """Random senders, crashes and clocks against a plain model of who holds what."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            with database.writing() as conn:
                conn.execute(delete(outbox_table))
            self.clock, self.number = 0.0, 0
            self.held: dict[int, Item] = {}
            self.sent: set[int] = set()

        @rule(priority=st.integers(0, 9), audience=st.sampled_from(["open", "ops"]), parent=st.integers(0, 5))
        def enqueue(self, priority: int, audience: str, parent: int) -> None:
            self.number += 1
            thread = f"k{parent}" if 0 < parent < self.number else None
            _queue(database, f"k{self.number}", priority=priority, audience=audience, thread_key=thread)

        @rule()
        def claim(self) -> None:
            for item in outbox.claim(database, minutes(self.clock)):
                assert item.outbox_id not in self.sent
                assert item.thread_key is None or item.thread_ts is not None
                self.held[item.outbox_id] = item

        @rule()
        def look(self) -> None:
            for item in outbox.claim_ambiguous(database, minutes(self.clock)):
                assert item.outbox_id not in self.sent
                self.held[item.outbox_id] = item

        @precondition(lambda self: self.held)
        @rule(data=st.data(), end=st.sampled_from(["sent", "ambiguous", "again", "crash"]))
        def end(self, data: st.DataObject, end: str) -> None:
            item = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
            with database.writing() as conn:
                key, at = (item.outbox_id, item.lease or ""), minutes(self.clock)
                if end == "sent" and outbox.mark_sent(conn, *key, channel_id="C", ts="1", at=at):
                    assert item.outbox_id not in self.sent
                    self.sent.add(item.outbox_id)
                elif end == "ambiguous":
                    outbox.mark_ambiguous(conn, *key, look_at=at, error="x")
                elif end == "again":
                    outbox.requeue(conn, *key, not_before=at, error="x")

        @rule(step=st.sampled_from([0.5, 3.0]))
        def wait(self, step: float) -> None:
            self.clock += step
            with database.writing() as conn:
                outbox.recover(conn, minutes(self.clock), study_ids=[STUDY])

        @invariant()
        def nothing_is_lost(self) -> None:
            with database.reading() as conn:
                rows = conn.execute(select(func.count()).select_from(outbox_table)).scalar_one()
                counted = outbox.counts(conn, STUDY)
            assert rows == self.number == counted["sent"] + counted["pending"]
            assert counted["sent"] == len(self.sent)

        def teardown(self) -> None:
            """Left alone with one honest sender, everything gets through."""
            for _ in range(4 * self.number + 4):
                self.clock += 3
                with database.writing() as conn:
                    outbox.recover(conn, minutes(self.clock), study_ids=[STUDY])
                for item in outbox.claim_ambiguous(database, minutes(self.clock)):
                    _send(database, item, self.clock)
                for item in outbox.claim(database, minutes(self.clock)):
                    _send(database, item, self.clock)
            with database.reading() as conn:
                assert outbox.counts(conn, STUDY)["pending"] == 0

    Machine.TestCase.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
    Machine.TestCase().runTest()
