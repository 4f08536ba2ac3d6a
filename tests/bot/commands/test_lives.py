"""A study's life as people in its channels see it: from what was already true to what was withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.slack.blocks import ActionId
from tests.bot.commands.life import START, Life, life
from tests.bot.commands.site import ANY, SERIOUS, Site, event, subjects

ESCALATE = [{"after": "30 min", "to": "medical_monitor"}, {"after": "2 h", "to": "investigator"}]
ENTERED = {"AE": {"ENTRYDTC": "ENTERED"}}
SOURCE = {"id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s", "columns": ENTERED}
FIRST = event(1, ENTERED="2026-02-05")
SAE = event(2, AESER="Y", AEREL="RELATED", ENTERED="2026-02-06")
LATE = event(3, AESER="Y", AEREL="RELATED", AESTDTC="2026-04-01", ENTERED="2026-05-14T14:30:00")


@pytest.fixture
def lived(site_of: Callable[..., Site]) -> Iterator[Life]:
    """A running study with one subject's event, monitored from today."""
    site = site_of(rules=[SERIOUS, ANY], sources=[SOURCE], slack={"escalate": ESCALATE})
    with life(site) as found:
        found.put(FIRST, dm=subjects(6))
        found.cycle()
        yield found


def parents(found: Life, mark: str) -> list[dict[str, Any]]:
    """Messages of the open channel that begin a thread and hold a word."""
    return [m for m in found.site.workspace.messages("#site-safety") if mark in m["text"] and not is_reply(m)]


def is_reply(message: dict[str, Any]) -> bool:
    return bool(message.get("thread_ts") not in (None, message["ts"]))


def replies(found: Life, mark: str) -> list[str]:
    """First words of the replies in the thread of one parent."""
    (parent,) = parents(found, mark)
    thread = found.site.workspace.thread("#site-safety", parent["ts"])[1:]
    return [message["text"].split(" · ")[0] for message in thread]


def texts(found: Life) -> list[str]:
    return [m["text"] for m in found.site.messages("open")]


def test_what_was_already_true_is_said_once(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[SERIOUS, ANY], sources=[SOURCE])
    with life(site) as found:
        found.put(FIRST, SAE, dm=subjects(6))
        found.cycle()
        started = texts(found)
        assert len(started) == 2  # single events of the past are not alerted one by one
        assert any(text.startswith("ALREADY TRUE WHEN MONITORING BEGAN: RULE MET") for text in started)
        (state,) = [text for text in started if text.startswith("MONITORING BEGAN: THIS IS THE STARTING STATE")]
        assert "Already met by events recorded before, not alerted one by one: related-serious" in state
        found.cycle(hours=1)
        found.put(FIRST, SAE)
        found.cycle(hours=1)
        assert texts(found) == started
        found.put(FIRST, {**SAE, "AETOXGR": "4"})  # what was true already and became worse is news
        found.cycle(hours=1)
        assert len(parents(found, "subject S-002")) == 1


def test_the_starting_state_is_accepted_by_the_medical_monitor(lived: Life) -> None:
    (state,) = parents(lived, "STARTING STATE")
    lived.press("U0INVESTIGATOR", state, ActionId.ACCEPT)
    assert parents(lived, "STARTING STATE")[0]["blocks"] == state["blocks"]  # it is not the investigator's to accept
    lived.press("U0MONITOR", state, ActionId.ACCEPT)
    assert "U0MONITOR" in json.dumps(parents(lived, "STARTING STATE")[0]["blocks"])


def test_a_crossing_found_late_says_when_it_happened_and_when_it_became_knowable(lived: Life) -> None:
    lived.put(FIRST, LATE)
    lived.cycle(hours=1)
    (alert,) = parents(lived, "subject S-003")
    shown = json.dumps(alert["blocks"], ensure_ascii=False)
    assert "Entered 43 days after onset" in shown
    (finding,) = [f for f in lived.site.run("replay", "--json").json["findings"] if f["rule"] == "related-serious"]
    assert finding["first_crossed_on"] == "2026-04-01"
    assert finding["known_at"] == "2026-05-14T14:30:00+00:00"


def test_provisional_then_confirmed(lived: Life) -> None:
    lived.put(FIRST, {**LATE, "AEREL": ""})
    lived.cycle(hours=1)
    (alert,) = parents(lived, "subject S-003")
    assert alert["text"].startswith("RULE WOULD BE MET")
    assert "Causality is missing" in alert["text"]
    lived.put(FIRST, LATE)
    lived.cycle(minutes=5)
    assert replies(lived, "subject S-003") == ["CONFIRMED"]
    assert parents(lived, "subject S-003")[0]["text"].startswith("RELATED SERIOUS EVENT")  # edited in place


def test_provisional_then_withdrawn(lived: Life) -> None:
    lived.put(FIRST, {**LATE, "AEREL": ""})
    lived.cycle(hours=1)
    (before,) = parents(lived, "subject S-003")
    lived.put(FIRST, {**LATE, "AEREL": "NOT RELATED"})
    lived.cycle(minutes=5)
    thread = lived.site.workspace.thread("#site-safety", before["ts"])
    assert "no longer met on today's records" in thread[0]["text"].lower()
    assert thread[1]["text"].startswith("NO LONGER MET")
    assert "DSMBot has resumed nothing" in thread[1]["text"]


@pytest.mark.parametrize("later", [[FIRST, {**LATE, "AEREL": "NOT RELATED"}], [FIRST]], ids=["corrected", "deleted"])
def test_a_crossing_that_lost_its_basis_stays_recorded(lived: Life, later: list[dict[str, str]]) -> None:
    lived.put(FIRST, LATE)
    lived.cycle(hours=1)
    (before,) = parents(lived, "subject S-003")
    lived.put(*later)
    lived.cycle(minutes=5)
    thread = lived.site.workspace.thread("#site-safety", before["ts"])
    assert thread[1]["text"].startswith("BASIS CHANGED")
    assert "The first crossing stays recorded" in thread[1]["text"]
    assert "The first crossing stays recorded: 1 event" in thread[0]["text"]
    lived.put(FIRST, LATE)
    lived.cycle(minutes=5)
    (again,) = [t for t in texts(lived) if t.startswith("MET AGAIN · SITE-1 · related")][:1]
    assert "It was no longer met on later records, and is met again now" in again
    assert len(lived.site.workspace.duplicates()) == 0


def test_a_further_event_is_not_said_to_have_been_away(lived: Life) -> None:
    lived.put(FIRST, SAE)
    lived.cycle(hours=1)
    lived.put(FIRST, SAE, event(4))
    lived.cycle(hours=1)
    (again,) = {t for t in texts(lived) if t.startswith("MET AGAIN · SITE-1 · any-event")}
    assert "Something counts that did not count before, while the rule was met" in again
    assert "no longer" not in again


def test_nobody_answers_then_somebody_does_and_takes_it_back(lived: Life) -> None:
    lived.put(FIRST, LATE)
    lived.cycle(hours=1)
    lived.cycle(minutes=29)
    assert replies(lived, "subject S-003") == []
    lived.cycle(minutes=2)
    lived.cycle(minutes=2)
    assert replies(lived, "subject S-003") == ["NOT ACKNOWLEDGED"]
    assert any("<@U0MONITOR>, please look now" in text for text in texts(lived))
    (alert,) = parents(lived, "subject S-003")
    answer = lived.press("U0PHARMACIST", alert, ActionId.ACKNOWLEDGE)
    assert "Acknowledged" not in answer.text  # it is not theirs to acknowledge
    answer = lived.press("U0INVESTIGATOR", alert, ActionId.ACKNOWLEDGE)
    assert "That is not a decision and not a signature" in answer.text
    (alert,) = parents(lived, "subject S-003")
    assert "U0INVESTIGATOR" in json.dumps(alert["blocks"])
    lived.cycle(hours=5)
    assert replies(lived, "subject S-003") == ["NOT ACKNOWLEDGED", "ACKNOWLEDGED"]  # nobody is called any more
    lived.press("U0INVESTIGATOR", alert, ActionId.WITHDRAW)
    lived.cycle(minutes=31)
    calls = [said for said in replies(lived, "subject S-003") if said == "NOT ACKNOWLEDGED"]
    assert len(calls) == 2  # the steps begin again
    lived.cycle(hours=2)
    calls = [said for said in replies(lived, "subject S-003") if said == "NOT ACKNOWLEDGED"]
    assert len(calls) == 3
    entries = [json.loads(line) for line in lived.site.run("audit", "export").out.splitlines()]
    assert [e["actor"] for e in entries if e["kind"] == "response"] == ["user:T0PRACTICE/U0INVESTIGATOR"] * 2


def test_an_alert_that_was_silent_at_the_start_calls_from_when_it_was_told(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[SERIOUS], sources=[SOURCE], slack={"escalate": ESCALATE})
    with life(site) as found:
        found.put(FIRST, SAE, dm=subjects(6))
        found.cycle()
        found.put(FIRST)
        found.cycle(days=3)
        assert replies(found, "related-serious · subject S-002: 0 events") == []
        found.cycle(minutes=31)
        assert replies(found, "related-serious · subject S-002: 0 events") == ["NOT ACKNOWLEDGED"]


def test_daily_notes_come_once_and_name_what_is_new_once(lived: Life) -> None:
    lived.put(FIRST, LATE)
    lived.cycle(hours=1)
    for _ in range(3):
        lived.cycle(hours=24)
        lived.cycle(minutes=1)
    notes = [t for t in texts(lived) if t.startswith(("Checked:", "Could not check"))]
    assert len(notes) == 3
    assert ["none newly crossed" in note for note in notes] == [False, True, True]
    assert notes[0].startswith("Checked: 2 rules newly crossed")
    assert lived.hand[0] > START + timedelta(days=3)


def test_the_slash_command_answers(lived: Life) -> None:
    answer = lived.site.workspace.slash("U0INVESTIGATOR", "#site-safety", "/safety", "status")
    assert "2 of 2 rules" in answer.text
    assert answer.text.count("edc") == 1
