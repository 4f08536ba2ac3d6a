"""Closed content fails closed: what is unknown about a channel, or wrong with it, keeps it out."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.slack.directory import ChannelFacts, Directory, Identity
from bot.slack.membership import judge, roster
from bot.workspace import people as cast
from rules.model import Audience, Reason
from storage.outbox_rows import Status
from tests.bot.slack.bench import CHANNELS, START, Bench, bench, crossed, slack_block

BOT = Identity("U0BOT", "B0BOT", "T0")
GOOD = ChannelFacts("C1", "x", True, False, False, False, True, (cast.DSMB_MEMBER, "U0BOT"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"private": None}, "whether it is private"),
        ({"ext_shared": None}, "whether another organisation reads along"),
        ({"org_shared": None}, "shared across the organisation"),
        ({"members": None}, "who is in it"),
        ({"private": False}, "public"),
        ({"ext_shared": True}, "shared beyond the workspace"),
        ({"org_shared": True}, "shared beyond the workspace"),
        ({"members": (cast.DSMB_MEMBER, "U0BOT", "U0X")}, "not on the roster: U0X"),
        ({"members": (cast.INVESTIGATOR,)}, "not on the roster"),
        ({"members": tuple(f"U{i}" for i in range(9))}, "showing 5 of 9"),
    ],
)
def test_a_doubt_about_a_closed_channel_refuses_and_says_why(change: dict[str, object], says: str) -> None:
    """Would catch a missing flag read as 'not shared', and a refusal that nobody can act on."""
    verdict = judge(replace(GOOD, **change), Audience.CLOSED, slack_block(), BOT)  # type: ignore[arg-type]
    assert not verdict.allowed
    assert says in verdict.reason
    assert verdict.fix


def test_a_channel_in_order_is_allowed_and_each_audience_has_its_own_roster() -> None:
    """Would catch a pharmacist let into the board's channel by a roster they share."""
    assert judge(GOOD, Audience.CLOSED, slack_block(), BOT).allowed
    assert not judge(GOOD, Audience.PHARMACY, slack_block(), BOT).allowed
    assert roster(Audience.CLOSED, slack_block()) == {cast.DSMB_MEMBER}
    assert roster(Audience.PHARMACY, slack_block()) == {cast.PHARMACIST}


def test_open_channels_are_tolerant_and_ops_must_not_be_shared() -> None:
    """Would catch an alert held because a server says little, and faults of the study told to another organisation."""
    unknown = ChannelFacts("C1")
    assert judge(unknown, Audience.OPEN, slack_block(), BOT).allowed
    assert judge(unknown, Audience.OPS, slack_block(), BOT).allowed
    assert not judge(replace(unknown, ext_shared=True), Audience.OPS, slack_block(), BOT).allowed


@pytest.mark.parametrize("audience", [Audience.CLOSED, Audience.PHARMACY])
def test_a_stranger_in_the_channel_holds_the_post_and_ops_learns_whom(slack: Bench, audience: Audience) -> None:
    """Would catch a closed alert read by the one person who must stay blinded; and delivery resumes when they leave."""
    channel = slack.workspace.channel(CHANNELS[audience])
    channel.members.append(cast.INVESTIGATOR)
    key = slack.alert(audience=audience)
    slack.run_for(20)
    assert slack.posts(audience) == []
    assert slack.item(key).status is Status.HELD
    [told] = slack.posts("ops")
    assert "Closed channel blocked" in json.dumps(told)
    assert cast.INVESTIGATOR in told["text"]
    assert "events among" not in json.dumps(told)
    channel.members.remove(cast.INVESTIGATOR)
    slack.run_for(70, step=5)
    assert slack.item(key).status is Status.SENT
    assert "Closed channel released" in json.dumps(slack.posts("ops")[-1])


def test_the_audience_is_checked_before_an_edit_and_a_reply_too(slack: Bench) -> None:
    """Would catch a check at the first post only."""
    key = slack.alert(audience=Audience.CLOSED)
    slack.run()
    before = slack.posts("closed")
    slack.workspace.channel(CHANNELS["closed"]).is_ext_shared = True
    change = slack.alert(crossed(5), audience=Audience.CLOSED, reason=Reason.WORSENED, opens=False)
    slack.run_for(20)
    assert slack.posts("closed") == before
    assert slack.item(change).status is Status.HELD
    assert slack.item(key).rendered_version == 1


@pytest.mark.parametrize(
    ("method", "error"),
    list(itertools.product(["conversations.info", "conversations.members"], ["internal_error", "missing_scope"])),
)
def test_when_slack_cannot_be_asked_a_closed_post_waits(slack: Bench, method: str, error: str) -> None:
    """Would catch a lookup that fails open."""
    slack.running.faults.api_error(error, -1, methods=[method])
    key = slack.alert(audience=Audience.CLOSED)
    slack.run_for(10)
    assert slack.posts("closed") == []
    slack.running.faults.clear()
    slack.run_for(130, step=5)
    assert slack.item(key).status is Status.SENT


def test_names_become_ids_over_several_pages_and_members_too(slack: Bench) -> None:
    """Would catch a large workspace whose channel is on page two, or a stranger on page two of the members."""
    directory = Directory(slack.client())
    real = slack.workspace.channel(CHANNELS["open"]).id
    assert directory.channel_id(CHANNELS["open"], START) == real
    assert directory.channel_id("C0GIVEN", START) == "C0GIVEN"
    assert directory.channel_id("#nowhere", START) == "#nowhere"
    facts, _ = directory.facts(real, with_members=True)
    assert cast.INVESTIGATOR in (facts.members or ())
    assert (facts.private, facts.ext_shared, facts.member) == (False, False, True)
    assert directory.identity().user_id == cast.BOT_USER_ID


def test_who_wrote_a_message() -> None:
    """Would catch another bot's message with a copied key being adopted."""
    assert BOT.wrote({"user": "U0BOT"})
    assert BOT.wrote({"bot_id": "B0BOT"})
    assert not BOT.wrote({"user": "U0OTHER", "bot_id": "B0OTHER"})
    assert BOT.wrote({})
    assert Identity().wrote({"user": "U0OTHER"})


def test_an_account_that_slack_does_not_explain_stays_unknown(slack: Bench) -> None:
    """Would catch a failed lookup read as 'no guest'."""
    directory = Directory(slack.client())
    known = directory.account(cast.INVESTIGATOR)
    assert (known.team_id, known.own_team, known.restricted) == (cast.TEAM_ID, cast.TEAM_ID, False)
    slack.running.faults.api_error("internal_error", methods=["users.info"])
    assert directory.account(cast.INVESTIGATOR).restricted is None


def test_a_message_of_somebody_else_with_our_key_is_not_adopted(tmp_path: Path) -> None:
    """Would catch a person who copies a block_id and so silences an alert."""
    with bench(tmp_path) as slack:
        slack.running.faults.server_error()
        key = slack.alert()
        slack.run()
        from bot.workspace.store import Message

        store = slack.workspace.store
        channel = slack.workspace.channel(CHANNELS["open"]).id
        block = {"type": "section", "block_id": key, "text": {"type": "mrkdwn", "text": "x"}}
        store.add(Message(channel, store.next_ts(), cast.INVESTIGATOR, "x", blocks=[block]))
        slack.run_for(70, step=5)
        assert len([p for p in slack.posts() if p.get("metadata")]) == 1
