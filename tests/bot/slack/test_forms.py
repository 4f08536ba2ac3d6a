"""Forms over a real socket: opened by a button or menu, refused at the field, applied once, said in the thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from sqlalchemy import select

from bot.slack.desk import Desk
from bot.slack.handlers import register
from bot.views import StatusContent
from bot.wording import forms
from bot.workspace import people as cast
from bot.workspace.outcome import Outcome
from rules.model import Audience, Reason, State
from storage import alerts
from storage.alert_records import ResponseKind, StoredAlert
from storage.inbox import unapplied
from storage.schema import inbox
from tests.bot.slack.bench import CHANNELS, STUDY, Bench, crossed, slack_block

NOT_BOUNDARY = {"id": "tolerability", "kind": "count", "title": "Reactions", "action": "notify", "urgency": "urgent"}
OPEN = CHANNELS["open"]


class Person:
    """Somebody who fills in forms about one alert."""

    def __init__(self, slack: Bench, key: str) -> None:
        self.slack, self.key, self.told = slack, key, 0

    def choose(self, choice: str, user: str = cast.INVESTIGATOR) -> Outcome:
        """An option of the menu, as it is on the message now."""
        return self._settled(
            user, self.slack.running.click(user, OPEN, self.ts, "dsmbot_menu", self.option(choice), settle=3)
        )

    def press(self, action: str, user: str = cast.INVESTIGATOR) -> Outcome:
        return self._settled(user, self.slack.running.click(user, OPEN, self.ts, action, settle=3))

    def submit(self, user: str = cast.INVESTIGATOR, **values: str) -> Outcome:
        return self._settled(user, self.slack.workspace.submit_view(user, values), told=True)

    def _settled(self, user: str, outcome: Outcome, *, told: bool = False) -> Outcome:
        """The outcome, when the bot has applied it, with everything that the person was ever told."""
        assert self.slack.workspace.wait_for(lambda: not self._waiting())
        if told and not outcome.errors:
            assert self.slack.workspace.wait_for(lambda: len(self._ephemeral(user)) > self.told)
        self.told = len(self._ephemeral(user))
        return replace(outcome, ephemeral=tuple(self._ephemeral(user)))

    def _waiting(self) -> bool:
        with self.slack.db.reading() as conn:
            return bool(unapplied(conn))

    def _ephemeral(self, user: str) -> list[dict[str, Any]]:
        return list(self.slack.workspace.ephemeral(user))

    @property
    def ts(self) -> str:
        return self.slack.item(self.key).ts or ""

    def option(self, choice: str) -> str:
        [post] = [p for p in self.slack.posts() if p["ts"] == self.ts]
        menus = [e for b in post["blocks"] if b["type"] == "actions" for e in b["elements"] if "options" in e]
        return next(o["value"] for o in menus[0]["options"] if o["value"].startswith(f"{choice}|"))

    def stored(self) -> StoredAlert:
        with self.slack.db.reading() as conn:
            return alerts.latest(conn, self.slack.item(self.key).alert_id or 0)

    def status(self) -> str:
        self.slack.run_for(8)
        [post] = [p for p in self.slack.posts() if p["ts"] == self.ts]
        return next(
            str(b["text"]["text"]) for b in post["blocks"] if b.get("text", {}).get("text", "")[:1] in ("○", "●", "✓")
        )

    def thread(self) -> list[str]:
        self.slack.run_for(12)
        return [str(m["text"]) for m in self.slack.running.thread(OPEN, self.ts)[1:]]


def status_of(_conn: Any, _study: str, audience: Audience, now: Any) -> StatusContent:
    return StatusContent(audience, now, evaluated_at=now, problems=(f"facts for {audience.value} readers",))


@contextmanager
def connected(slack: Bench) -> Iterator[Desk]:
    client = slack.client(timeout=5)
    app = App(client=client, token=slack.running.bot_token, token_verification_enabled=False)
    desk = Desk(slack.db, client, {STUDY: slack.voice}, status_of, lambda: slack.now, slack.delivery.wake)
    register(app, desk)
    web = WebClient(token=slack.running.app_token, base_url=slack.running.base_url, retry_handlers=[])
    handler = SocketModeHandler(app, slack.running.app_token, web_client=web)
    handler.connect()
    try:
        assert slack.workspace.wait_for(lambda: slack.workspace.hub.connections)
        yield desk
    finally:
        handler.close()


@pytest.fixture
def person(slack: Bench) -> Iterator[Person]:
    key = slack.alert()
    slack.run()
    with connected(slack):
        yield Person(slack, key)


@pytest.fixture
def unhurried(slack: Bench) -> Iterator[Person]:
    """An alert of a rule that is no stopping boundary."""
    key = slack.alert(rule=NOT_BOUNDARY)
    slack.run()
    with connected(slack):
        yield Person(slack, key)


def test_an_alert_is_assigned_to_oneself_by_pressing_submit(person: Person) -> None:
    """Would catch a form that begins empty, and an assignment that silences the alert."""
    person.slack.advance(360)
    assert person.choose("assign").view is not None
    told = person.submit()
    assert told.ephemeral[-1]["text"] == f"Assigned to <@{cast.INVESTIGATOR}>. It is in the alert's thread."
    assert person.stored().assignee == cast.INVESTIGATOR
    status = person.status()
    assert status.startswith("○ Not acknowledged · the medical monitor is called at")
    assert f"assigned to <@{cast.INVESTIGATOR}> · updated 09:06" in status
    [said] = person.thread()
    assert said.startswith(f"ASSIGNED · {STUDY} · tolerability: <@{cast.INVESTIGATOR}> assigned this to")


def test_an_alert_is_assigned_only_to_who_may_read_it(person: Person) -> None:
    """Would catch a mention that calls somebody who is then refused, or who must stay blinded."""
    person.choose("assign")
    refused = person.submit(person=cast.DSMB_MEMBER)
    assert (refused.errors, refused.view is not None) == ({"person": forms.NOT_A_READER}, True)
    assert person.submit(person=cast.MEDICAL_MONITOR).errors == {}
    assert person.stored().assignee == cast.MEDICAL_MONITOR
    person.choose("assign")
    assert "already" in person.submit(person=cast.MEDICAL_MONITOR).errors["person"]


def test_a_note_is_shown_as_typed_and_formats_and_notifies_nothing(person: Person) -> None:
    """Would catch a note that pings a channel, and one that is kept nowhere but in Slack."""
    typed = "<!channel> *all* done & <https://x.example|here>"
    person.choose("note")
    person.submit(words=typed)
    [kept] = person.stored().responses
    assert (kept.kind, kept.note, kept.user_id) == ("noted", typed, cast.INVESTIGATOR)
    [said] = person.thread()
    assert "“&lt;!channel&gt; ∗all∗ done &amp; &lt;https:" in said
    assert "<!channel>" not in said
    person.choose("note")
    assert person.submit(words=" \n ").errors == {"words": "Write a few words."}
    assert len(person.stored().responses) == 1


def test_what_is_wrong_is_said_at_the_field_and_nothing_of_it_is_kept(unhurried: Person) -> None:
    """Would catch a form that is swallowed by its own error: corrected and sent again it must count."""
    unhurried.choose("snooze")
    [view] = [unhurried.slack.workspace.views.top(cast.INVESTIGATOR)]
    assert view is not None
    del view.body["blocks"][0]["element"]["max_value"]  # a server whose clients check nothing
    wrong = unhurried.submit(hours="73", reason="waiting for the laboratory")
    assert wrong.errors == {"hours": "Give whole hours from 1 to 72."}
    with unhurried.slack.db.reading() as conn:
        assert [row.kind for row in conn.execute(select(inbox))] == ["action"]
    assert unhurried.submit(hours="72", reason="waiting for the laboratory").errors == {}
    assert unhurried.stored().snoozed_until is not None


def test_a_snooze_rests_until_then_or_until_anything_changes(unhurried: Person) -> None:
    """Would catch a snooze that hides new evidence."""
    unhurried.choose("snooze")
    unhurried.submit(hours="4", reason="waiting")
    assert "snoozed until 13:00" in unhurried.status()
    unhurried.slack.alert(
        crossed(5), reason=Reason.MET_AGAIN, rule=NOT_BOUNDARY, opens=False, before={"events": 4}, after={"events": 5}
    )
    assert unhurried.stored().snoozed_until is None
    assert "snoozed" not in unhurried.status()


def test_a_crossed_boundary_is_never_snoozed_whatever_is_clicked(person: Person) -> None:
    """Would catch a rule that is kept by the menu alone: an old message may still offer it."""
    desk_option = person.option("why").replace("why|", "snooze|", 1)
    [post] = [p for p in person.slack.posts() if p["ts"] == person.ts]
    message = person.slack.workspace.store.find(
        post.get("channel") or person.slack.workspace.channel(OPEN).id, person.ts
    )
    assert message is not None
    menu = next(e for b in message.blocks if b["type"] == "actions" for e in b["elements"] if "options" in e)
    menu["options"].append({"text": {"type": "plain_text", "text": "Snooze"}, "value": desk_option})
    told = person.slack.running.click(cast.INVESTIGATOR, OPEN, person.ts, "dsmbot_menu", desk_option, settle=3)
    assert told.view is None
    assert told.ephemeral[-1]["text"] == forms.NO_SNOOZE_OF_BOUNDARY
    assert person.stored().responses == ()


def test_a_decision_is_recorded_with_reason_scope_and_what_was_looked_at(person: Person) -> None:
    """Would catch a decision without its basis, and one that the bot claims to carry out."""
    person.press("dsmbot_decide")
    told = person.submit(decision="pause_enrolment", reason="as the protocol says")
    assert "not a signature" in told.ephemeral[-1]["text"]
    seen, kept = person.stored().responses
    assert (seen.kind, seen.user_id) == (ResponseKind.ACKNOWLEDGED, cast.INVESTIGATOR), "who decides has seen it"
    assert kept.body == {"decision": "pause_enrolment", "scope": "all"}
    assert (kept.basis, kept.alert_version, kept.note) == (crossed().digest(), 1, "as the protocol says")
    assert person.stored().holding == "pause_enrolment"
    status = person.status()
    assert f"*decided: pause enrolment* by <@{cast.INVESTIGATOR}> 09:00 · in force: enrolment is paused" in status
    assert "DSMBot has done nothing of this" in person.thread()[-1]


def test_while_something_is_held_people_resume_or_hold_more_and_cannot_resolve(person: Person) -> None:
    """Would catch a hold that is forgotten when its alert is closed."""
    person.press("dsmbot_decide")
    person.submit(decision="pause_enrolment", reason="as the protocol says")
    hindered = person.choose("resolve")
    assert "enrolment is paused" in hindered.ephemeral[-1]["text"]
    assert hindered.view is None
    person.press("dsmbot_decide")
    view = person.slack.workspace.views.top(cast.INVESTIGATOR)
    assert view is not None
    offered = [o["value"] for o in view.body["blocks"][1]["element"]["options"]]
    assert offered == ["resume", "pause_enrolment", "hold_dosing", "halt_study"]
    person.submit(decision="resume", reason="the board agreed")
    assert person.stored().holding == ""
    person.slack.run_for(8)
    person.choose("resolve")
    person.submit(reason="amended")
    assert person.stored().resolved
    assert person.status().startswith("✓ Resolved by")
    assert [t.split(" · ")[0] for t in person.thread()] == [
        "ACKNOWLEDGED", "DECISION RECORDED", "DECISION RECORDED", "RESOLVED",
    ]  # fmt: skip


def test_a_crossed_boundary_is_resolved_only_after_a_decision(person: Person) -> None:
    """Would catch an episode that ends with the protocol's question unanswered."""
    assert person.choose("resolve").ephemeral[-1]["text"] == forms.DECIDE_FIRST
    assert not person.stored().resolved


def test_past_the_boundary_the_rule_stays_armed_and_says_what_that_costs(person: Person) -> None:
    """Would catch "continue" taken as an end of watching, with figures that no longer hold."""
    person.press("dsmbot_decide")
    person.submit(decision="continue_past", reason="events are mild")
    assert "they no longer apply" in person.thread()[-1]
    assert not person.stored().rearmed
    person.slack.alert(crossed(5), reason=Reason.MET_AGAIN, opens=False, broadcast=True)
    assert person.stored().rearmed
    assert "a new decision is needed" in person.status()


def test_a_form_about_an_older_version_does_not_decide_what_nobody_saw(person: Person) -> None:
    """Would catch a decision recorded on facts that changed while the form was open."""
    person.press("dsmbot_decide")
    person.slack.alert(crossed(3, state=State.WITHIN), reason=Reason.BASIS_CHANGED, opens=False)
    told = person.submit(decision="continue_past", reason="events are mild")
    assert "has changed since you looked" in told.ephemeral[-1]["text"]
    assert person.stored().responses == ()


def test_a_form_counts_once_however_often_it_is_delivered(person: Person) -> None:
    """Would catch a second note from one submission."""
    person.choose("note")
    person.slack.workspace.redeliver("interactive", 1)
    person.submit(words="called the site")
    person.slack.run_for(8)
    assert len(person.stored().responses) == 1
    assert len(person.thread()) == 1


def test_who_lost_the_role_while_the_form_was_open_is_refused(slack: Bench) -> None:
    """Would catch an authorisation that is remembered from the click."""
    key = slack.alert()
    slack.run()
    with connected(slack) as desk:
        person = Person(slack, key)
        person.choose("note")
        roster = slack_block(roles={"investigator": [cast.MEDICAL_MONITOR]})
        desk.voices = {STUDY: replace(slack.voice, slack=roster)}
        told = person.submit(words="hello")
        assert told.errors == {}
        assert "Nothing was shown" in told.ephemeral[-1]["text"] or "Nothing was changed" in told.ephemeral[-1]["text"]
        assert person.stored().responses == ()
        assert "refused" in slack.audited()
