"""Looking things up in a study that lives: numbers that agree, one alias everywhere, nothing verbatim, sides apart."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.access import Withheld, disclose
from bot.configuration.people import Role
from bot.lookup.alerts import alerts_content
from bot.lookup.home import home_content
from bot.lookup.nearest import NotFound
from bot.lookup.records import events_content, subject_content
from bot.lookup.rule import rule_content
from bot.slack.enclosures import enclosures
from bot.slack.messages import Message, render
from bot.views import View
from bot.wording.home import home as home_page
from rules.model import Audience
from tests.bot.commands.asked import VERBATIM, asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import Site, event


@pytest.fixture
def living(site_of: Callable[..., Site]) -> Iterator[Life]:
    with life(asked_site(site_of)) as found:
        records(found)
        yield found


def view(living: Life, make: Callable[..., Any], *words: Any, reader: Audience = Audience.OPEN, **more: Any) -> View:
    study = living.study
    with study.database.reading() as conn:
        content = make(conn, study, reader, living.hand[0], *words, **more)
    return disclose(content, reader, study.voice.setting)


def shown(message: Message) -> str:
    return message.text + json.dumps(message.blocks, ensure_ascii=False)


def test_adverse_events_are_listed_in_coded_words_with_what_is_missing(living: Life) -> None:
    """Would catch verbatim text in Slack, and a missing causality that a reader takes for "not related"."""
    message = render(view(living, events_content, ()), "k")
    assert "4 adverse events in 3 subjects" in message.text
    assert "Application site pain · grade 3 · causality missing" in message.text
    assert not [word for word in VERBATIM if word in shown(message).lower()]
    assert "2026-01" not in shown(message)
    filtered = view(living, events_content, ("related", "grade>=2"))
    assert [e.term for e in filtered.content.events] == [  # type: ignore[union-attr]
        "Application site rash", "Application site pain", "Hypersensitivity",
    ]  # fmt: skip


def test_a_long_list_says_how_much_it_shows_and_encloses_the_rest(living: Life) -> None:
    """Would catch a list cut in silence, and a term that a spreadsheet would run as a formula."""
    records(living, *(event(4, n, AEDECOD="=Headache") for n in range(1, 40)))
    made = view(living, events_content, ())
    assert "Showing 30 of 43" in render(made, "k").text
    (file,) = enclosures(made)
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert len(rows) == 43
    assert {row["term"] for row in rows if row["subject"] == "S-004"} == {"'=Headache"}
    assert not [word for word in VERBATIM if word in file.content.decode().lower()]


def test_a_subject_is_told_in_study_days_with_its_picture_in_words(living: Life) -> None:
    """Would catch an amount or treatment in a blinded timeline, and a picture without a description."""
    made = view(living, subject_content, "002")
    message, (picture,) = render(made, "k"), enclosures(made)
    assert "Subject S-002" in message.text
    assert "🛑 related-serious" in message.text.replace("*", "")
    assert "Dispensed" in message.text
    assert picture.content.startswith(b"\x89PNG")
    for said in (shown(message), picture.alt):
        assert "Hypersensitivity" in said
        assert not [word for word in (*VERBATIM, "STS CREAM", "61.4", "2026-0") if word in said]
    with pytest.raises(NotFound) as caught:
        view(living, subject_content, "S-020")
    (near,) = caught.value.near
    assert near in {f"S-00{i}" for i in range(1, 10)}


def test_a_rule_tells_where_it_stands_and_how_far_it_is(living: Life) -> None:
    """Would catch a rule's page whose count is not the finding's, or that hides the chance to cross."""
    made = view(living, rule_content, "tolerability")
    message, (picture,) = render(made, "k"), enclosures(made)
    assert "2 events" in message.text
    assert "Chance to cross" in message.text
    assert "It stops at 3 of 3–4" in message.text
    assert "pause enrolment" in message.text
    assert "2 events among 9 dosed subjects" in picture.alt
    with pytest.raises(NotFound) as caught:
        view(living, rule_content, "tolerabilty")
    assert caught.value.near == ("tolerability",)


def test_the_board_s_rules_and_alerts_are_not_known_on_the_open_side(living: Life) -> None:
    """Would catch a closed rule that is named as the nearest match, or listed, for a blinded reader."""
    assert {a.rule_id for a in view(living, alerts_content).content.lines} == {"related-serious"}  # type: ignore[union-attr]
    closed = view(living, alerts_content, reader=Audience.CLOSED).content.lines  # type: ignore[union-attr]
    assert {a.rule_id for a in closed} == {"related-serious", "board-only"}
    with pytest.raises(NotFound) as caught:
        view(living, rule_content, "board-only")
    assert "board-only" not in caught.value.near
    with living.study.database.reading() as conn:
        content = alerts_content(conn, living.study, Audience.CLOSED, living.hand[0])
    with pytest.raises(Withheld):
        disclose(content, Audience.OPEN, living.study.voice.setting)


def test_home_puts_first_what_waits_for_this_person(living: Life) -> None:
    """Would catch a page that shows everybody the same, and so tells nobody what to do."""
    doctor = home_page(view(living, home_content, {Role.INVESTIGATOR}))
    nurse = home_page(view(living, home_content, {Role.COORDINATOR}))
    assert doctor.parts[0].head == "SITE-1 · 1 alert for you now"
    assert [a.rule_id for a in doctor.parts[0].alerts] == ["related-serious"]
    assert nurse.parts[0].head == "SITE-1 · Nothing waits for you"
    assert [a.rule_id for a in nurse.parts[1].alerts] == ["related-serious"]
    rules = next(part for part in doctor.parts if part.head.startswith("Rules"))
    assert [line.split("*")[1] for line in rules.lines] == ["related-serious", "tolerability"]
    assert not [part for part in (*doctor.parts, *nurse.parts) if "board" in str(part)]


def test_where_a_study_shows_aliases_no_answer_holds_a_subject_number(site_of: Callable[..., Site]) -> None:
    """Would catch one list of the five that forgets the alias."""
    with life(asked_site(site_of, privacy={"dates": "study_day", "subject_ids": "alias"})) as living:
        records(living)
        events = view(living, events_content, ())
        alias = next(e.usubjid for e in events.content.events if e.term == "Hypersensitivity")  # type: ignore[union-attr]
        assert alias.startswith("P-")
        made = [events, view(living, alerts_content), view(living, rule_content, "tolerability"),
                view(living, rule_content, "related-serious"), view(living, subject_content, alias.lower()),
                view(living, events_content, (f"subject={alias}",))]  # fmt: skip
        for one in made:
            assert "S-00" not in shown(render(one, "k"))
            assert not [e for e in enclosures(one) if "S-00" in e.alt or b"S-00" in e.content]
        assert "S-00" not in str(home_page(view(living, home_content, {Role.INVESTIGATOR})))
        with pytest.raises(NotFound) as caught:
            view(living, subject_content, "S-002")
        assert not [name for name in caught.value.near if name.startswith("S-")]
