"""Clicks and commands through Bolt: kept before they are acknowledged, applied once, told in private, audited."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from sqlalchemy import Connection, select

from bot.acting.actions import Effect
from bot.slack.desk import Desk
from bot.slack.handlers import register
from bot.views import StatusContent
from bot.wording import replies
from bot.workspace import people as cast
from rules.model import Audience, Urgency
from storage import inbox
from storage.errors import DatabaseUnavailable
from storage.schema import audit, response
from storage.schema import inbox as inbox_table
from tests.bot.slack.bench import CHANNELS, STUDY, Bench, crossed, slack_block


def status_of(conn: Connection, study_id: str, audience: Audience, now: datetime) -> StatusContent:
    assert study_id == STUDY
    return StatusContent(audience, now, problems=(f"facts for {audience.value} readers",), evaluated_at=now)


@dataclass
class Front:
    """A Bolt app in front of a bench."""

    bench: Bench
    app: App
    desk: Desk

    def dispatch(self, body: dict[str, Any]) -> int:
        return self.app.dispatch(BoltRequest(mode="socket_mode", body=body)).status

    def action(
        self, user: str, key: str, action_id: str, value: str = "", *, at: str = "1.1", channel: str = "open"
    ) -> dict[str, Any]:
        item = self.bench.item(key)
        where = self.bench.workspace.channel(CHANNELS[channel])
        chosen = {"value": value} if action_id != "dsmbot_menu" else {"selected_option": {"value": value}}
        return {
            "type": "block_actions", "team": {"id": cast.TEAM_ID}, "user": {"id": user, "team_id": cast.TEAM_ID},
            "channel": {"id": where.id}, "message": {"ts": item.ts}, "trigger_id": f"t{at}", "api_app_id": "A1",
            "actions": [{"type": "button", "action_id": action_id, "action_ts": at, "block_id": "b", **chosen}],
        }  # fmt: skip

    def acknowledge(self, user: str, key: str, *, at: str = "1.1", channel: str = "open", basis: str = "f00d") -> int:
        return self.dispatch(self.action(user, key, "dsmbot_acknowledge", f"{key}|1|{basis}", at=at, channel=channel))

    def choose(self, user: str, key: str, choice: str, *, at: str = "2.1") -> int:
        return self.dispatch(self.action(user, key, "dsmbot_menu", f"{choice}|{key}|1", at=at))

    def command(self, user: str, text: str, channel: str = "open", *, name: str = "/safety", trigger: str = "") -> int:
        where = CHANNELS.get(channel, channel)
        channel_id = self.bench.workspace.channel(where).id if where.startswith("#") else where
        return self.dispatch(
            {"command": name, "text": text, "user_id": user, "team_id": cast.TEAM_ID, "channel_id": channel_id,
             "trigger_id": trigger or f"{user}{text}{channel}", "api_app_id": "A1"}
        )  # fmt: skip

    def told(self, user: str) -> list[str]:
        """What a person was told in private, oldest first."""
        return [message["text"] for message in self.bench.workspace.ephemeral(user)]

    def responses(self) -> list[tuple[str, str, str]]:
        with self.bench.db.reading() as conn:
            rows = conn.execute(select(response).order_by(response.c.response_id)).all()
        return [(row.kind, row.user_id, row.basis) for row in rows]

    def outcomes(self) -> list[str]:
        with self.bench.db.reading() as conn:
            return list(conn.execute(select(inbox_table.c.outcome).order_by(inbox_table.c.received_at)).scalars())

    def line(self, key: str) -> str:
        """The line of an alert that says who has seen it, after delivery ran."""
        self.bench.run_for(6)
        [post] = [p for p in self.bench.posts() if p["ts"] == self.bench.item(key).ts]
        return next(
            b["text"]["text"] for b in post["blocks"] if b.get("text", {}).get("text", "").startswith(("○", "●"))
        )


@pytest.fixture
def front(slack: Bench) -> Front:
    client = slack.client(timeout=5)

    def authorised(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id=cast.TEAM_ID, bot_user_id=cast.BOT_USER_ID, bot_token=slack.running.bot_token
        )

    app = App(client=client, signing_secret="s", authorize=authorised, process_before_response=False)
    desk = Desk(slack.db, client, {STUDY: slack.voice}, status_of, lambda: slack.now, slack.delivery.wake)
    register(app, desk)
    return Front(slack, app, desk)


@pytest.fixture
def alerted(front: Front) -> tuple[Front, str]:
    key = front.bench.alert()
    front.bench.run()
    front.bench.advance(360)
    return front, key


def settle(front: Front, true: Callable[[], Any]) -> None:
    """Listeners go on in a thread of their own after the envelope is acknowledged."""
    assert front.bench.workspace.wait_for(true, 5)


def test_an_acknowledgement_is_recorded_shown_to_everyone_and_audited_with_what_was_looked_at(
    alerted: tuple[Front, str],
) -> None:
    """Would catch a click that changes nothing for the others, or is recorded against another finding."""
    front, key = alerted
    assert front.acknowledge(cast.INVESTIGATOR, key, basis="beef") == 200
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.responses() == [("acknowledged", cast.INVESTIGATOR, "beef")]
    assert front.bench.delivery.wake.is_set()
    assert (
        front.line(key)
        == f"● Acknowledged by <@{cast.INVESTIGATOR}> 09:06 · decision still open · updated 09:06 CDT (UTC−5)"
    )
    with front.bench.db.reading() as conn:
        entry = conn.execute(select(audit).where(audit.c.kind == "response")).one()
    assert (entry.actor, entry.body["basis"]) == (f"user:{cast.TEAM_ID}/{cast.INVESTIGATOR}", "beef")
    assert front.told(cast.INVESTIGATOR)[0].startswith("Acknowledged 09:06")


def test_the_click_is_committed_before_the_envelope_is_acknowledged(
    alerted: tuple[Front, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a click lost by a crash right after `ack()`, which Slack does not deliver again."""
    front, key = alerted
    monkeypatch.setattr(front.desk, "apply", lambda *_, **__: None)
    assert front.acknowledge(cast.INVESTIGATOR, key) == 200
    with front.bench.db.reading() as conn:
        [left] = inbox.unapplied(conn)
    assert left.payload["act"] == "acknowledge"
    assert "trigger_id" not in left.payload


def test_a_click_that_cannot_be_kept_is_not_acknowledged(
    alerted: tuple[Front, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a person who believes that a click counted which nobody has."""
    front, key = alerted

    def locked(*_: Any, **__: Any) -> bool:
        raise DatabaseUnavailable("locked", where="x", fix="y")

    monkeypatch.setattr("bot.slack.desk.inbox.receive", locked)
    assert front.acknowledge(cast.INVESTIGATOR, key) == 500


@pytest.mark.parametrize("put_back", [timedelta(0), timedelta(minutes=45)])
def test_what_a_crash_left_is_applied_at_the_next_start_once(
    alerted: tuple[Front, str], monkeypatch: pytest.MonkeyPatch, put_back: timedelta
) -> None:
    """Would catch an acknowledged envelope whose click is forgotten, waits for a clock put back, or applies twice."""
    front, key = alerted
    with monkeypatch.context() as dies:
        dies.setattr(front.desk, "apply", lambda *_, **__: None)
        front.acknowledge(cast.INVESTIGATOR, key)
    now = front.desk.clock()
    monkeypatch.setattr(front.desk, "clock", lambda: now - put_back)
    assert front.desk.catch_up() == 1
    assert front.desk.catch_up() == 0
    assert len(front.responses()) == 1
    assert "Acknowledged by" in front.line(key)


def test_redelivery_and_double_clicks_change_nothing(alerted: tuple[Front, str]) -> None:
    """Would catch two acknowledgements for one click, and two answers."""
    front, key = alerted
    for at in ("1.1", "1.1", "1.2"):
        front.acknowledge(cast.INVESTIGATOR, key, at=at)
    settle(front, lambda: len(front.told(cast.INVESTIGATOR)) == 2)
    assert len(front.responses()) == 1
    assert front.told(cast.INVESTIGATOR)[1].startswith(f"Already acknowledged by <@{cast.INVESTIGATOR}> 09:06")
    assert sorted(front.outcomes()) == [Effect.ACKNOWLEDGED, Effect.ALREADY_ACKNOWLEDGED]


def test_the_second_person_is_told_who_was_first(alerted: tuple[Front, str]) -> None:
    """Would catch an acknowledgement that silently changes hands."""
    front, key = alerted
    front.acknowledge(cast.INVESTIGATOR, key)
    settle(front, front.responses)
    front.acknowledge(cast.MEDICAL_MONITOR, key, at="1.2")
    settle(front, lambda: front.told(cast.MEDICAL_MONITOR))
    assert front.told(cast.MEDICAL_MONITOR)[0].startswith(f"Already acknowledged by <@{cast.INVESTIGATOR}>")
    assert len(front.responses()) == 1


def test_a_mistake_is_withdrawn_by_the_person_who_made_it_and_stays_recorded(alerted: tuple[Front, str]) -> None:
    """Would catch a mistaken click that silences an alert for good, or one that vanishes from the record."""
    front, key = alerted
    front.choose(cast.INVESTIGATOR, key, "withdraw", at="0.9")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.told(cast.INVESTIGATOR)[0].startswith("There is no acknowledgement to withdraw.")
    front.acknowledge(cast.INVESTIGATOR, key)
    settle(front, front.responses)
    front.choose(cast.MEDICAL_MONITOR, key, "withdraw")
    settle(front, lambda: front.told(cast.MEDICAL_MONITOR))
    assert front.told(cast.MEDICAL_MONITOR)[0].startswith(f"Only <@{cast.INVESTIGATOR}>")
    front.choose(cast.INVESTIGATOR, key, "withdraw")
    settle(front, lambda: len(front.responses()) == 2)
    assert [r[0] for r in front.responses()] == ["acknowledged", "acknowledgement_withdrawn"]
    line = front.line(key)
    assert line.startswith(f"○ Not acknowledged · <@{cast.INVESTIGATOR}> acknowledged by mistake, withdrawn")
    assert "the medical monitor is called at 09:36" in line
    front.acknowledge(cast.MEDICAL_MONITOR, key, at="5.1")
    settle(front, lambda: len(front.responses()) == 3)


@pytest.mark.parametrize("who", [cast.PHARMACIST, cast.DSMB_MEMBER, cast.OPERATOR, "U0NOBODY"])
def test_a_click_without_the_right_changes_nothing_is_told_and_audited(alerted: tuple[Front, str], who: str) -> None:
    """Would catch a bystander who stops the escalation to the physician."""
    front, key = alerted
    front.acknowledge(who, key)
    settle(front, lambda: Effect.REFUSED in front.outcomes())
    assert front.responses() == []
    assert "refused" in front.bench.audited()
    if who != "U0NOBODY":
        settle(front, lambda: front.told(who))
        assert front.told(who) == [replies.MAY_NOT]


@pytest.mark.parametrize(
    "change",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"deleted": True},
        {"team_id": "T0X"},
    ],
)
def test_a_doubtful_account_is_looked_up_at_the_click(alerted: tuple[Front, str], change: dict[str, Any]) -> None:
    """Would catch a roster that outlives a contract: the account is judged when it clicks."""
    front, key = alerted
    known = front.bench.workspace.directory.people
    known[cast.INVESTIGATOR] = replace(known[cast.INVESTIGATOR], **change)
    front.acknowledge(cast.INVESTIGATOR, key)
    settle(front, lambda: Effect.REFUSED in front.outcomes())
    assert front.responses() == []


def test_a_closed_alert_is_acknowledged_by_the_board_and_refused_without_a_word_to_others(front: Front) -> None:
    """Would catch closed content confirmed to somebody who merely guessed a key."""
    key = front.bench.alert(audience=Audience.CLOSED, urgency=Urgency.URGENT)
    front.bench.run()
    front.acknowledge(cast.INVESTIGATOR, key)
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.told(cast.INVESTIGATOR) == [replies.OFF_ROSTER]
    front.acknowledge(cast.DSMB_MEMBER, key, at="1.2", channel="closed")
    settle(front, front.responses)
    assert front.responses()[0][1] == cast.DSMB_MEMBER


def test_a_click_on_something_unknown_is_answered_and_finished(alerted: tuple[Front, str]) -> None:
    """Would catch a click that is tried again at every start."""
    front, key = alerted
    body = front.action(cast.INVESTIGATOR, key, "dsmbot_acknowledge", "no-such-key|1|x")
    front.dispatch(body)
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.told(cast.INVESTIGATOR) == [replies.UNKNOWN_ALERT]
    assert front.desk.catch_up() == 0


def test_why_opens_a_modal_and_says_it_in_private_where_none_can_be_opened(alerted: tuple[Front, str]) -> None:
    """Would catch an alert that cannot say why it fired."""
    front, key = alerted
    front.bench.running.faults.api_error("expired_trigger_id", methods=["views.open"])
    front.choose(cast.INVESTIGATOR, key, "why")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    said = front.told(cast.INVESTIGATOR)[0]
    assert "*Counted: 4*" in said
    assert "still in follow-up" in said
    assert front.outcomes() == [Effect.SHOWN]
    assert "closed_content_shown" not in front.bench.audited()


def test_status_is_answered_for_what_the_person_may_read_here(front: Front) -> None:
    """Would catch closed facts in an open channel, and a refused role that is answered."""
    front.command(cast.INVESTIGATOR, "status")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert "facts for open readers" in front.told(cast.INVESTIGATOR)[0]
    front.command(cast.DSMB_MEMBER, "status")
    settle(front, lambda: front.told(cast.DSMB_MEMBER))
    assert "facts for open readers" in front.told(cast.DSMB_MEMBER)[0]
    assert "closed_content_shown" not in front.bench.audited()
    front.command(cast.DSMB_MEMBER, "status", "closed")
    settle(front, lambda: len(front.told(cast.DSMB_MEMBER)) == 2)
    assert "facts for closed readers" in front.told(cast.DSMB_MEMBER)[1]
    assert "closed_content_shown" in front.bench.audited()


def test_in_a_direct_message_the_board_gets_the_closed_status_and_the_others_theirs(front: Front) -> None:
    """Would catch a private question answered with less, or with more, than the person may read."""
    for who, reads in ((cast.DSMB_MEMBER, "closed"), (cast.INVESTIGATOR, "open"), (cast.OPERATOR, "open")):
        im = front.bench.workspace.directory.open_im(who).id
        front.command(who, "status", im)
        settle(front, lambda who=who: front.told(who))
        assert f"facts for {reads} readers" in front.told(who)[0]


def test_a_closed_request_off_the_roster_or_in_the_wrong_place_shows_nothing(front: Front) -> None:
    """The refusals of the plan, word for word, and the request recorded."""
    front.command(cast.INVESTIGATOR, "status closed")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.told(cast.INVESTIGATOR) == [replies.OFF_ROSTER]
    front.command(cast.DSMB_MEMBER, "status closed")
    settle(front, lambda: front.told(cast.DSMB_MEMBER))
    assert front.told(cast.DSMB_MEMBER) == [replies.WRONG_PLACE]
    assert front.bench.audited().count("refused") == 1


def test_a_closed_request_in_a_blocked_channel_shows_nothing(front: Front) -> None:
    """Would catch closed facts shown where somebody off the roster may look over a shoulder."""
    front.bench.workspace.channel(CHANNELS["closed"]).members.append(cast.INVESTIGATOR)
    front.command(cast.DSMB_MEMBER, "status", "closed")
    settle(front, lambda: front.told(cast.DSMB_MEMBER))
    assert front.told(cast.DSMB_MEMBER) == [replies.BLOCKED_CHANNEL]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "Type /safety-calc and one of these:\n• *status*:"),
        ("help", "Type /safety-calc and one of these:\n• *status*:"),
        ("statsu", "I don't know 'statsu'. Did you mean /safety-calc status?"),
        ("status clsed", "Did you mean /safety-calc status closed?"),
        ("<!channel>", "I don't know '&lt;!channel&gt;'."),
    ],
)
def test_an_unknown_word_gets_the_nearest_right_one(front: Front, text: str, answer: str) -> None:
    """Would catch a dead end, and a word that comes back as a mention."""
    front.command(cast.INVESTIGATOR, text, name="/safety-calc")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert answer in front.told(cast.INVESTIGATOR)[0]


def test_a_command_delivered_again_is_answered_once(front: Front) -> None:
    """Would catch an answer for every redelivery."""
    for _ in range(3):
        front.command(cast.INVESTIGATOR, "status", trigger="7")
    settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert len(front.told(cast.INVESTIGATOR)) == 1


def test_events_nobody_asked_for_are_acknowledged(front: Front) -> None:
    """Would catch an event that Slack sends again and again."""
    assert (
        front.dispatch({"type": "event_callback", "event": {"type": "app_mention", "text": "hi"}, "api_app_id": "A1"})
        == 200
    )


def test_while_the_database_is_locked_the_person_is_told_to_wait_and_the_click_is_applied_later(
    alerted: tuple[Front, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a click that is lost because the work after the envelope failed."""
    front, key = alerted

    def locked(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("locked", where="x", fix="y")

    with monkeypatch.context() as failing:
        failing.setattr("bot.acting.actions.respond", locked)
        front.acknowledge(cast.INVESTIGATOR, key)
        settle(front, lambda: front.told(cast.INVESTIGATOR))
    assert front.told(cast.INVESTIGATOR) == [replies.LATER]
    assert front.desk.catch_up() == 1
    assert len(front.responses()) == 1


def test_over_a_real_socket_the_button_and_the_command_work(slack: Bench) -> None:
    """Would catch anything that `dispatch` skips: the hello, envelopes, response URLs, the modal's trigger."""
    key = slack.alert()
    slack.run()
    client = slack.client(timeout=5)
    app = App(client=client, token=slack.running.bot_token, token_verification_enabled=False)
    register(app, Desk(slack.db, client, {STUDY: slack.voice}, status_of, lambda: slack.now, slack.delivery.wake))
    web = WebClient(token=slack.running.app_token, base_url=slack.running.base_url, retry_handlers=[])
    handler = SocketModeHandler(app, slack.running.app_token, web_client=web)
    handler.connect()
    try:
        assert slack.workspace.wait_for(lambda: slack.workspace.hub.connections)
        ts, basis = slack.item(key).ts or "", crossed().digest()
        option = f"why|{key}|1|{basis}"
        why = slack.running.click(cast.INVESTIGATOR, CHANNELS["open"], ts, "dsmbot_menu", option, settle=3)
        assert why.acked
        assert "*Counted: 4*" in json.dumps(why.view)
        seen = slack.running.click(cast.INVESTIGATOR, CHANNELS["open"], ts, "dsmbot_acknowledge", settle=3)
        assert seen.acked
        assert seen.ephemeral[0]["text"].startswith("Acknowledged")
        asked = slack.running.slash(cast.INVESTIGATOR, CHANNELS["open"], "/safety", "status", settle=3)
        assert "facts for open readers" in asked.ephemeral[0]["text"]
        slack.run_for(6)
        [post] = slack.posts()
        assert f"● Acknowledged by <@{cast.INVESTIGATOR}>" in json.dumps(post, ensure_ascii=False)
    finally:
        handler.close()


def test_several_people_at_once_are_recorded_once(alerted: tuple[Front, str]) -> None:
    """Would catch a race between two listeners of Bolt's pool."""
    import threading

    front, key = alerted
    front.desk.voices[STUDY]
    roster = slack_block(roles={"investigator": [f"U0INV{i}" for i in range(6)]})
    front.desk.voices = {STUDY: replace(front.bench.voice, slack=roster)}
    clicks = [
        threading.Thread(target=front.acknowledge, args=(f"U0INV{i}", key), kwargs={"at": f"3.{i}"}) for i in range(6)
    ]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    settle(front, lambda: len([o for o in front.outcomes() if o]) == 6)
    assert len(front.responses()) == 1
    assert sorted(front.outcomes()) == sorted([Effect.ACKNOWLEDGED] + [Effect.ALREADY_ACKNOWLEDGED] * 5)
