"""Socket Mode with the real slack_bolt: people act, the bot hears it once, late or twice, as Slack would have it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from bot.workspace.errors import UnknownThing
from bot.workspace.server import RunningWorkspace
from tests.bot.workspace.conftest import CLOSED, OPEN, actions, button, connect, overflow, section


@pytest.fixture
def posted(client: WebClient) -> str:
    extra = {
        "type": "static_select",
        "action_id": "who",
        "options": [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}],
    }
    blocks = [section("x"), actions(button(), overflow("why", "note"), extra)]
    return str(client.chat_postMessage(channel=OPEN, text="alert", blocks=blocks)["ts"])


def test_a_click_reaches_the_bot_and_the_message_changes_for_everyone(
    running: RunningWorkspace, app: App, connected: Any, posted: str
) -> None:
    @app.action("ack")
    def _(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=f"seen by {body['user']['id']}"
        )

    connected()
    assert running.click("Investigator", OPEN, posted, "ack").acked
    assert running.workspace.wait_for(lambda: running.messages(OPEN)[0]["text"] == "seen by U0INVESTIGATOR")


def test_menus_send_the_chosen_option(running: RunningWorkspace, app: App, connected: Any, posted: str) -> None:
    heard: list[str] = []
    for name in ("more", "who"):
        app.action(name)(lambda ack, action: (ack(), heard.append(action["selected_option"]["value"])))
    connected()
    assert running.click("Medical monitor", OPEN, posted, "more", "why").acked
    assert running.click("Medical monitor", OPEN, posted, "who", "a").acked
    assert running.workspace.wait_for(lambda: heard == ["why", "a"])
    with pytest.raises(UnknownThing, match="why, note"):
        running.click("Medical monitor", OPEN, posted, "more", "other")


def test_nobody_can_press_what_they_do_not_see(running: RunningWorkspace, client: WebClient, posted: str) -> None:
    closed = client.chat_postMessage(channel=CLOSED, text="closed", blocks=[section("x"), actions(button())])["ts"]
    with pytest.raises(UnknownThing, match="does not see"):
        running.click("Investigator", CLOSED, closed, "ack")
    with pytest.raises(UnknownThing, match="there are: ack, more, who"):
        running.click("Investigator", OPEN, posted, "acknowledge")


def test_a_command_returns_what_the_person_saw(running: RunningWorkspace, app: App, connected: Any) -> None:
    @app.command("/safety")
    def _(ack: Any, command: Any, respond: Any) -> None:
        if command["text"] == "quick":
            ack("at once")
        else:
            ack()
            respond(f"later: {command['text']} in {command['channel_name']}")

    connected()
    assert running.slash("Investigator", OPEN, "/safety", "quick").text == "at once"
    answer = running.slash("DSMB member", CLOSED, "/safety", "status")
    assert (answer.acked, answer.text) == (True, "later: status in sts-calc-dsmb")
    assert running.workspace.ephemeral("Investigator")[0]["text"] == "at once"
    assert running.messages(OPEN) == []


def test_a_response_url_answers_five_times(running: RunningWorkspace, app: App, connected: Any, posted: str) -> None:
    codes: list[tuple[int, str]] = []

    @app.action("ack")
    def _(ack: Any, respond: Any) -> None:
        ack()
        answers = [respond(f"answer {number}", replace_original=False) for number in range(6)]
        codes.extend((answer.status_code, answer.body) for answer in answers)

    connected()
    running.click("Investigator", OPEN, posted, "ack")
    assert running.workspace.wait_for(lambda: len(codes) == 6)
    assert codes == [(200, "ok")] * 5 + [(404, "used_url")]


def test_a_form_is_filled_refused_and_sent(running: RunningWorkspace, app: App, connected: Any, posted: str) -> None:
    field = {
        "type": "input",
        "block_id": "why",
        "optional": True,  # so that the app and not Slack's client is asked
        "label": {"type": "plain_text", "text": "Reason"},
        "element": {"type": "plain_text_input", "action_id": "reason"},
    }
    view = {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Note"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [field],
    }
    kept: list[str] = []

    @app.action("ack")
    def _(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("form")
    def _(ack: Any, view: Any) -> None:
        reason = view["state"]["values"]["why"]["reason"]["value"]
        if not reason:
            ack(response_action="errors", errors={"why": "A reason is needed."})
        else:
            ack()
            kept.append(reason)

    connected()
    assert running.click("Investigator", OPEN, posted, "ack", settle=2).view is not None
    refused = running.submit_view("Investigator", {})
    assert (refused.errors, refused.view is not None) == ({"why": "A reason is needed."}, True)
    with pytest.raises(UnknownThing, match="no field \\['cause'\\]"):
        running.submit_view("Investigator", {"cause": "x"})
    assert running.submit_view("Investigator", {"reason": "seen"}).view is None
    assert running.workspace.wait_for(lambda: kept == ["seen"])


def test_a_click_delivered_twice_is_the_same_click(
    running: RunningWorkspace, app: App, connected: Any, posted: str
) -> None:
    heard: list[str] = []
    app.action("ack")(lambda ack, action: (ack(), heard.append(action["action_ts"])))
    connected()
    running.workspace.redeliver("interactive")
    running.click("Investigator", OPEN, posted, "ack")
    assert running.workspace.wait_for(lambda: len(heard) == 2)
    assert len(set(heard)) == 1
    running.click("Investigator", OPEN, posted, "ack")
    assert running.workspace.wait_for(lambda: len(heard) == 3)
    assert len(set(heard)) == 2


def test_an_event_nobody_took_comes_again_and_an_interaction_does_not(
    running: RunningWorkspace, app: App, connected: Any, posted: str
) -> None:
    taken = threading.Event()
    tries: list[tuple[str, str]] = []

    @app.middleware
    def _(req: Any, body: Any, next: Any) -> Any:
        if body.get("type") == "event_callback":
            tries.append((body["event_id"], req.headers.get("x-slack-retry-num", ["none"])[0]))
            if len(tries) < 3:
                time.sleep(0.5)  # longer than the workspace waits
        elif not taken.wait(0.5):
            return None
        return next()

    app.event("app_home_opened")(lambda: None)
    app.action("ack")(lambda ack: ack())
    connected()
    running.workspace.open_home("Investigator")
    assert running.workspace.wait_for(lambda: len(tries) == 3, 5)
    assert [number for _, number in tries] == ["0", "1", "2"]
    assert len({event for event, _ in tries}) == 1
    assert running.click("Investigator", OPEN, posted, "ack").acked is False
    time.sleep(0.3)
    assert len([e for e in running.workspace.hub.delivered if e["type"] == "interactive"]) == 1


def test_without_a_bot_a_click_is_refused_at_once(running: RunningWorkspace, posted: str) -> None:
    started = time.monotonic()
    assert running.click("Investigator", OPEN, posted, "ack").acked is False
    assert time.monotonic() - started < 0.3


def test_the_bot_comes_back_after_a_disconnect_and_after_a_loss(
    running: RunningWorkspace, app: App, connected: Any, posted: str
) -> None:
    app.action("ack")(lambda ack: ack())
    handler = connected()
    first = handler.client.session_id()
    running.workspace.disconnect_sockets()
    assert running.workspace.wait_for(
        lambda: running.workspace.hub.connections == 1 and handler.client.session_id() != first
    )
    assert running.click("Investigator", OPEN, posted, "ack").acked
    running.workspace.lose_sockets(0.4)
    assert running.workspace.hub.connections == 0
    assert running.workspace.wait_for(lambda: running.workspace.hub.connections == 1, 10)
    assert running.workspace.wait_for(lambda: running.click("Investigator", OPEN, posted, "ack").acked, 5)


def test_hello_counts_the_processes_that_share_the_app(running: RunningWorkspace, app: App, connected: Any) -> None:
    counts: list[int] = []
    handler = connected()
    handler.client.message_listeners.append(
        lambda _c, message, _r: counts.append(message["num_connections"]) if message.get("type") == "hello" else None
    )
    running.workspace.second_connection()
    assert running.workspace.wait_for(lambda: counts[-1:] == [2])
    running.workspace.second_connection(0)
    assert running.workspace.wait_for(lambda: counts[-1:] == [1])


def test_two_processes_split_the_clicks(
    running: RunningWorkspace, client: WebClient, posted: str, connected: Any, app: App
) -> None:
    heard: list[str] = []
    other = App(client=client)
    app.action("ack")(lambda ack: (ack(), heard.append("first")))
    other.action("ack")(lambda ack: (ack(), heard.append("second")))
    connected()
    handler = connect(running, other)
    for _ in range(12):
        running.click("Investigator", OPEN, posted, "ack")
    handler.close()
    assert set(heard) == {"first", "second"}
    assert len(heard) == 12


def test_a_mention_reaches_the_bot(running: RunningWorkspace, app: App, connected: Any) -> None:
    heard: list[str] = []
    app.event("app_mention")(lambda event: heard.append(event["text"]))
    app.event("message")(lambda: None)
    connected()
    running.workspace.say("Operator", OPEN, "<@U0DSMBOT> status?")
    assert running.workspace.wait_for(lambda: heard == ["<@U0DSMBOT> status?"])
