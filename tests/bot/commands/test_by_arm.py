"""Rules by arm in a study that lives: the board reads, asks and acknowledges; nobody else can tell that it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from prometheus_client import generate_latest
from sqlalchemy import select

from bot import by_arm
from bot.loop import Loop
from bot.slack.blocks import ActionId, Choice
from rules.model import Audience, Urgency
from storage import alerts, allocation, outbox, proof
from storage.allocation import AllocationKey
from storage.heads import lock_head
from storage.schema import audit
from storage.sides import closed_side
from tests.bot.commands.life import START, Life, life
from tests.bot.commands.site import ANY, SERIOUS, Site, event, subjects
from tests.bot.commands.test_blinding import BY_ARM
from tests.storage.make import finding, opening

FOUR = [event(number) for number in (1, 2, 3, 4)]
CLOSED = "#site-dsmb"
KEY = AllocationKey.generate()

ALL_ON_ONE = "X" * 6 + "Y" * 6
ONE_UNKNOWN = "X" * 3 + "-" + "X" * 2 + "Y" * 6
MIXED = "XY" * 6
"""Arms of twelve subjects: the first six share one, one of them has none recorded, every second is on one."""


def treated(deal: str) -> pd.DataFrame:
    """Subjects by the letters of their arms; "-" = not recorded."""
    arms = ["" if arm == "-" else f"Geheim{arm}" for arm in deal]
    return subjects(len(deal)).assign(ACTARMCD=arms)


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of(rules=[SERIOUS, ANY, BY_ARM], slack={"escalate": [{"after": "30 min", "to": "medical_monitor"}]})


@pytest.fixture
def lived(site: Site) -> Iterator[Life]:
    """Monitoring began without events; then four came, all of one arm."""
    with life(site, allocation_key=KEY) as found:
        found.put(event(9), dm=treated(ALL_ON_ONE))
        settled(found)
        found.put(event(9), *FOUR)
        settled(found, hours=1)
        yield found


def settled(found: Life, **later: float) -> None:
    """One cycle, and what the closed side has to say about it."""
    found.cycle(**later)
    drained(found)


def drained(found: Life) -> None:
    closed = found.study.closed
    assert closed is not None
    for _ in range(200):
        by_arm.speak(found.study)
        with found.study.database.reading() as conn:
            if not outbox.counts(conn, closed.id)["pending"]:
                return
    raise AssertionError("messages of the closed side still wait")


def alert_of(found: Life) -> dict[str, Any]:
    (alert,) = [
        m
        for m in found.site.workspace.messages(CLOSED)
        if "by-arm · group" in m["text"] and "STOPPING RULE" in m["text"]
    ]
    return alert


def kinds(found: Life, side: str) -> list[str]:
    with found.study.database.reading() as conn:
        return list(conn.execute(select(audit.c.kind).where(audit.c.study_id == side).order_by(audit.c.seq)).scalars())


def test_the_board_reads_why_acknowledges_and_is_called(lived: Life) -> None:
    """Would catch an alert by group that cannot be opened, answered or escalated, or an answer in the open record."""
    site, mine = lived.site, closed_side("SITE-1")
    before = kinds(lived, "SITE-1")
    settled(lived, minutes=40)
    thread = site.workspace.thread(CLOSED, alert_of(lived)["ts"])
    assert any("NOT ACKNOWLEDGED" in m["text"] and "U0DSMBCHAIR" in m["text"] for m in thread)
    why = site.workspace.click(
        "U0DSMBCHAIR",
        CLOSED,
        alert_of(lived)["ts"],
        ActionId.MENU.value,
        menu_value(alert_of(lived), Choice.WHY),
        settle=1,
    )
    assert "S-001" in json.dumps(why.view, ensure_ascii=False)
    site.workspace.click("U0DSMBCHAIR", CLOSED, alert_of(lived)["ts"], ActionId.ACKNOWLEDGE.value, settle=0.5)
    drained(lived)
    assert "Acknowledged by <@U0DSMBCHAIR>" in json.dumps(alert_of(lived)["blocks"])
    assert kinds(lived, mine)[-2:] == ["closed_content_shown", "response"]
    assert kinds(lived, "SITE-1") == before
    assert "Geheim" not in site.said("closed")


def menu_value(message: dict[str, Any], choice: Choice) -> str:
    elements = [e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"] if "options" in e]
    values = [option["value"] for element in elements for option in element["options"]]
    return next(value for value in values if value.split("|")[0].split(":")[0] == choice.value)


def test_status_tells_the_board_of_groups_and_others_the_same_as_ever(lived: Life) -> None:
    """Would catch an answer to a blinded person that depends on whether a group's alert exists."""
    told = asked(lived, "U0DSMBCHAIR", CLOSED, "status")
    assert "Open: by-arm (group" in told
    assert "Open: any-event" in told
    assert kinds(lived, closed_side("SITE-1"))[-1] == "closed_content_shown"
    questions = [
        (who, "#site-safety", words)
        for who in ("U0INVESTIGATOR", "U0OPERATOR", "U0MONITOR")
        for words in ("status", "status closed", "status ops")
    ]
    answers = [asked(lived, *question) for question in questions]
    assert all("by-arm" not in answer and "group" not in answer for answer in answers)
    lived.put(event(9), *FOUR, dm=treated(MIXED))  # nothing of this is a change that others can see
    before = lived.study.closed
    assert before is not None
    with lived.study.database.writing(before.id) as conn:
        write_nonsense(conn, before.id)
    assert [asked(lived, *question) for question in questions] == answers


def write_nonsense(conn: Any, side: str) -> None:
    """One more alert on the closed side."""
    found = finding("by-arm", "arm:C")
    alerts.write_version(
        conn, lock_head(conn, side), finding=found, transition=opening(), rule_version=1, audience=Audience.CLOSED,
        urgency=Urgency.CRITICAL, at=START,
    )  # fmt: skip


def asked(found: Life, who: str, channel: str, words: str) -> str:
    """What a person is answered, without the numbers of the open record, which their own questions move."""
    done = found.site.workspace.slash(who, channel, "/safety", words, settle=0.6)
    return json.dumps([done.text, [m.get("blocks") for m in done.ephemeral if "Record" not in json.dumps(m)]])


def test_a_killed_cycle_is_judged_by_arm_before_the_source_is_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a crossing of a group that a crash between the two sides, and a correction after it, hide."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with life(site, allocation_key=KEY) as found:
        found.put(event(9), dm=treated(ALL_ON_ONE))
        settled(found)
        found.put(event(9), *FOUR)
        monkeypatch.setattr(by_arm, "look", killed)
        with pytest.raises(Killed):
            found.cycle(hours=1)
        monkeypatch.undo()
        hand = found.hand[0]
    with life(site, hand, allocation_key=KEY) as found:
        found.put(event(9))
        settled(found, hours=1)
        assert "by-arm · group" in found.site.said("closed")
        with found.study.database.reading() as conn:
            assert proof.verify(conn, "SITE-1").ok
            assert proof.verify(conn, closed_side("SITE-1")).ok


def test_a_stranger_in_the_closed_channel_is_told_to_ops_whether_or_not_a_group_crossed(
    site_of: Callable[..., Site],
) -> None:
    """Would catch ops hearing of the channel only when there is something to say there, or of the message."""
    said = {}
    for name, deal in {"crossed": ALL_ON_ONE, "not": MIXED}.items():
        site = site_of(name, rules=[SERIOUS, ANY, BY_ARM])
        with life(site, allocation_key=KEY) as found:
            found.put(event(9), dm=treated(deal))
            settled(found)
            channel = site.workspace.workspace.channel(CLOSED)
            channel.members.append("U0INVESTIGATOR")
            found.study.delivery.troubles._probe_at = by_arm_epoch()  # type: ignore[union-attr]
            found.put(event(9), *FOUR)
            found.cycle(hours=1)
            by_arm.speak(found.study)
            found.settle()
            said[name] = [m["text"] for m in site.messages("ops")]
            with found.study.database.reading() as conn:
                held = outbox.counts(conn, closed_side("SITE-1"))["held"]
                assert outbox.counts(conn, "SITE-1")["held"] == 0
            assert held == (1 if name == "crossed" else 0)
            channel.members.remove("U0INVESTIGATOR")
            found.study.closed.delivery.troubles._by_lane.clear()  # type: ignore[union-attr]
            drained(found)
    assert said["crossed"] == said["not"]
    assert any("CLOSED CHANNEL BLOCKED" in text for text in said["crossed"])


def by_arm_epoch() -> Any:
    from bot.slack.troubles import EPOCH

    return EPOCH


def test_health_and_metrics_are_the_same_whether_or_not_a_group_crossed(site_of: Callable[..., Site]) -> None:
    """Would catch a counter, gauge or readiness in which messages or evaluations of the closed side are counted."""
    shown = {}
    for name, deal in {"crossed": ALL_ON_ONE, "not": MIXED}.items():
        site = site_of(name, rules=[SERIOUS, ANY, BY_ARM])
        with life(site, allocation_key=KEY) as found:
            loop = Loop([found.study])
            for rows in ([event(9)], [event(9), *FOUR], [event(9), *FOUR, event(6)]):
                found.put(*rows, dm=treated(deal))
                found.hand[0] += timedelta(hours=1)
                loop._turn(found.study)
                found.settle()
                drained(found)
            loop._turn(found.study)
            metrics = generate_latest(loop.health.metrics.registry).decode()
            lines = [
                line for line in metrics.splitlines() if "_created" not in line and "last_complete_poll" not in line
            ]
            shown[name] = (lines, loop.readiness(found.study.clock.wall()).problems())
            assert ("STOPPING RULE" in site.said("closed").upper()) == (name == "crossed")
    assert shown["crossed"] == shown["not"]
    assert any("dsmbot_evaluations_total" in line for line in shown["crossed"][0])


def test_another_key_is_told_to_the_board_and_the_right_one_goes_on(site: Site) -> None:
    """Would catch a wrong key that stops the open side, that ops hears of, or after which groups are not judged."""
    with life(site, allocation_key=KEY) as found:
        found.put(event(9), dm=treated(ALL_ON_ONE))
        settled(found)
        hand, ops = found.hand[0], found.site.messages("ops")
    with life(site, hand, allocation_key=AllocationKey.generate()) as found:
        found.put(event(9), *FOUR)
        settled(found, hours=1)
        assert "does not open the stored allocation" in found.site.said("closed")
        assert found.site.messages("ops") == ops
        hand = found.hand[0]
    with life(site, hand, allocation_key=KEY) as found:
        settled(found, hours=1)
        assert "STOPPING RULE" in found.site.said("closed").upper()
        assert found.site.messages("ops") == ops


def test_a_dosed_subject_without_an_arm_may_be_of_any_group_and_is_counted_in_the_note(site: Site) -> None:
    with life(site, allocation_key=KEY) as found:
        found.put(event(9), dm=treated(ONE_UNKNOWN))
        settled(found)
        found.put(event(9), *FOUR)
        settled(found, days=1)
        said = found.site.said("closed")
        assert "1 dosed subject has no arm on record; each may belong to any group." in said
        assert "would be crossed" in said.lower()


def test_a_rule_may_not_change_sides(site: Site) -> None:
    with life(site, allocation_key=KEY) as found:
        found.put(event(9), dm=treated(ALL_ON_ONE))
        settled(found)
    pooled = {name: value for name, value in BY_ARM.items() if name != "per"}
    site.configure(rules=[SERIOUS, ANY, pooled])
    refused = site.run("poll")
    assert refused.code == 2
    assert "was judged by arm before" in refused.err
    site.configure(rules=[SERIOUS, ANY])
    gone = site.run("poll")
    assert gone.code == 2
    assert "by-arm" in gone.err


def test_a_fault_of_the_closed_side_is_told_there_and_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("GeheimX")

    with life(site, allocation_key=KEY) as found:
        monkeypatch.setattr(by_arm, "masked_groups", fails)
        found.put(event(9), dm=treated(ALL_ON_ONE))
        settled(found)
        assert "fault of the program (ZeroDivisionError)" in found.site.said("closed")
        assert "GeheimX" not in found.site.said("closed") + found.site.said("ops")
        assert "fault" not in found.site.said("ops")


def test_arms_never_enter_a_blinded_snapshot(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a replay, or the open cycle, that reads the allocation."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError("the allocation was read")

    monkeypatch.setattr(allocation, "read", read)
    monkeypatch.setattr("storage.groups.history", read)
    replayed = lived.site.run("replay", "--json", DSMBOT_ALLOCATION_KEY=KEY)
    assert replayed.code == 0
    assert "by-arm" not in replayed.out
