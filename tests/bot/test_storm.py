"""Many alerts at once: every one is named in Slack once, the critical ones first, as fast as the limit allows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk import WebClient
from sqlalchemy import select

from bot.access import disclose
from bot.cycle import run_cycle
from bot.lookup.content import content_of
from bot.slack.delivery import Delivery
from bot.slack.desk import Desk
from bot.slack.history import Pace
from bot.slack.inbound import click
from bot.study import Study
from bot.telling.grouping import Opened, divided
from bot.wording.pages import page
from bot.workspace import people as cast
from bot.workspace.faults import Fault, FaultKind
from bot.workspace.server import RunningWorkspace, Workspace, serve
from rules.model import Audience, Urgency
from storage import alerts, duties, outbox
from storage.heads import lock_head
from storage.outbox_rows import Status
from storage.schema import audit, response
from tests.bot.test_watchfulness import NO_AE, START, Given, configured, study_of

CHANNELS = {"open": "#open", "closed": "#closed", "ops": "#ops"}
ROLES = {"investigator": [cast.INVESTIGATOR], "medical_monitor": [cast.MEDICAL_MONITOR], "dsmb": [cast.DSMB_MEMBER]}
RULES = [
    {"id": "fatal", "kind": "event", "title": "Death", "events": {"death": True}, "action": "halt_study",
     "urgency": "critical"},
    {"id": "sae", "kind": "event", "title": "Serious event", "events": {"serious": True}, "action": "hold_dosing",
     "urgency": "urgent"},
]  # fmt: skip


def dm(number: int) -> pd.DataFrame:
    return pd.DataFrame([{"USUBJID": f"S-{i:04d}", "RFXSTDTC": "2026-04-20"} for i in range(number)], dtype="str")


def events(number: int, fatal: int) -> pd.DataFrame:
    """One event a subject: the last `fatal` are fatal, the others serious, so that order alone puts critical last."""
    rows = [
        {"USUBJID": f"S-{i:04d}", "AESEQ": "1", "AEDECOD": "Sepsis", "AESTDTC": "2026-05-03", "AEREL": "RELATED",
         "AESER": "N" if i >= number - fatal else "Y", "AESDTH": "Y" if i >= number - fatal else "N"}
        for i in range(number)
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype="str")


class Storm:
    """A study whose alerts come at once, posted to a workspace over the real client."""

    def __init__(self, study: Study, running: RunningWorkspace, at: list[datetime]) -> None:
        self.study, self.running, self.at = study, running, at
        client = WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[], timeout=5)
        pace = Pace(page=200, seconds=0.0)
        self.delivery = Delivery(study.database, client, {study.id: study.voice}, pace=pace)
        self.desk = Desk(
            study.database, client, {study.id: study.voice}, lambda *_: pytest.fail("no status"), lambda: at[0],
            studies={study.id: study},
        )  # fmt: skip

    def deliver(self, most: int) -> timedelta:
        """Let delivery come by twice a second, just too early for a whole second to have passed, until nothing waits.

        Returns how long that took.
        """
        began = self.at[0]
        for _ in range(most):
            if self.delivery.run_once(self.at[0]).again_at is None:
                return self.at[0] - began
            self.at[0] += timedelta(milliseconds=499)
        raise AssertionError("delivery does not end")

    def seen(self) -> list[dict[str, Any]]:
        """Everything visible in the open channel, threads included, in the order it was posted."""
        heads = self.running.messages("#open")
        every = {one["ts"]: one for head in heads for one in self.running.thread("#open", head["ts"])}
        return [every[ts] for ts in sorted(every, key=float)]

    def tables(self, messages: list[dict[str, Any]]) -> list[list[dict[str, str]]]:
        """The rows of every CSV that is visible in some messages."""
        found = [self.running.workspace.files.find(file["id"]) for one in messages for file in one["files"]]
        texts = [(file.content or b"").decode() for file in found if file is not None]
        return [list(csv.DictReader(io.StringIO(text))) for text in texts]

    def press(self, message: dict[str, Any], action: str, option: int = 0, user: str = cast.INVESTIGATOR) -> None:
        """Click as Slack sends it."""
        [actions] = [block for block in message["blocks"] if block["type"] == "actions"]
        [element] = [one for one in actions["elements"] if one["action_id"] == action]
        pressed = {"action_id": action, "action_ts": f"{len(self.running.calls)}"}
        pressed |= (
            {"selected_option": element["options"][option]} if "options" in element else {"value": element["value"]}
        )
        body = {"user": {"id": user, "team_id": cast.TEAM_ID}, "actions": [pressed],
                "channel": {"id": "C1"}}  # fmt: skip
        inbox_key, request = click(body)
        for _ in range(2):  # delivered twice
            self.desk.receive(inbox_key, request)
            self.desk.apply(inbox_key, request)


@contextmanager
def storm(folder: Path, number: int, fatal: int, **slack: Any) -> Iterator[Storm]:
    at = [START]
    block = {"channels": CHANNELS, "roles": ROLES, "escalate": [{"after": "30 min", "to": "medical_monitor"}], **slack}
    with (
        serve(Workspace(channels=CHANNELS, clock=lambda: at[0], rate_limits=True)) as running,
        study_of(configured(folder, rules=RULES, slack=block), at) as study,
    ):
        edc = Given("edc", {"DM": dm(number), "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        made = Storm(study, running, at)
        made.deliver(50)
        edc.frames = {"DM": dm(number), "AE": events(number, fatal)}
        at[0] += timedelta(minutes=1)
        run_cycle(study, at[0])
        yield made


def text_of(message: dict[str, Any]) -> str:
    """What is read in the blocks of a message."""
    sections = [
        block["text"]["text"] for block in message.get("blocks") or () if block["type"] in ("header", "section")
    ]
    return "\n".join(sections)


def alone(storm: Storm) -> list[tuple[str, str]]:
    """(rule, scope) of alerts that have a message of their own."""
    with storm.study.database.reading() as conn:
        numbers = outbox.alerts_with_parent(conn, storm.study.id)
        return [(one.rule_id, one.scope) for one in alerts.by_id(conn, numbers).values()]


def opened(storm: Storm) -> list[alerts.OpenAlert]:
    with storm.study.database.reading() as conn:
        return alerts.open_alerts(conn, storm.study.id)


def drained(storm: Storm) -> bool:
    with storm.study.database.reading() as conn:
        return outbox.counts(conn, storm.study.id)["pending"] == 0


LISTED = re.compile(r"• (fatal|sae) · subject (S-\d{4})")


def test_two_thousand_alerts_at_once_under_429s_are_each_named_once_critical_first_as_fast_as_slack_allows(
    tmp_path: Path,
) -> None:
    """Would catch an alert cut from a list or named twice, a critical one behind an urgent one, and idle waiting.

    Time is the delivery's own clock: one second a post, and what each 429 asked for.
    """
    with storm(tmp_path, 1_900, 100) as made:
        refusal = Fault(FaultKind.RATE_LIMITED, ("chat.postMessage",), "", -1, probability=0.15, seconds=3)
        made.running.faults.plan(refusal)
        before, began = len(made.seen()), len(made.running.faults.hits)
        took = made.deliver(2_000)
        posted = made.seen()[before:]
        files, seen = [one for one in posted if one.get("files")], [one for one in posted if not one.get("files")]
        refused = len(made.running.faults.hits) - began
        named = [(rule, subject, one["ts"]) for one in seen for rule, subject in LISTED.findall(text_of(one))]
        own = [one for one in seen if not LISTED.search(text_of(one))]
        single = Counter(rule for one in own for rule in re.findall(r"Rule (\w+):", text_of(one)))
        number = Counter(rule for rule, _, _ in named)
        assert len(opened(made)) == 2_000
        assert (single, number) == ({"fatal": 5}, {"fatal": 95, "sae": 1_900})
        assert max(Counter((rule, subject) for rule, subject, _ in named).values()) == 1
        keys = [one["metadata"]["event_payload"]["delivery_key"] for one in seen]
        assert len(keys) == len(set(keys))
        assert max(float(ts) for rule, _, ts in named if rule == "fatal") < min(
            float(ts) for rule, _, ts in named if rule == "sae"
        )
        assert not [one for one in seen if "showing part of" in one["text"] or "parts)" in text_of(one)]
        assert all(subject in one["text"] for one in seen for _, subject in LISTED.findall(text_of(one)))
        assert refused > 0
        assert took <= 1.1 * timedelta(seconds=len(posted) - 1 + 3 * refused)
        assert drained(made)
        tables = sorted(made.tables(files), key=len)
        assert [len(table) for table in tables] == [95, 1_900]
        assert {(row["rule"], row["about"].removeprefix("subject ")) for table in tables for row in table} == {
            (rule, subject) for rule, subject, _ in named
        }


@pytest.mark.parametrize(("number", "messages"), [(5, 5), (6, 1)])
def test_a_few_alerts_have_a_message_each_and_more_than_that_one_together(
    tmp_path: Path, number: int, messages: int
) -> None:
    """Would catch a limit that is off by one, and a group that does not say how many it holds."""
    with storm(tmp_path, number, 0) as made:
        made.deliver(50)
        posts = made.running.messages("#open")[1:]
        assert len(posts) == messages
        grouped = [post for post in posts if "6 new urgent alerts at once" in text_of(post)]
        assert len(grouped) == (number > 5)
        assert all("Showing 6 of 6." in post["text"] for post in grouped)


def test_one_click_acknowledges_all_once_and_can_be_taken_back(tmp_path: Path) -> None:
    """Would catch an alert left out, one acknowledged twice by a redelivery, a stranger's click, and a reply that waits
    for ever for a message that was never posted."""
    with storm(tmp_path, 40, 0) as made:
        made.deliver(50)
        [message] = [one for one in made.seen() if "new urgent alerts" in text_of(one)]
        made.press(message, "dsmbot_acknowledge", user=cast.DSMB_MEMBER)
        assert not any(one.acknowledgement for one in opened(made))
        made.press(message, "dsmbot_acknowledge")
        assert all(one.acknowledgement and one.acknowledgement.user_id == cast.INVESTIGATOR for one in opened(made))
        assert responses(made) == Counter(acknowledged=40)
        made.deliver(50)
        assert drained(made)
        [message] = [one for one in made.seen() if "new urgent alerts" in text_of(one)]
        assert "40 of 40" in text_of(message)
        made.at[0] += timedelta(minutes=1)
        made.press(message, "dsmbot_withdraw")
        assert not any(one.acknowledgement for one in opened(made))
        assert responses(made) == Counter(acknowledged=40, acknowledgement_withdrawn=40)
        made.deliver(50)
        assert "Not acknowledged yet" in text_of(made.seen()[1])


def responses(storm: Storm) -> Counter[str]:
    """Responses by kind; each has an audit entry of its own."""
    with storm.study.database.reading() as conn:
        kinds = Counter(conn.execute(select(response.c.kind)).scalars())
        audited = len(list(conn.execute(select(audit.c.seq).where(audit.c.kind == "response")).scalars()))
    assert audited == sum(kinds.values())
    return kinds


def test_a_group_is_called_about_once_and_not_any_more_when_acknowledged(tmp_path: Path) -> None:
    """Would catch 40 calls for one storm, a group that nobody is called about, and calls that go on after an answer."""
    with storm(tmp_path, 40, 0) as made:
        made.deliver(50)
        posted = len(made.seen())
        made.at[0] += timedelta(minutes=31)
        run_cycle(made.study, made.at[0])
        made.deliver(50)
        called = [one for one in made.seen() if "calling the medical monitor" in text_of(one)]
        assert len(made.seen()) == posted + 1
        assert [f"<@{cast.MEDICAL_MONITOR}>" in one["text"] for one in called] == [True]
        assert "Nobody has acknowledged 40 alerts" in called[0]["text"]
        made.press(made.seen()[1], "dsmbot_acknowledge")
        made.at[0] += timedelta(hours=25)
        run_cycle(made.study, made.at[0])
        made.deliver(50)
        since = [text_of(one) for one in made.seen()[posted + 1 :] if "SIMULATED · " in one["text"]]
        assert sum("Reminder: 40 alerts without a decision" in text for text in since) == 1
        assert not any("calling" in text for text in since)


def test_who_covers_is_named_in_the_call_and_the_reminder_about_a_group(tmp_path: Path) -> None:
    """Would catch a group whose calls reach only the person who is away."""
    with storm(tmp_path, 8, 0) as made:
        made.deliver(50)
        _covered(made, absent=cast.MEDICAL_MONITOR, person=cast.INVESTIGATOR)
        made.at[0] += timedelta(minutes=31)
        run_cycle(made.study, made.at[0])
        made.deliver(50)
        [call] = [one for one in made.seen() if "calling the medical monitor" in text_of(one)]
        assert f"<@{cast.MEDICAL_MONITOR}> <@{cast.INVESTIGATOR}>, please look now" in call["text"]
        made.press(made.seen()[1], "dsmbot_acknowledge", user=cast.MEDICAL_MONITOR)
        made.at[0] += timedelta(hours=25)
        run_cycle(made.study, made.at[0])
        made.deliver(50)
        [asked] = [one for one in made.seen() if "without a decision" in text_of(one)]
        assert f"<@{cast.MEDICAL_MONITOR}> <@{cast.INVESTIGATOR}>, please record" in asked["text"]


def _covered(made: Storm, *, absent: str, person: str) -> None:
    until = made.at[0] + timedelta(days=7)
    one = duties.Duty(made.study.id, duties.DutyKind.COVER, absent, made.at[0], "command-1", person=person, until=until)
    with made.study.database.writing(made.study.id) as conn:
        duties.record(conn, lock_head(conn, made.study.id), one, actor=f"user:{absent}")


def test_a_group_is_paged_as_one_that_says_how_many_wait(tmp_path: Path) -> None:
    """Would catch 35 e-mails at night, or one that lets 34 other patients be forgotten."""
    paging = {"email": {"host": "127.0.0.1", "port": 1, "security": "none", "from": "bot@example.org",
                        "to": {"investigator": ["pi@example.org"]}}}  # fmt: skip
    with storm(tmp_path, 40, 40, paging=paging) as made:
        made.deliver(80)
        run_cycle(made.study, made.at[0])
        with made.study.database.reading() as conn:
            voice, rows = made.study.voice, outbox.with_status(conn, Status.QUEUED, study_id=made.study.id)
            mails = [row for row in rows if row.kind == "email"]
            views = [disclose(content_of(conn, row, voice), Audience.OPEN, voice.setting) for row in mails]
        told = [page(view) for view in views]
        [together] = [one for one in told if "wait together" in " ".join(one.lines)]
        assert len(told) == 6, "five that have a message of their own, and one for all others"
        assert "35 critical alerts" in together.subject
        assert together.lines[0] == "35 critical alerts of one message wait together. The first of them:"
        assert "S-0" not in " ".join(together.lines), "no subject leaves"


def test_a_listed_alert_gets_its_own_message_when_asked_for_or_when_it_changes(tmp_path: Path) -> None:
    """Would catch an alert that can never be explained or decided because it was told in a group."""
    with storm(tmp_path, 20, 0) as made:
        made.deliver(50)
        [message] = [one for one in made.seen() if "new urgent alerts" in text_of(one)]
        made.press(message, "dsmbot_unfold", option=3)
        made.deliver(50)
        own = [one for one in made.seen() if "S-0003" in text_of(one) and not LISTED.search(text_of(one))]
        assert len(own) == len(alone(made)) == 1
        assert {e["action_id"] for b in own[0]["blocks"] if b["type"] == "actions" for e in b["elements"]} == {
            "dsmbot_acknowledge", "dsmbot_decide", "dsmbot_menu",
        }  # fmt: skip
        changed = events(20, 0)
        changed.loc[7, "AESER"] = "N"
        made.study.sources["edc"].frames = {"DM": dm(20), "AE": changed}  # type: ignore[attr-defined]
        made.at[0] += timedelta(minutes=1)
        run_cycle(made.study, made.at[0])
        made.deliver(50)
        assert len(alone(made)) == 2
        assert [one for one in made.seen() if "No longer met" in text_of(one)]


def test_many_changes_at_once_are_one_message_called_about_once_and_acknowledged_as_they_are_now(
    tmp_path: Path,
) -> None:
    """Would catch a corrected file, or a changed rule, that floods the channel; and a click that counts for the old."""
    with storm(tmp_path, 40, 0) as made:
        made.deliver(50)
        first = len(made.running.messages("#open"))
        [before] = [one for one in made.seen() if "new urgent alerts" in text_of(one)]
        made.press(before, "dsmbot_acknowledge")
        corrected = events(40, 0)
        corrected.loc[:29, "AESER"] = "N"
        made.study.sources["edc"].frames = {"DM": dm(40), "AE": corrected}  # type: ignore[attr-defined]
        made.at[0] += timedelta(minutes=1)
        run_cycle(made.study, made.at[0])
        made.deliver(80)
        [message] = made.running.messages("#open")[first:]
        assert "30 urgent alerts changed at once" in text_of(message)
        assert "Showing 12 of 30." in message["text"]
        listed = [
            s
            for one in made.seen()
            for s in re.findall(r"(S-\d{4}) · basis changed, now within its limit", text_of(one))
        ]
        assert sorted(listed) == [f"S-{i:04d}" for i in range(30)]
        [table] = [table for table in made.tables([m for m in made.seen() if m.get("files")]) if len(table) == 30]
        assert {row["change"] for row in table} == {"basis changed"}
        assert alone(made) == []
        assert sum(one.acknowledgement is None for one in opened(made)) == 30, "what it said before was acknowledged"
        made.press(before, "dsmbot_acknowledge", user=cast.MEDICAL_MONITOR)
        assert sum(one.acknowledgement is None for one in opened(made)) == 30, "that button is about what was"
        made.at[0] += timedelta(minutes=31)
        run_cycle(made.study, made.at[0])
        made.deliver(80)
        called = [text_of(one) for one in made.seen() if "calling the medical monitor" in text_of(one)]
        assert ["Nobody has acknowledged 30 alerts" in text for text in called] == [True]
        made.press(message, "dsmbot_acknowledge")
        assert all(one.acknowledgement for one in opened(made))


def begun(audience: Audience, urgency: Urgency, number: int, first: int = 0) -> list[Opened]:
    rule = SimpleNamespace(id=f"{audience}-{urgency}", audience=audience, urgency=urgency)
    return [Opened(rule, str(i), SimpleNamespace(alert_id=first + i)) for i in range(number)]  # type: ignore[arg-type]


def test_what_one_audience_is_told_does_not_depend_on_another(tmp_path: Path) -> None:
    """Would catch an open channel whose alerts are grouped because the board's channel has many."""
    few, many = begun(Audience.OPEN, Urgency.URGENT, 5), begun(Audience.CLOSED, Urgency.URGENT, 50, first=100)
    said = divided([*many, *few], 5)
    assert said.alone == divided(few, 5).alone == tuple(few)
    assert [len(group) for group in said.groups] == [50]


@given(st.lists(st.tuples(st.sampled_from(Audience), st.sampled_from(Urgency)), max_size=60), st.integers(1, 20))
def test_every_new_alert_is_in_exactly_one_place(kinds: list[tuple[Audience, Urgency]], most: int) -> None:
    """Would catch an alert that is in no message, or in two; and more single messages than the limit."""
    every = [begun(*kind, 1, first=number)[0] for number, kind in enumerate(kinds)]
    said = divided(every, most)
    placed = [one.written.alert_id for one in (*said.alone, *(one for group in said.groups for one in group))]
    assert sorted(placed) == list(range(len(every)))
    assert max(Counter(one.rule.audience for one in said.alone).values(), default=0) <= most
    assert all(len({(one.rule.audience, one.rule.urgency) for one in group}) == 1 for group in said.groups)
