"""Going live as a command: refused with everything that is not yet so, and recorded once when all is."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from bot.acting import drill
from bot.app import now_utc, opened
from bot.config import Secrets
from bot.golive import readiness, rehearsal
from bot.golive.approver import approver
from bot.golive.drilled import last_drill, shortcomings
from bot.golive.record import unapproved
from bot.views import Mode
from storage import audit
from storage.heads import lock_head
from tests.bot.commands.site import CHANNELS, SERIOUS, Ran, Site, event, events
from tests.bot.commands.test_drill import PEOPLE, drilled

NAMED = ("--approved-by", "Example Person, principal investigator")


def asked(site: Site, *more: str) -> Ran:
    """`dsmbot go-live --json` into a file of its own."""
    return site.run("go-live", *NAMED, "--out", str(site.folder / "go-live.pdf"), "--json", *more)


def codes(ran: Ran) -> list[str]:
    """`--accept CODE` for every warning that a refusal names."""
    found = [re.search(r"--accept ([0-9a-f]{8})", one["fix"]) for one in ran.json["lacking"]]
    return [word for match in found if match for word in ("--accept", match[1])]


def whats(ran: Ran) -> list[str]:
    """What is not yet so."""
    return [one["what"] for one in ran.json["lacking"]]


@pytest.fixture
def busy(site: Site) -> Site:
    """A site with one serious related event and one mild one."""
    site.write("ae.csv", events(event(1), event(2, AESER="Y", AEREL="RELATED", AEDECOD="Hypersensitivity")))
    return site


@pytest.fixture
def ready(busy: Site) -> Site:
    """Where everybody has pressed: the entries of a drill, without the waiting."""
    with opened([busy.study()], mode=Mode.LIVE, secrets=Secrets()) as composed:
        (study,) = composed.studies
        began = drill.begin(study, now_utc(), timedelta(minutes=1))
        for user, where in PEOPLE.items():
            said = {"drill": began, "user": user, "audience": where}
            with study.database.writing(study.id) as conn:
                head = lock_head(conn, study.id)
                audit.append(conn, head, at=now_utc(), actor=f"user:{user}", kind="drill_confirmed", body=said)
        assert drill.finish(study, began, now_utc()).passed
    return busy


def test_without_a_drill_it_is_refused_and_says_everything_at_once(site: Site) -> None:
    """Would catch a go-live that asks for one thing after the other, or that passes without a drill."""
    done = asked(site)
    assert (done.code, done.json["live"]) == (1, False)
    assert "Drill: no drill was finished in this database" in whats(done)
    assert "Run dsmbot drill, with everybody" in " ".join(done.err.split())
    assert "SITE-1 has not gone live" in done.err
    assert not (site.folder / "go-live.pdf").exists()
    assert "went_live" not in site.run("audit", "export").out


def test_whoever_did_not_press_in_the_drill_is_named(site: Site) -> None:
    """Would catch a drill that counts although somebody was not reached."""
    drilled(site, "U0INVESTIGATOR", "U0MONITOR", "U0PHARMACIST", "U0OPERATOR", wait="0.1")
    done = asked(site)
    assert done.code == 1
    assert "Drill: U0DSMBCHAIR was not reached in the closed channel: did not press" in whats(done)


def test_a_passed_drill_a_clean_check_and_a_name_write_the_record_once(busy: Site) -> None:
    """Would catch a record that says other things than happened, or an entry that is made twice."""
    assert drilled(busy, *PEOPLE, wait="5").code == 0
    ready = busy
    first = asked(ready)
    done = asked(ready, *codes(first)) if first.code else first
    assert done.code == 0, done.err
    file = ready.folder / "go-live.pdf"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == done.json["record"]
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(file).pages).split())
    for said in ("Example Person, principal investigator", "not an electronic signature", "related-serious",
                 "U0DSMBCHAIR", "#site-dsmb", "everybody pressed", "Expected", "Actual"):  # fmt: skip
        assert said in text, said
    assert not re.search(r"\d{4}-\d\d-\d\dT", text), "a time as the database keeps it, without the study's zone"
    exported = [json.loads(line) for line in ready.run("audit", "export").out.splitlines()]
    (entry,) = [one for one in exported if one["kind"] == "went_live"]
    assert entry["body"]["approved_by"] == NAMED[1]
    assert entry["body"]["record"] == done.json["record"]
    assert ready.run("audit", "verify").code == 0
    again = asked(ready)
    assert (again.code, again.json["entry"]) == (0, entry["seq"])
    assert "Nothing changed since" in again.err
    assert ready.run("audit", "export").out.count('"went_live"') == 1


def test_the_rehearsal_holds_alerts_against_messages_and_leaves_the_live_channels_alone(ready: Site) -> None:
    """Would catch a rehearsal that posts to the live workspace, or a table of expected numbers copied into actual."""
    before = {name: len(ready.workspace.messages(name)) for name in CHANNELS.values()}
    seen = rehearsal.rehearse(ready.study(), now_utc())
    assert seen.agrees, seen
    rules = {one.rule: one for one in seen.rules}
    assert (rules["related-serious"].met, rules["related-serious"].told, rules["related-serious"].listed) == (1, 1, 1)
    assert (rules["any-event"].met, rules["any-event"].told, rules["any-event"].listed) == (1, 1, 0)
    kinds = {(one.audience.value, one.kind) for one in seen.messages}
    assert {("open", "parent"), ("open", "note"), ("open", "reply"), ("ops", "note")} <= kinds
    assert before == {name: len(ready.workspace.messages(name)) for name in CHANNELS.values()}


def test_a_channel_that_swallows_a_message_in_the_rehearsal_is_found(ready: Site, monkeypatch: Any) -> None:
    """Would catch a comparison that cannot fail."""
    whole = rehearsal._visible
    monkeypatch.setattr(rehearsal, "_visible", lambda workspace: set(sorted(filter(None, whole(workspace)))[1:]))
    seen = rehearsal.rehearse(ready.study(), now_utc())
    assert not seen.agrees
    assert [str(one) for one in readiness.unrehearsed(seen)]


def test_what_changed_since_the_drill_or_since_going_live_is_said(ready: Site) -> None:
    """Would catch an approval that goes on for other people or other rules than those that were approved."""
    first = asked(ready)
    accepted = codes(first)
    assert asked(ready, *accepted).code == 0
    roles = {"investigator": ["U0INVESTIGATOR", "U0OPERATOR"]}
    ready.configure(slack={"roles": roles})
    done = asked(ready, *accepted)
    assert done.code == 1
    assert any(
        one.startswith("Drill: U0OPERATOR was not reached in the open channel: came to the") for one in whats(done)
    )
    ready.configure(rules=[SERIOUS])
    with opened([ready.study()], mode=None, secrets=Secrets(), writable=False) as composed:
        assert "its rules changed since" in unapproved(composed.studies[0])


def test_a_drill_of_long_ago_does_not_count(ready: Site) -> None:
    slack = ready.study().slack
    reader = opened([ready.study()], mode=None, secrets=Secrets(), writable=False)
    with reader as composed, composed.database.reading() as conn:
        last = last_drill(conn, "SITE-1")
    assert list(shortcomings(last, slack, now_utc())) == []
    (late,) = shortcomings(last, slack, now_utc() + timedelta(days=31))
    assert late == "the last drill ended 31 days ago; it counts for 30"


@pytest.mark.parametrize(
    "name", ["", "   ", "the principal investigator", "PI", "dr", "U0STRANGER99", "X Y", "DSMB chair"]
)
def test_a_function_or_nobody_does_not_approve(site: Site, name: str) -> None:
    """Would catch an approval that an auditor cannot lead back to a person."""
    done = site.run("go-live", "--approved-by", name, "--out", str(site.folder / "x.pdf"))
    assert done.code == 2
    assert "--approved-by:" in " ".join(done.err.split())


def test_somebody_on_the_roster_may_be_named_by_id(site: Site) -> None:
    slack = site.study().slack
    assert approver("U0INVESTIGATOR", slack) == "U0INVESTIGATOR (investigator)"
    assert approver(" Example   Person ", slack) == "Example Person"


def test_a_configuration_with_problems_does_not_go_live_and_codes_must_be_of_warnings(ready: Site) -> None:
    assert ready.run("go-live", *NAMED, "--out", str(ready.folder / "x.txt")).code == 2
    done = asked(ready, "--accept", "00000000")
    assert "--accept 00000000: check has no such warning" in whats(done)
    ready.configure(rules=[{**SERIOUS, "urgency": "crtical"}])
    assert asked(ready).code == 2
