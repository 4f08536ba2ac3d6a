"""Covers and handovers, typed and clicked over a real socket: who is called, who may act, what is refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.acting import duty
from bot.acting.actions import By, Effect
from bot.slack.blocks import ActionId
from bot.wording import replies
from bot.workspace.people import Person
from storage import alerts, duties, outbox
from tests.bot.commands.asked import ROWS, asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import CHANNELS, Site, event
from tests.bot.commands.test_asking import BOARD, DOCTOR, NURSE, OPS, ROLES, ask, audited

MONITOR, SECOND = "U0MONITOR", "U0PHARMACIST"
STEPS = [{"after": "30 min", "to": "medical_monitor"}, {"after": "2 h", "to": "investigator"}]


@pytest.fixture
def living(site_of: Callable[..., Site]) -> Iterator[Life]:
    with life(asked_site(site_of, slack={"roles": ROLES, "escalate": STEPS})) as found:
        records(found)
        yield found


def said(living: Life, channel: str, words: str) -> list[dict[str, Any]]:
    """Messages of a channel and their replies that hold some words, oldest first."""
    living.settle()
    return [m for m in living.site.messages(channel) if words in m["text"]]


def serious(living: Life) -> dict[str, Any]:
    """The parent message of the serious event."""
    living.settle()
    for message in living.site.workspace.messages(CHANNELS["open"]):
        pressed = [e.get("action_id") for b in message["blocks"] for e in b.get("elements", ())]
        if ActionId.ACKNOWLEDGE.value in pressed:
            return message
    raise AssertionError("no alert waits for an answer")


def stands(living: Life) -> Any:
    with living.study.database.reading() as conn:
        (found,) = [a for a in alerts.open_alerts(conn, "SITE-1") if a.rule_id == "related-serious"]
        return found


def test_who_covers_is_called_beside_the_absent_one_and_may_acknowledge_for_them(living: Life) -> None:
    """Would catch a cover that nobody is told of, that calls nobody, that allows nothing, or that is not recorded."""
    before = living.site.workspace.click(
        NURSE, CHANNELS["open"], serious(living)["ts"], ActionId.ACKNOWLEDGE.value, settle=8
    )
    assert before.ephemeral[-1]["text"] == replies.MAY_NOT
    told = ask(living, DOCTOR, f"cover <@{NURSE}|nurse> until 2026-05-20")
    assert told.startswith(f"<@{NURSE}> covers for you until the end of Wed 20 May 2026")
    (posted,) = said(living, "open", "covers for")
    assert f"<@{NURSE}> covers for <@{DOCTOR}> until the end of Wed 20 May 2026" in posted["text"]
    assert f"On cover: <@{NURSE}> for <@{DOCTOR}> until Wed 20 May 2026" in ask(living, DOCTOR, "status")
    living.cycle(hours=3)
    calls = said(living, "open", "NOT ACKNOWLEDGED")
    assert [f"<@{NURSE}>" in call["text"] for call in calls[:2]] == [False, True]
    assert f"<@{DOCTOR}> <@{NURSE}>" in calls[1]["text"]
    living.put(*_more(), dm=None)
    living.cycle()
    assert said(living, "open", f"<@{DOCTOR}> <@{NURSE}>, please")
    living.site.workspace.click(NURSE, CHANNELS["open"], serious(living)["ts"], ActionId.ACKNOWLEDGE.value, settle=8)
    assert said(living, "open", f"{DOCTOR}>'s to answer, for whom they stand in")
    entries = [e.body for e in audited(living, "response")]
    assert [(e["kind"], e.get("covering_for")) for e in entries] == [("acknowledged", DOCTOR)]
    assert [(e.body["kind"], e.body["person"]) for e in audited(living, "duty")] == [("cover", NURSE)]
    assert living.site.run("audit", "verify").code in (0, 2)


def _more() -> list[dict[str, str]]:
    return [*ROWS, event(4, 1, AEDECOD="Syncope", AESER="Y", AEREL="RELATED", AESTDTC="2026-02-09")]


def test_a_cover_ends_with_its_day_in_the_study_s_zone_or_when_it_is_called_off(living: Life) -> None:
    """Would catch a cover that lets somebody act who is no longer asked to."""
    ask(living, DOCTOR, f"cover {NURSE} until 2026-05-14")
    assert "On cover" in ask(living, DOCTOR, "status")
    living.hand[0] = living.hand[0].replace(hour=23, minute=59)
    assert "On cover" in ask(living, DOCTOR, "status")
    living.cycle(minutes=1)
    assert "On cover" not in ask(living, DOCTOR, "status")
    assert "Nobody covers for you" in ask(living, DOCTOR, "cover off")
    ask(living, DOCTOR, f"cover {NURSE} until 2026-05-16")
    assert "no longer covers for you" in ask(living, DOCTOR, "cover off")
    assert "On cover" not in ask(living, DOCTOR, "status")
    assert said(living, "open", "is back")
    press = living.site.workspace.click(
        NURSE, CHANNELS["open"], serious(living)["ts"], ActionId.ACKNOWLEDGE.value, settle=8
    )
    assert press.ephemeral[-1]["text"] == replies.MAY_NOT


@pytest.mark.parametrize(
    ("who", "typed", "told"),
    [
        (DOCTOR, "cover", "Write it so: `/safety cover @person until 2026-05-31`"),
        (DOCTOR, f"cover {NURSE} until 2026-05-13", "2026-05-13 is in the past"),
        (DOCTOR, f"cover {NURSE} until 2026-07-14", "more than 60 days away; the latest is 2026-07-13"),
        (DOCTOR, f"cover {NURSE} until 2026-06-31", "Did you mean 2026-06-30?"),
        (DOCTOR, f"cover {NURSE} until 20.5.2026", "Did you mean 2026-05-20?"),
        (DOCTOR, f"cover {NURSE} until soon", "“soon” is no date that I know"),
        (DOCTOR, "cover U0COORDINATR until 2026-05-20", "Did you mean U0COORDINATOR?"),
        (DOCTOR, "cover <@U0STRANGER|x> until 2026-05-20", "I know no person on the roster “U0STRANGER”"),
        (DOCTOR, f"cover {DOCTOR} until 2026-05-20", "That is you"),
        (DOCTOR, f"cover <@{BOARD}> until 2026-05-20", "other side of the blinding"),
        (BOARD, f"cover <@{DOCTOR}> until 2026-05-20", "other side of the blinding"),
        (SECOND, f"cover <@{DOCTOR}> until 2026-05-20", "may not read what you answer for"),
        (DOCTOR, f"handover {MONITOR}", "No open alert is assigned to you or acknowledged by you"),
        (DOCTOR, "handover", "Write it so: `/safety handover @person`"),
        ("U0STRANGER", f"cover {NURSE} until 2026-05-20", replies.OFF_ROSTER),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_kept(living: Life, who: str, typed: str, told: str) -> None:
    """Would catch a cover across the blinding, one without an end, or a typing error that covers with a stranger."""
    space = living.site.workspace.workspace
    space.directory.people["U0STRANGER"] = Person("U0STRANGER", "Somebody", "visitor")
    for channel in space.directory.channels.values():
        channel.members.append("U0STRANGER")
    assert told in ask(living, who, typed)
    with living.study.database.reading() as conn:
        assert duties.duties(conn, "SITE-1") == []


def test_a_deactivated_person_cannot_cover_and_a_name_will_do(living: Life) -> None:
    """Would catch a cover by who receives nothing, or a person who can only be named by an id that nobody knows."""
    space = living.site.workspace.workspace
    name = space.directory.people[MONITOR].name
    assert f"<@{MONITOR}> covers for you" in ask(living, DOCTOR, f"cover {name} until 2026-05-20")
    space.directory.people[NURSE] = replace(space.directory.people[NURSE], deleted=True)
    assert "is deactivated in Slack" in ask(living, DOCTOR, f"cover {NURSE} until 2026-05-20")


def test_alerts_are_handed_over_when_the_other_person_accepts_once(living: Life) -> None:
    """Would catch a duty that is passed on to who has not agreed, by who was not asked, or twice."""
    living.press(DOCTOR, serious(living), ActionId.ACKNOWLEDGE)
    assert "may not follow up" in ask(living, DOCTOR, f"handover <@{OPS}>")
    assert f"<@{MONITOR}> is asked to take over 1 open alert" in ask(living, DOCTOR, f"handover <@{MONITOR}>")
    (asked,) = said(living, "open", "Handover")
    assert f"<@{MONITOR}>, <@{DOCTOR}> asks you to take over 1 open alert" in asked["text"]
    assert "related-serious · no." in asked["text"]
    assert stands(living).assignee is None
    press = living.press(NURSE, asked, ActionId.TAKE_OVER)
    assert f"Only <@{MONITOR}> can accept" in press.ephemeral[-1]["text"]
    assert stands(living).assignee is None
    press = living.press(MONITOR, asked, ActionId.TAKE_OVER)
    assert "You took over 1 open alert" in press.ephemeral[-1]["text"]
    with living.study.database.writing("SITE-1") as conn:
        row = duties.duties(conn, "SITE-1")[0]
        item = outbox.find(conn, row.about)
        assert item is not None
        late = By(MONITOR, "T0PRACTICE", living.hand[0], "another-click")
        assert duty.take_over(conn, item, late, living.study.voice.setting).effect is Effect.ALREADY_ACCEPTED
    assert stands(living).assignee == MONITOR
    assert len(said(living, "open", f"<@{MONITOR}> took this over from <@{DOCTOR}>")) == 1
    (after,) = said(living, "open", "Handover accepted")
    assert not [b for b in after["blocks"] if b["type"] == "actions"]
    kinds = [(e.body["kind"], e.actor.rpartition("/")[2]) for e in audited(living, "duty")]
    assert kinds == [("handover", DOCTOR), ("handover_accepted", MONITOR)]
