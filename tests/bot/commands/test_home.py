"""App Home over a real socket: each person's own page, its buttons, and nothing for who may read nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.slack.limits import VIEW_BLOCKS, violations
from bot.workspace.people import Person
from tests.bot.commands.asked import asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import Site, event
from tests.bot.commands.test_asking import BOARD, DOCTOR, NURSE, ROLES, audited, direct


@pytest.fixture
def living(site_of: Callable[..., Site]) -> Iterator[Life]:
    with life(asked_site(site_of, slack={"roles": ROLES})) as found:
        records(found)
        yield found


def home(living: Life, who: str, expected: str = "") -> dict[str, Any]:
    """A person's page after they opened it, once it says what is expected."""
    space = living.site.workspace.workspace
    before = space.views.homes.get(who)
    seen = before.hash if before else ""
    space.open_home(who)

    def drawn() -> bool:
        now = space.views.homes.get(who)
        return now is not None and now.hash != seen and expected in text_of(now.body)

    assert space.wait_for(drawn, 8)
    return space.views.homes[who].body


def text_of(body: dict[str, Any]) -> str:
    found = []
    for block in body["blocks"]:
        inside = [block.get("text"), *(e for e in block.get("elements", ()) if e.get("type") == "mrkdwn")]
        found += [one["text"] for one in inside if one]
    return "\n".join(found)


def buttons(body: dict[str, Any]) -> list[str]:
    return [e["text"]["text"] for b in body["blocks"] if b["type"] == "actions" for e in b["elements"] if "text" in e]


def test_each_role_sees_what_needs_that_person_first(living: Life) -> None:
    """Would catch one page for all, on which nobody finds what is theirs, or an alert without its buttons."""
    doctor, nurse = home(living, DOCTOR), home(living, NURSE)
    assert doctor["blocks"][0]["text"]["text"] == "SITE-1 · 1 alert for you now"
    assert "Acknowledge" in buttons(doctor)
    assert nurse["blocks"][0]["text"]["text"] == "SITE-1 · Nothing waits for you"
    assert buttons(nurse) == []
    for page in (doctor, nurse):
        assert "tolerability*: 2 events, stops at 5 of 9, 3 away" in text_of(page)
        assert "edc: read 14:00" in text_of(page)
        assert "board-only" not in text_of(page)
        assert violations(page["blocks"], surface="home") == ()


def test_a_button_on_the_page_counts_and_the_page_is_drawn_again_for_everybody(living: Life) -> None:
    """Would catch a click that is recorded and changes nothing to be seen, or an answer that reaches nobody."""
    space = living.site.workspace.workspace
    home(living, NURSE)
    page = home(living, DOCTOR)
    view, block = space.views.homes[DOCTOR], next(b for b in page["blocks"] if b["type"] == "actions")
    space.press_in_view(DOCTOR, view.id, "dsmbot_acknowledge", block=block["block_id"])
    assert space.wait_for(lambda: "no decision yet" in text_of(space.views.homes[DOCTOR].body), 8)
    assert space.wait_for(lambda: f"acknowledged by <@{DOCTOR}>" in text_of(space.views.homes[NURSE].body), 8)
    assert space.wait_for(lambda: direct(living, DOCTOR), 8)
    assert "Acknowledged" in direct(living, DOCTOR)[0]["text"]
    living.settle()
    assert "● Acknowledged by" in living.site.said()


def test_the_board_s_page_has_both_sides_and_each_look_is_recorded(living: Life) -> None:
    """Would catch closed content on a page without its record, or kept there after the person left the roster."""
    assert "board-only" in text_of(home(living, BOARD))
    assert [e.body["about"] for e in audited(living, "closed_content_shown")] == ["home"]
    space = living.site.workspace.workspace
    space.directory.people[BOARD] = replace(space.directory.people[BOARD], is_restricted=True)
    after = home(living, BOARD, "I can't help with that here")
    assert "board-only" not in str(after)
    assert "refused" in [e.kind for e in audited(living, "refused")]


def test_a_stranger_s_page_does_not_tell_that_there_is_a_study(living: Life) -> None:
    """Would catch a page that names the study to whoever finds the app."""
    space = living.site.workspace.workspace
    space.directory.people["U0STRANGER"] = Person("U0STRANGER", "Somebody", "visitor")
    page = home(living, "U0STRANGER", "I can't help with that here")
    assert "SITE-1" not in str(page)
    assert [e.body["because"] for e in audited(living, "refused")] == ["holds no role of this study"]


def test_a_page_with_very_many_alerts_stays_within_slack_s_limits_and_says_what_it_shows(living: Life) -> None:
    """Would catch a page that Slack refuses on the very day on which it matters."""
    serious = {"AESER": "Y", "AEREL": "RELATED", "AESEV": "SEVERE"}
    records(living, *(event(1 + n % 9, 100 + n, **serious) for n in range(80)))  # type: ignore[arg-type]
    page = home(living, DOCTOR, "81 alerts for you now")
    assert len(page["blocks"]) <= VIEW_BLOCKS
    assert "Showing 12 of 81" in text_of(page)


def test_why_opens_from_the_page_and_the_alert_can_be_copied_as_text_with_its_hash(living: Life) -> None:
    """Would catch a text for the ethics board that nobody can check, or that names a person's words."""
    space = living.site.workspace.workspace
    page = home(living, DOCTOR)
    view, block = space.views.homes[DOCTOR], next(b for b in page["blocks"] if b["type"] == "actions")
    menu = next(e for e in block["elements"] if "options" in e)
    why = next(o["value"] for o in menu["options"] if o["value"].startswith("why"))
    space.press_in_view(DOCTOR, view.id, "dsmbot_menu", why, block=block["block_id"])
    assert space.wait_for(lambda: space.views.top(DOCTOR), 8)
    modal = space.views.top(DOCTOR)
    assert modal is not None
    space.press_in_view(DOCTOR, modal.id, "dsmbot_copy")
    assert space.wait_for(lambda: len(space.views.stacks[DOCTOR]) == 2, 8)
    copied = "\n".join(b["text"]["text"] for b in space.views.stacks[DOCTOR][-1].body["blocks"])
    assert "RELATED SERIOUS EVENT" in copied
    with living.study.database.reading() as conn:
        from bot.lookup.alerts import alert_lines
        from rules.model import Audience

        (line,) = alert_lines(conn, living.study, Audience.OPEN)
    assert f"Hash of this finding (SHA-256): {line.reference.split('|')[2]}" in copied
    assert "Audit record" in copied
    assert "throat" not in copied
    assert "<@" not in copied
