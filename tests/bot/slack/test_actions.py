"""What a stored row says, and what a person's act leaves behind, without Slack."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.access import Act, Refusal
from bot.acting import actions
from bot.acting.actions import By, Effect, accept_starting_state, refuse
from bot.contents.notices import RuleLine, StartingStateContent, StepContent, stored_body, stored_from_body
from bot.lookup.content import calls, content_of, standing, unacknowledged_since, why_content
from bot.telling.outgoing import alert_key, key, salt
from bot.views import Acknowledgement, AlertContent, EscalationContent
from rules.model import Audience, Reason, State, Urgency
from storage import alerts, outbox
from storage.alert_records import ResponseKind
from storage.schema import audit
from tests.bot.slack.bench import START, STUDY, Bench, bench, crossed, setting

BY = By("U0MEDMONITOR", "T0", START, "k1", basis="b")


def test_keys_are_the_same_when_asked_again_and_differ_between_databases(tmp_path: Path) -> None:
    """Would catch a step queued twice, and a fresh database that adopts an older one's messages."""
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with bench(tmp_path / name) as slack:
            slack.advance(len(found))
            slack.db.close()
            (tmp_path / name / "bench.db").unlink()
            slack.db = slack._open()
            with slack.db.reading() as conn:
                found.append(alert_key(conn, STUDY, "r", "study", 1))
                assert alert_key(conn, STUDY, "r", "study", 1) == found[-1]
                assert (
                    len({found[-1], alert_key(conn, STUDY, "r", "study", 2), key(conn, STUDY, "ops", "r", "study", 1)})
                    == 3
                )
                assert len(found[-1]) < 100
                assert salt(conn, STUDY)
                assert salt(conn, "nobody") == ""
    assert found[0] != found[1]


def test_open_keys_do_not_depend_on_what_happens_on_the_closed_side(tmp_path: Path) -> None:
    """Would catch open output that counts closed alerts: byte-identical messages with and without them."""
    texts = []
    for name, closed in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        with bench(tmp_path / name) as slack:
            if closed:
                slack.alert(crossed(rule="per-arm"), audience=Audience.CLOSED)
            slack.alert()
            slack.run_for(6)
            slack.alert(crossed(5), reason=Reason.WORSENED, opens=False)
            slack.run_for(6)
            seen = [m for p in slack.posts() for m in slack.running.thread("#sts-calc-safety", p["ts"])]
            for block in (b for m in seen for b in m["blocks"] if b["block_id"].startswith("b~")):
                del block["block_id"]  # the server's own, made of its clock
            texts.append(json.dumps([[m["text"], m["blocks"], m["metadata"]] for m in seen]))
    assert texts[0] == texts[1]


def test_a_parent_says_the_latest_and_a_step_what_it_was(slack: Bench) -> None:
    """Would catch a reply that changes its words when the next version comes."""
    parent = slack.alert()
    slack.advance(60)
    step = slack.alert(crossed(5), reason=Reason.WORSENED, opens=False)
    slack.advance(60)
    slack.alert(crossed(3, state=State.WITHIN), reason=Reason.BASIS_CHANGED, opens=False)
    with slack.db.reading() as conn:
        now = content_of(conn, slack.item(parent), slack.voice)
        then = content_of(conn, slack.item(step), slack.voice)
    assert isinstance(now, AlertContent)
    assert isinstance(then, AlertContent)
    assert (now.version, now.finding.events, now.reason) == (3, 3, Reason.BASIS_CHANGED)
    assert (then.version, then.finding.events, then.reason) == (2, 5, Reason.WORSENED)
    assert now.crossing is not None
    assert now.crossing.events == 4
    assert now.basis == now.finding.digest()
    assert now.data_as_of == START + timedelta(minutes=2)


def test_an_escalation_finds_whom_to_call(slack: Bench) -> None:
    """Would catch a call to a role's name instead of its people."""
    item = slack.item(slack.alert())
    body = stored_body(StepContent("escalation", 1, "medical_monitor", 30))
    with slack.db.reading() as conn:
        content = content_of(conn, replace(item, content=body), slack.voice)
    assert isinstance(content, EscalationContent)
    assert (content.mention, content.waited_minutes) == (("U0MEDMONITOR",), 30)


def test_calls_count_from_when_nobody_had_acknowledged(slack: Bench) -> None:
    """Would catch an escalation that starts in the past after a withdrawal, and calls for a routine alert."""
    assert [c.at - START for c in calls(slack.voice, Urgency.URGENT, START)] == [
        timedelta(minutes=30),
        timedelta(hours=2),
    ]
    assert calls(slack.voice, Urgency.ROUTINE, START) == ()


def test_a_withdrawal_is_told_until_somebody_acknowledges_again(slack: Bench) -> None:
    """Would catch calls that count from a withdrawal that is over, and a status that shows both at once."""
    slack.alert()

    def answer(minute: int, kind: ResponseKind) -> tuple[Acknowledgement | None, Acknowledgement | None]:
        by = actions.By("U1", "T1", START + timedelta(minutes=minute), f"k{minute}")
        with slack.db.writing(STUDY) as conn:
            actions.respond(conn, alerts.latest(conn, 1), by, kind)
            alert = alerts.latest(conn, 1)
            waited.append(unacknowledged_since(alert) - START)
            return standing(alert)

    waited: list[timedelta] = []
    assert answer(1, ResponseKind.ACKNOWLEDGED) == (Acknowledgement("U1", START + timedelta(minutes=1)), None)
    assert answer(2, ResponseKind.WITHDRAWN) == (None, Acknowledgement("U1", START + timedelta(minutes=2)))
    assert answer(3, ResponseKind.ACKNOWLEDGED)[1] is None
    assert waited == [timedelta(0), timedelta(minutes=2), timedelta(minutes=2)]


def test_why_reads_only_what_is_stored(slack: Bench) -> None:
    """Would catch an explanation computed anew, which may differ from what was decided."""
    slack.alert()
    with slack.db.reading() as conn:
        content = why_content(conn, slack.voice, alerts.latest(conn, 1))
    assert content.code_version == "0.1.0"
    assert content.definition["design"]["method"] == "beta_binomial"


def test_the_starting_state_is_accepted_once_and_the_message_shows_it(slack: Bench) -> None:
    """Would catch an acceptance that nobody sees, or that a second person overwrites."""
    content = StartingStateContent(Audience.OPEN, START, (RuleLine("a", "t", State.WITHIN),))
    with slack.db.writing(STUDY) as conn:
        outbox.enqueue(conn, study_id=STUDY, delivery_key="start", audience="open", kind="note",
                       content=stored_body(content), priority=4, created_at=START)  # fmt: skip
    slack.run()
    assert "Not accepted yet" in str(slack.posts())
    for by, effect in ((BY, Effect.ACCEPTED), (replace(BY, user_id="U0OTHER"), Effect.ALREADY_ACCEPTED)):
        with slack.db.writing(STUDY) as conn:
            assert accept_starting_state(conn, slack.item("start"), by, setting()).effect is effect
    slack.run_for(4)
    [post] = slack.posts()
    assert "● Accepted by <@U0MEDMONITOR>" in str(post)
    assert [b["type"] for b in post["blocks"]][-1] != "actions"
    assert slack.audited().count("starting_state_accepted") == 1
    stored = stored_from_body(slack.item("start").content)
    assert isinstance(stored, StartingStateContent)
    assert stored.accepted_by == "U0MEDMONITOR"


def test_only_a_starting_state_can_be_accepted(slack: Bench) -> None:
    """Would catch a forged click on another message."""
    item = slack.item(slack.alert())
    with slack.db.writing(STUDY) as conn:
        assert accept_starting_state(conn, item, BY, setting()).effect is Effect.UNKNOWN


@pytest.mark.parametrize("audience", Audience)
def test_a_refusal_is_recorded_with_its_reason_and_told_without(slack: Bench, audience: Audience) -> None:
    """Would catch a refusal that tells why, and one that leaves no trace."""
    with slack.db.writing(STUDY) as conn:
        done = refuse(conn, STUDY, BY, Act.ACKNOWLEDGE, audience, Refusal.GUEST)
    assert Refusal.GUEST.value not in done.told
    with slack.db.reading() as conn:
        entry = conn.execute(select(audit).where(audit.c.kind == "refused")).one()
    assert entry.body == {"act": "acknowledge", "audience": audience.value, "because": Refusal.GUEST.value}
    assert entry.actor == "user:T0/U0MEDMONITOR"
