"""Questions typed in Slack, over a real socket: where the answer goes, who may have it, what a wrong word is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from bot.wording import replies
from bot.workspace.people import Person
from storage.schema import audit
from tests.bot.commands.asked import VERBATIM, asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import CHANNELS, Site

DOCTOR, NURSE, BOARD, OPS = "U0INVESTIGATOR", "U0COORDINATOR", "U0DSMBCHAIR", "U0OPERATOR"
ROLES = {
    "investigator": [DOCTOR], "medical_monitor": ["U0MONITOR"], "coordinator": [NURSE], "pharmacist": ["U0PHARMACIST"],
    "dsmb": [BOARD], "operator": [OPS],
}  # fmt: skip


@pytest.fixture
def living(site_of: Callable[..., Site]) -> Iterator[Life]:
    with life(asked_site(site_of, slack={"roles": ROLES})) as found:
        records(found)
        yield found


def ask(living: Life, who: str, text: str, where: str = CHANNELS["open"]) -> str:
    """What a person is told where they asked, after everything that follows has arrived."""
    done = living.site.workspace.slash(who, where, "/safety", text, settle=30)
    assert done.acked
    return "\n".join(message["text"] for message in done.ephemeral)


def aloud(living: Life, who: str, text: str, answered: Callable[[], object], where: str = CHANNELS["open"]) -> None:
    """Ask what is answered with a message that stays, and wait until it has arrived."""
    assert living.site.workspace.slash(who, where, "/safety", text, settle=0).acked
    assert living.site.workspace.workspace.wait_for(answered, 30)


def direct(living: Life, who: str) -> list[dict[str, Any]]:
    """The direct messages of a person, oldest first."""
    space = living.site.workspace.workspace
    return space.messages(space.directory.open_im(who).id)


def audited(living: Life, kind: str) -> list[Any]:
    with living.study.database.reading() as conn:
        return list(conn.execute(select(audit).where(audit.c.kind == kind).order_by(audit.c.seq)))


def test_a_short_answer_stays_where_it_was_asked_for_that_person_alone(living: Life) -> None:
    """Would catch an answer that everybody reads, or a trifle that fills the direct messages."""
    before = len(living.site.messages())
    assert "1 alert open" in ask(living, DOCTOR, "alerts")
    assert len(living.site.messages()) == before
    assert direct(living, DOCTOR) == []


def test_a_long_answer_goes_to_the_direct_messages_with_its_picture_described(living: Life) -> None:
    """Would catch an answer that is gone when the window is loaded anew, or a picture without words."""
    told = ask(living, DOCTOR, "subject S-002")
    assert "sent it to your direct messages" in told
    text, picture = direct(living, DOCTOR)
    assert f"/p{text['ts'].replace('.', '')}|Open it>" in told
    assert text["text"].startswith("Subject S-002 · SITE-1.")
    assert picture["files"][0]["alt_txt"].startswith("Timeline of subject S-002")
    assert picture["files"][0]["mimetype"] == "image/png"
    ask(living, DOCTOR, "rule tolerability")
    rule, plot = direct(living, DOCTOR)[2:]
    assert "Chance to cross" in rule["text"]
    assert "The boundary is not crossed" in plot["files"][0]["alt_txt"]
    said = json.dumps(direct(living, DOCTOR), ensure_ascii=False)
    assert not [word for word in VERBATIM if word in said]


def test_a_summary_is_the_study_pooled_with_its_files_and_no_word_of_the_board(living: Life) -> None:
    """Would catch an asked summary that differs from the weekly one, or that holds what is closed."""
    assert "sent it to your direct messages" in ask(living, BOARD, "summary")
    text, *files = direct(living, BOARD)
    assert text["text"].startswith("Weekly summary to Thu 14 May 2026 · SITE-1.")
    assert [file["files"][0]["name"] for file in files] == ["open-summary.pdf", "open-summary.xlsx"]
    said = json.dumps([text, *files], ensure_ascii=False)
    assert "board-only" not in said
    assert not [word for word in VERBATIM if word in said]
    assert ask(living, OPS, "summary") == replies.OFF_ROSTER


def test_share_posts_in_the_channel_with_the_picture_in_its_thread(living: Life) -> None:
    """Would catch a shared plot that pushes the alerts out of sight, or an answer shared twice."""
    before = len(living.site.workspace.messages(CHANNELS["open"]))
    aloud(living, DOCTOR, "rule tolerability --share", lambda: any(m.get("files") for m in living.site.messages()))
    posted = living.site.workspace.messages(CHANNELS["open"])[before:]
    assert [m["text"][:17] for m in posted] == ["Rule tolerability"]
    thread = living.site.workspace.thread(CHANNELS["open"], posted[0]["ts"])
    assert [bool(m.get("files")) for m in thread] == [False, True]
    assert direct(living, DOCTOR) == []


def test_share_goes_nowhere_but_the_study_s_own_channels(living: Life) -> None:
    """Would catch a closed answer that is shared on the open side."""
    space = living.site.workspace.workspace
    im = space.directory.open_im(BOARD).id
    assert "only in the study's own channels" in ask(living, BOARD, "alerts --share", im)
    before = len(living.site.messages())
    aloud(living, BOARD, "alerts --share", lambda: len(living.site.messages()) > before)
    shared = living.site.messages()[before:]
    assert "alert open" in json.dumps(shared)
    assert "board-only" not in json.dumps(shared)


def test_the_board_reads_both_sides_in_private_and_that_is_recorded(living: Life) -> None:
    """Would catch a closed answer without its record, or one for a person who is not on the roster."""
    im = living.site.workspace.workspace.directory.open_im(BOARD).id
    aloud(living, BOARD, "alerts", lambda: direct(living, BOARD), im)
    assert "board-only" in direct(living, BOARD)[0]["text"]
    assert [entry.body["act"] for entry in audited(living, "closed_content_shown")] == ["alerts"]
    assert "board-only" not in ask(living, DOCTOR, "alerts all")
    assert "know no rule “board-only”" in ask(living, DOCTOR, "rule board-only")


def test_a_person_without_the_role_is_told_so_shown_nothing_and_recorded(living: Life) -> None:
    """Would catch a stranger, or an operator, who reads records of subjects."""
    space = living.site.workspace.workspace
    space.directory.people["U0STRANGER"] = Person("U0STRANGER", "Somebody", "visitor")
    for channel in space.directory.channels.values():
        channel.members.append("U0STRANGER")
    for who, text in (("U0STRANGER", "aes"), ("U0STRANGER", "rule tolerability"), (OPS, "subject S-002")):
        assert ask(living, who, text) == replies.OFF_ROSTER
        assert direct(living, who) == []
    assert [(e.body["act"], e.body["because"]) for e in audited(living, "refused")] == [
        ("aes", "holds no role of this study"), ("rule", "holds no role of this study"),
        ("subject", "holds no role that may do this"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("alrts", "Did you mean /safety alerts"),
        ("alerts opne", "Did you mean alerts open or alerts all?"),
        ("rule tolerabilty", "Did you mean tolerability?"),
        ("rule", "Please say which rule"),
        ("subject S-0021", "Did you mean S-00"),
        ("aes seriuos", "Did you mean serious?"),
        ("aes grade>=7", "grades are 1 to 5"),
        ("aes term=Hipersensitivity", "Did you mean Hypersensitivity?"),
        ("aes since=yesterday", "days are written so"),
        ("summary lastweek", "lastweek is not a moment. Write it as 2026-05-14"),
        ("summary 2099-01-01", "2099-01-01 is in the future."),
        ("summary 2001-01-01", "2001-01-01 is before the study: monitoring began on"),
    ],
)
def test_a_wrong_word_is_answered_in_a_sentence_with_the_nearest_right_one(living: Life, typed: str, told: str) -> None:
    """Would catch a typing error that ends in silence, or in an answer to another question."""
    assert told in ask(living, DOCTOR, typed)


def test_the_menu_opens_without_a_word_and_its_buttons_ask_as_if_typed(living: Life) -> None:
    """Would catch a button that gives another answer than the word it stands for."""
    done = living.site.workspace.slash(DOCTOR, CHANNELS["open"], "/safety", "", settle=8)
    (menu,) = done.ephemeral
    assert "*rule ID*" in menu["text"]
    rows = [b for b in menu["blocks"] if b["type"] == "actions"]
    buttons = {e["value"].removeprefix("/safety "): e["action_id"] for row in rows for e in row["elements"]}
    assert {"status", "alerts open", "aes serious", "help"} <= set(buttons)
    pressed = living.site.workspace.click(DOCTOR, CHANNELS["open"], menu["ts"], buttons["alerts open"], settle=8)
    assert "1 alert open" in pressed.ephemeral[-1]["text"]


def test_an_answer_that_slack_refuses_is_not_silence(living: Life) -> None:
    """Would catch a person who waits for an answer that never comes."""
    living.site.workspace.workspace.scopes = tuple(s for s in living.site.workspace.workspace.scopes if s != "im:write")
    assert "could not send the answer" in ask(living, DOCTOR, "subject S-002")


def test_without_the_picture_the_words_arrive_and_say_so(living: Life) -> None:
    """Would catch an answer lost with its picture."""
    space = living.site.workspace.workspace
    space.scopes = tuple(s for s in space.scopes if s != "files:write")
    ask(living, DOCTOR, "subject S-002")
    text, missing = direct(living, DOCTOR)
    assert text["text"].startswith("Subject S-002")
    assert "could not be shown" in missing["text"]
