"""Messages within Slack's limits, with their key, their buttons and nothing silently cut."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.access import disclose
from bot.contents.notices import (
    OpenAlertLine,
    OpsContent,
    OpsKind,
    RuleLine,
    StartingStateContent,
    StatusContent,
    WeekContent,
)
from bot.slack import blocks as make
from bot.slack.inbound import click, command, from_payload
from bot.slack.limits import violations
from bot.slack.messages import Message, explanation, key_of, plainer, refusal_view, render, text_only
from bot.views import Acknowledgement, AlertContent, Content, Following, RuleFacts, WhyContent
from rules.model import Action, Audience, Evidence, Finding, Reason, Standing, State
from tests.bot.slack.bench import RULE, START, crossed, setting

KEY = "dsmbot-" + "a" * 32
TITLE = RuleFacts("tolerability", "Reaction", "boundary", Action.PAUSE_ENROLMENT)


def view(content: Content, audience: Audience = Audience.OPEN) -> Any:
    return disclose(content, audience, setting())


def alert(found: Finding | None = None, **changes: Any) -> AlertContent:
    values: dict[str, Any] = {
        "rule": TITLE, "finding": found or crossed(), "reason": Reason.FIRST_CROSSING, "opened_at": START,
        "changed_at": START, "data_as_of": START, "basis": "f" * 64,
    }  # fmt: skip
    return AlertContent(**{**values, **changes})


def elements(message: Message) -> list[dict[str, Any]]:
    return [item for block in message.blocks if block["type"] == "actions" for item in block["elements"]]


def payload(element: Mapping[str, Any], option: int = 0) -> dict[str, Any]:
    """The click on an element as Slack would send it."""
    action = {"action_id": element["action_id"], "action_ts": "1.2", "value": element.get("value", "")}
    if "options" in element:
        action["selected_option"] = element["options"][option]
    return {"actions": [action], "user": {"id": "U1", "team_id": "T1"}, "channel": {"id": "C1"}, "trigger_id": "9"}


def test_the_key_is_in_both_places_and_is_found_in_either() -> None:
    """Would catch a message that cannot be found again on a server that drops metadata, or blocks."""
    message = render(view(alert()), KEY)
    assert key_of({"metadata": message.metadata}) == KEY
    assert key_of({"blocks": list(message.blocks)}) == KEY
    assert key_of({"text": "hello"}) == ""
    assert key_of({"metadata": {"event_type": "other", "event_payload": {"delivery_key": "x"}}, "blocks": []}) == ""
    assert set(message.metadata["event_payload"]) == {"delivery_key"}


def test_the_button_says_what_the_person_looked_at() -> None:
    """Would catch an acknowledgement recorded against a finding that nobody saw."""
    button, decide, menu = elements(render(view(alert(version=3)), KEY))
    _, request = click(payload(button))
    assert (request.act, request.delivery_key, request.version, request.basis) == ("acknowledge", KEY, 3, "f" * 64)
    _, why = click(payload(menu))
    assert (why.act, why.delivery_key, why.version, why.basis) == ("why", KEY, 3, "f" * 64)
    assert click(payload(decide))[1].act == "decide"
    assert from_payload(json.loads(json.dumps(request.payload()))) == replace(request, trigger_id="")


def test_after_the_click_a_hasty_second_one_opens_a_form_and_takes_nothing_back() -> None:
    """Would catch a button that can be pressed for ever, a mistake that cannot be mended, and one made by haste."""
    first, second, _ = elements(render(view(alert(acknowledgement=Acknowledgement("U1", START))), KEY))
    assert [click(payload(b))[1].act for b in (first, second)] == ["decide", "withdraw"]
    assert second["confirm"]["text"]["text"].startswith("Both stay recorded")


def test_the_menu_offers_what_is_possible() -> None:
    """Would catch a snooze offered for a crossed boundary, and acts offered on an episode that is over."""

    def offered(content: AlertContent) -> list[str]:
        [menu] = [e for e in elements(render(view(content), KEY)) if e["type"] == "overflow"]
        return [o["value"].partition("|")[0] for o in menu["options"]]

    assert offered(alert()) == ["why", "assign", "note", "snooze", "resolve"]
    assert offered(alert(crossing=crossed())) == ["why", "assign", "note", "resolve"]
    over = alert(following=Following(resolved=Acknowledgement("U1", START)))
    assert offered(over) == ["why", "note"]
    assert not [e for e in elements(render(view(over), KEY)) if e["type"] == "button"]


def test_never_more_than_two_buttons_and_one_menu() -> None:
    """Would catch a message that needs to be studied before it can be answered."""
    accept = StartingStateContent(Audience.OPEN, START, ())
    for content in (alert(), accept, alert(acknowledgement=Acknowledgement("U1", START))):
        kinds = [e["type"] for e in elements(render(view(content), KEY))]
        assert kinds.count("button") <= 2
        assert kinds.count("overflow") <= 1
    assert elements(render(view(alert()), KEY, reply=True)) == []
    assert elements(render(view(replace(accept, accepted_by="U1", accepted_at=START)), KEY)) == []


def test_a_possible_duplicate_says_so_first() -> None:
    """Would catch two alerts that look like two events."""
    message = render(view(alert()), KEY, possible_duplicate=True)
    assert message.text.startswith("POSSIBLE DUPLICATE · ")
    assert message.blocks[0]["text"]["text"].endswith("(possible duplicate)")


def test_the_digest_changes_with_what_is_seen_and_only_then() -> None:
    """Would catch an edit every minute, and an edit that is never made."""
    one, same = render(view(alert()), KEY), render(view(alert()), KEY)
    other = render(view(alert(acknowledgement=Acknowledgement("U1", START))), KEY)
    assert one.digest() == same.digest() != other.digest()


def test_the_plainer_forms_keep_the_words_and_the_button() -> None:
    """Would catch a fallback without its key, its text or its button."""
    message = render(view(alert()), KEY)
    plain = plainer(message)
    assert violations(plain.blocks, text=plain.text) == ()
    assert key_of({"blocks": list(plain.blocks)}) == KEY
    assert [e["type"] for e in elements(plain)] == ["button", "button"]
    assert plain.blocks[0]["text"]["text"] == message.text
    assert text_only(message).text.startswith(message.text)
    assert text_only(message).blocks == ()
    over = alert(following=Following(resolved=Acknowledgement("U1", START)))
    assert len(plainer(render(view(over), KEY)).blocks) == 1


def test_text_is_shortened_visibly_and_never_in_the_middle_of_an_entity_or_mention() -> None:
    """Would catch half an escape, which is a mention again, and silent truncation."""
    assert make.shortened("a &amp; b" + "x" * 60, 50).endswith("characters)")
    for cut in range(40, 80):
        shown = make.shortened("y" * 20 + "&lt;!channel&gt; <@U0ABCDEFG> " * 4, cut)
        head = shown.split("… (showing")[0]
        assert len(shown) <= cut
        assert head.rfind("&") <= head.rfind(";")
        assert head.rfind("<") <= head.rfind(">")


def test_lines_are_packed_in_order_and_what_does_not_fit_is_counted() -> None:
    """Would catch lost lines."""
    assert make.packed(["a" * 10, "b" * 10, "c" * 10], 21) == ["a" * 10 + "\n" + "b" * 10, "c" * 10]
    many = make.packed(["x" * 3_000] * 60, 3_000)
    assert len(many) == 42
    assert many[-1] == "(showing 41 of 60 parts)"
    assert len(make.fitted([{"type": "divider"}] * 130, 100)) == 100


nasty = st.text(max_size=80) | st.sampled_from(["<!channel>", "*x*", "\u202e", "z" * 50_000, "&" * 4_000])


@settings(max_examples=40, deadline=None)
@given(nasty, st.integers(0, 400), st.integers(0, 60), st.sampled_from(State))
def test_every_message_is_within_limits_whatever_the_records_hold(
    text: str, events: int, lines: int, state: State
) -> None:
    """Would catch `invalid_blocks`, which loses the whole message."""
    evidence = tuple(
        Evidence(f"{text}{i}", Standing.COUNTED, f"{text}{i}:1", "e", "AE", missing=(text,), facts={"AEDECOD": text})
        for i in range(events)
    )
    found = Finding(text, text, state, events, stop_at=1, at_n=events, evidence=evidence, reason=text)
    rule = RuleFacts(text, text, "count", Action.NOTIFY, scope_of_action=text, sentence=text)
    content = alert(found, rule=rule, crossing=found, mention=tuple(f"U{i}" for i in range(30)))
    rules = tuple(RuleLine(f"{text}{i}", text, state, reason=text) for i in range(lines))
    open_ = tuple(OpenAlertLine(text, text, state, START) for _ in range(lines))
    every: list[Message] = [
        render(view(content), KEY),
        render(view(content), KEY, reply=True),
        render(view(StatusContent(Audience.OPEN, START, rules, open_, problems=(text,) * lines)), KEY),
        render(view(StartingStateContent(Audience.OPEN, START, rules, crossed=(text,) * lines)), KEY),
        render(view(WeekContent(Audience.OPEN, START)), KEY),
        render(view(OpsContent(OpsKind.SOURCE_FAILED, START, text, text, text), Audience.OPS), KEY),
    ]
    for message in every:
        assert violations(message.blocks, text=message.text) == ()
        assert 0 < len(message.text) <= 4_000
        assert "<!channel>" not in json.dumps([message.text, message.blocks])
        assert key_of({"blocks": list(message.blocks)}) == KEY
    modal = explanation(view(WhyContent(content, RULE, 1, text)))
    assert violations(modal["blocks"], surface="modal") == ()
    assert len(modal["title"]["text"]) <= 24


def test_an_explanation_is_a_modal_and_no_message() -> None:
    """Would catch evidence posted to a channel by mistake."""
    with pytest.raises(TypeError, match="WhyContent"):
        render(view(WhyContent(alert(), {}, 1, "0")), KEY)
    assert refusal_view("no")["blocks"][0]["text"]["text"] == "no"


@pytest.mark.parametrize(
    ("body", "act"),
    [
        ({}, None),
        ({"actions": [{"action_id": "somebody_elses"}], "user": {"id": "U1"}}, None),
        ({"actions": [{"action_id": "dsmbot_menu", "selected_option": {"value": "nonsense|x"}}]}, None),
        ({"actions": [{"action_id": "dsmbot_acknowledge", "value": "k|not a number|"}]}, "acknowledge"),
        ({"actions": [{"action_id": "dsmbot_accept", "value": "k"}], "container": {"channel_id": "C1"}}, "accept"),
    ],
)
def test_a_foreign_or_broken_click_is_read_without_a_guess(body: dict[str, Any], act: str | None) -> None:
    """Would catch a crash on a payload of another app, or an act that was not asked for."""
    _, request = click(body)
    assert request.act == act
    assert request.version == 1


def test_redelivery_has_the_same_key_and_a_second_click_another() -> None:
    """Would catch an acknowledgement applied twice, and a real second click thrown away."""
    button = elements(render(view(alert()), KEY))[0]
    first, again = click(payload(button))[0], click(payload(button))[0]
    later = payload(button)
    later["actions"][0]["action_ts"] = "1.3"
    other = payload(button)
    other["user"]["id"] = "U2"
    assert first == again
    assert len({first, click(later)[0], click(other)[0]}) == 3


def test_a_command_is_known_by_its_trigger_or_by_the_instant() -> None:
    """Would catch a server without triggers on which a second `status` is taken for the first, delivered again."""
    body = {"user_id": "U1", "team_id": "T1", "channel_id": "C1", "text": " Status  closed", "trigger_id": "7"}
    key, request = command(body, "now")
    assert (request.text.split(), key) == (["Status", "closed"], "command:T1:U1:7")
    assert command({**body, "trigger_id": ""}, "now")[0] != command({**body, "trigger_id": ""}, "later")[0]
