"""The life of an alert under polls, corrections, clicks, redeliveries, clock jumps and crashes.

Each invariant is named L1 … L11 as in docs/architecture.md, "Life of an alert".
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from slack_sdk import WebClient
from sqlalchemy import select

from bot.access import Act
from bot.cycle import run_cycle
from bot.slack.desk import Desk
from bot.slack.inbound import ACTION, SUBMISSION, Request
from bot.telling.outgoing import alert_key
from bot.views import StatusContent
from rules.model import State
from storage import alerts, outbox, proof
from storage.alert_records import HOLDS, ResponseKind, StoredAlert
from storage.alert_stands import REOPENS
from storage.inbox import unapplied
from storage.schema import alert as alert_table
from storage.schema import outbox as outbox_table
from tests.bot.test_watchfulness import DM, NO_AE, START, Given, configured, post_everything, study_of

INVESTIGATOR, MONITOR, STRANGER = "U0INVESTIGATOR", "U0MONITOR", "U0NOBODY"
PEOPLE = st.sampled_from([INVESTIGATOR, INVESTIGATOR, MONITOR, STRANGER])
RULES = [
    {"id": "sae", "kind": "event", "title": "Serious event", "events": {"serious": True}, "action": "hold_dosing",
     "urgency": "critical"},
    {"id": "rate", "kind": "boundary", "title": "Reactions", "events": {"serious": True}, "window": {"after_days": 28},
     "design": {"method": "table", "null_rate": 0.2, "stop_at": [1, 1, 2], "max_n": 3}, "beyond_max_n": "refuse",
     "action": "pause_enrolment", "urgency": "urgent"},
]  # fmt: skip
FORMS: dict[Act, st.SearchStrategy[dict[str, str]]] = {
    Act.ASSIGN: st.fixed_dictionaries({"person": st.sampled_from([INVESTIGATOR, MONITOR, STRANGER, ""])}),
    Act.NOTE: st.fixed_dictionaries({"words": st.sampled_from(["<!here> seen", "", "x" * 501])}),
    Act.SNOOZE: st.fixed_dictionaries(
        {"hours": st.sampled_from(["1", "72", "73", "0", "-1", "many"]), "reason": st.just("waiting")}
    ),
    Act.DECIDE: st.fixed_dictionaries(
        {"decision": st.sampled_from(["continue", "continue_past", "modify", "hold_dosing", "resume", "nonsense"]),
         "scope": st.sampled_from(["all", "subject"]), "reason": st.just("as agreed")}
    ),
    Act.RESOLVE: st.fixed_dictionaries({"reason": st.sampled_from(["done", " "])}),
}  # fmt: skip


class _Killed(Exception):
    """The process dies here."""


class Life(RuleBasedStateMachine):
    """One study, its people, and everything that can go wrong between them."""

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.path, self.at = configured(Path(folder), rules=RULES), [START]
        self.process: ExitStack | None = None
        self.events: dict[str, dict[str, str]] = {}
        self.sent: list[tuple[str, Request]] = []
        self.number, self.history, self.crossed = 0, {}, {}
        self._start()
        self.an_event_is_recorded_or_changed("S1", 1, serious=True, grade=3)  # so that there is an alert to live

    def teardown(self) -> None:
        if self.process is not None:
            self.process.close()
        self.stack.close()

    def _start(self) -> None:
        self.process = ExitStack()
        self.study = self.process.enter_context(study_of(self.path, self.at))
        self.edc = Given("edc", None)
        self.study.sources = {"edc": self.edc}
        nobody = WebClient(token="x", base_url="http://127.0.0.1:9/", retry_handlers=[], timeout=1)
        voices = {self.study.id: self.study.voice}
        self.desk = Desk(self.study.database, nobody, voices, _no_status, lambda: self.at[0])
        self.desk.catch_up()
        self._poll()

    # what happens

    @rule(
        subject=st.sampled_from(["S1", "S2"]), number=st.integers(1, 2), serious=st.booleans(), grade=st.integers(2, 5)
    )
    def an_event_is_recorded_or_changed(self, subject: str, number: int, serious: bool, grade: int) -> None:
        self.events[f"{subject}/{number}"] = {
            "USUBJID": subject, "AESEQ": str(number), "AEDECOD": "Sepsis", "AESER": "Y" if serious else "N",
            "AEREL": "RELATED", "AETOXGR": str(grade), "AESTDTC": "2026-05-03",
        }  # fmt: skip
        self._poll()

    @rule(which=st.integers(0, 3))
    def an_event_is_deleted(self, which: int) -> None:
        for key in sorted(self.events)[which : which + 1]:
            del self.events[key]
        self._poll()

    @rule()
    def poll(self) -> None:
        self._poll()

    def _poll(self) -> None:
        frame = pd.DataFrame(list(self.events.values()), dtype="str") if self.events else NO_AE
        self.edc.frames = {"DM": DM, "AE": frame}
        run_cycle(self.study, self.at[0], sources=[self.edc])

    @rule()
    def messages_are_posted(self) -> None:
        post_everything(self.study, self.at[0] + timedelta(hours=200))

    @rule(minutes=st.sampled_from([1, 31, 60 * 5, 60 * 80, -45]))
    def time_passes_or_jumps_back(self, minutes: int) -> None:
        self.at[0] += timedelta(minutes=minutes)

    @precondition(lambda self: self._open())
    @rule(
        data=st.data(),
        who=PEOPLE,
        act=st.sampled_from([Act.ACKNOWLEDGE, Act.ACKNOWLEDGE, Act.WITHDRAW]),
        stale=st.booleans(),
    )
    def somebody_clicks(self, data: st.DataObject, who: str, act: Act, stale: bool) -> None:
        self._ask(ACTION, data.draw(st.sampled_from(self._open())), who, act, stale, {})

    @precondition(lambda self: self._open())
    @rule(data=st.data(), who=PEOPLE, act=st.sampled_from(list(FORMS)), stale=st.booleans())
    def somebody_submits_a_form(self, data: st.DataObject, who: str, act: Act, stale: bool) -> None:
        self._ask(SUBMISSION, data.draw(st.sampled_from(self._open())), who, act, stale, data.draw(FORMS[act]))

    def _ask(self, kind: str, about: alerts.OpenAlert, who: str, act: Act, stale: bool, values: dict[str, str]) -> None:
        self.number += 1
        version = 1 if stale else about.version
        with self.study.database.reading() as conn:
            key = alert_key(conn, self.study.id, about.rule_id, about.scope, about.episode)
        request = Request(kind, who, "T1", "C1", act, key, version, "basis", values=values)
        if not self.desk.errors(f"k{self.number}", request) and self.desk.receive(f"k{self.number}", request):
            self.desk.apply(f"k{self.number}", request)
            self.sent.append((f"k{self.number}", request))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_request_is_delivered_again(self, data: st.DataObject) -> None:
        key, request = data.draw(st.sampled_from(self.sent))
        before = self._answers()
        assert not self.desk.receive(key, request)
        self.desk.apply(key, request)
        assert self._answers() == before, "L2"

    @precondition(lambda self: self._open())
    @rule(
        data=st.data(),
        where=st.sampled_from(["storage.inbox.applied", "storage.audit.append"]),
        back=st.sampled_from([0, 45]),
    )
    def the_process_dies_while_it_applies(self, data: st.DataObject, where: str, back: int) -> None:
        """The machine's clock may have been put back before the next start."""
        about, died = data.draw(st.sampled_from(self._open())), False
        with mock.patch(where, side_effect=_Killed):
            try:
                self._ask(ACTION, about, MONITOR, Act.ACKNOWLEDGE, False, {})
            except _Killed:
                died = True
        if died:
            key, before = f"k{self.number}", self._answers()
            with self.study.database.reading() as conn:
                assert [row.inbox_key for row in unapplied(conn)] == [key], "L2: kept before it is applied"
            self.at[0] -= timedelta(minutes=back)
            self._die()
            assert len(self._answers()) - len(before) in (0, 1), "L2"

    @rule(where=st.sampled_from(["bot.recording.outbox.enqueue", "bot.recording.advance_head", "bot.cycle.watch"]))
    def the_process_dies_while_it_polls(self, where: str) -> None:
        died = False
        with mock.patch(where, side_effect=_Killed):
            try:
                self._poll()
            except _Killed:
                died = True
        if died:
            self._die()

    def _die(self) -> None:
        assert self.process is not None
        self.process.close()
        with mock.patch.object(Life, "_poll"):
            self._start()

    # what is always true

    def _open(self) -> list[alerts.OpenAlert]:
        with self.study.database.reading() as conn:
            return alerts.open_alerts(conn, self.study.id)

    def _all(self) -> list[StoredAlert]:
        with self.study.database.reading() as conn:
            return list(alerts.by_id(conn, list(conn.execute(select(alert_table.c.alert_id)).scalars())).values())

    def _answers(self) -> list[int]:
        return sorted(item.response_id for one in self._all() for item in one.responses)

    @invariant()
    def l1_history_only_grows(self) -> None:
        for one in self._all():
            said = [(v.version, v.reason, v.finding.digest()) for v in one.versions]
            said += [(r.response_id, r.kind, json.dumps(dict(r.body))) for r in one.responses]
            earlier = self.history.get(one.alert_id, set())
            assert earlier <= set(said), "L1"
            assert [v.version for v in one.versions] == list(range(1, len(one.versions) + 1)), "L1"
            assert one.revision == len(one.versions) + len(one.responses), "L1"
            self.history[one.alert_id] = set(said)

    @invariant()
    def l2_what_was_received_counts_once(self) -> None:
        """Also after a kill between keeping a click and applying it: the next start has applied what was left."""
        assert len(self._answers()) <= self.number, "L2"
        with self.study.database.reading() as conn:
            assert unapplied(conn) == [], "L2"

    @invariant()
    def l3_where_alerts_stand_is_what_history_says(self) -> None:
        with self.study.database.reading() as conn:
            found = proof.verify(conn, self.study.id)
        assert found.ok, f"L3: {found.problem}"

    @invariant()
    def l4_the_first_crossing_stays(self) -> None:
        for one in self._all():
            crossings = [v.finding for v in one.versions if v.finding.state is State.CROSSED]
            if crossings:
                first = self.crossed.setdefault(one.alert_id, crossings[0].digest())
                assert crossings[0].digest() == first, "L4"
                assert "first_crossing" in one.finding.details, "L4"

    @invariant()
    def l5_only_a_person_ends_an_episode(self) -> None:
        by_scope: dict[tuple[str, str], list[StoredAlert]] = {}
        for one in self._all():
            by_scope.setdefault((one.rule_id, one.scope), []).append(one)
            assert one.resolved == any(r.kind is ResponseKind.RESOLVED for r in one.responses), "L5"
        for episodes in by_scope.values():
            episodes.sort(key=lambda one: one.episode)
            assert [one.episode for one in episodes] == list(range(1, len(episodes) + 1)), "L5"
            assert all(one.resolved for one in episodes[:-1]), "L5"
            ids = [None, *(one.alert_id for one in episodes)]
            assert [one.previous_alert_id for one in episodes] == ids[:-1], "L5"

    @invariant()
    def l6_an_acknowledgement_covers_what_the_alert_says(self) -> None:
        for one in self._all():
            done = one.acknowledgement
            if done is not None:
                later = [v.reason for v in one.versions if v.version > done.alert_version]
                assert not REOPENS.intersection(later), "L6"
                since = [r.kind for r in one.responses if r.response_id > done.response_id]
                assert ResponseKind.HOLD_BROKEN not in since, "L6"
                assert done.user_id != STRANGER, "L10"

    @invariant()
    def l7_a_snooze_hides_nothing_new_and_no_crossed_boundary(self) -> None:
        for one in self._all():
            if one.snoozed_until is not None:
                last = [r for r in one.responses if r.kind is ResponseKind.SNOOZED][-1]
                assert last.alert_version == one.latest.version, "L7"
                assert one.snoozed_until - last.at <= timedelta(hours=72), "L7"
                assert not (one.rule_id == "rate" and one.alert_id in self.crossed), "L7"

    @invariant()
    def l8_a_hold_ends_by_a_resume_only(self) -> None:
        for one in self._all():
            held: set[str] = set()
            for kind in [r.body["decision"] for r in one.responses if r.kind is ResponseKind.DECIDED]:
                held = set() if kind == "resume" else held | ({kind} & set(HOLDS))
            assert set(one.holding.split()) == held, "L8"
            assert not (one.resolved and held), "L8"
            boundary = one.rule_id == "rate" and one.alert_id in self.crossed
            assert not (one.resolved and boundary and one.decided_by is None), "L8"

    @invariant()
    def l9_everything_is_said_once(self) -> None:
        with self.study.database.reading() as conn:
            rows = conn.execute(select(outbox_table).where(outbox_table.c.study_id == self.study.id)).all()
        keys = [row.delivery_key for row in rows]
        assert len(keys) == len(set(keys)), "L9"
        told = sorted(r.content["number"] for r in rows if r.content.get("step") == "response")
        assert told == self._answers(), "L9"
        versions = {(r.alert_id, r.alert_version) for r in rows if r.content.get("step") in ("alert", "change")}
        opening = {one.alert_id for one in self._all() if one.already_true and one.rule_id == "sae"}
        for one in self._all():
            if one.alert_id not in opening:
                assert {(one.alert_id, v.version) for v in one.versions} <= versions, "L9"

    @invariant()
    def l10_nobody_acts_without_the_role(self) -> None:
        assert all(r.user_id != STRANGER for one in self._all() for r in one.responses), "L10"

    @rule()
    def after_a_cycle_nobody_who_should_be_called_is_not(self) -> None:
        """L11: a met alert that nobody acknowledged and nobody snoozed has called, once its time has passed."""
        run_cycle(self.study, self.at[0], sources=[])
        with self.study.database.reading() as conn:
            for item in alerts.open_alerts(conn, self.study.id):
                parent = alert_key(conn, self.study.id, item.rule_id, item.scope, item.episode)
                began = item.reopened_at or item.opened_at
                met = item.ever_crossed or item.state is State.PROVISIONAL
                rests = item.snoozed_until is not None and self.at[0] < item.snoozed_until
                late = self.at[0] >= began + timedelta(minutes=30)
                if met and late and not rests and item.acknowledgement is None and outbox.find(conn, parent):
                    steps = select(outbox_table.c.content).where(outbox_table.c.thread_key == parent)
                    said: list[Any] = list(conn.execute(steps).scalars())
                    assert any(s.get("step") == "escalation" for s in said), "L11"


def _no_status(*_: Any) -> StatusContent:
    raise AssertionError("no command is given here")


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
