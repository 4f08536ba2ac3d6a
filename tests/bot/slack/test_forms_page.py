"""The forms in a real Chromium: pressed, refused at the field, filled in, submitted; wide and at 390 px."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bot.workspace import people as cast
from storage import alerts
from tests.bot.slack.bench import Bench
from tests.bot.slack.test_forms import connected
from tests.bot.workspace.test_page import open_page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1440, 390])
def test_a_decision_is_filled_in_on_the_page(browser: Any, slack: Bench, width: int) -> None:
    """Would catch a form that cannot be used by a person: no labels, no way to choose, errors out of sight."""
    key = slack.alert()
    slack.run()
    with connected(slack):
        page = open_page(browser, slack.running, width=width)
        page.locator("#log").get_by_role("button", name="Record decision").click()
        form = page.locator("#modal")
        form.get_by_label("What was decided?").wait_for()
        _picture(page, f"form-{width}")
        form.get_by_role("button", name="Record decision").click()
        form.get_by_text("Please complete this field.").first.wait_for()
        form.get_by_label("What was decided?").select_option(label="Pause enrolment")
        form.get_by_label("Why?").fill("   ")
        form.get_by_role("button", name="Record decision").click()
        form.get_by_text("Write a few words.").wait_for()
        assert form.get_by_label("What was decided?").input_value() == "pause_enrolment"
        _picture(page, f"form-wrong-{width}")
        form.get_by_label("Why?").fill("as the protocol says")
        form.get_by_role("button", name="Record decision").click()
        form.wait_for(state="hidden")
        slack.run_for(12)
        page.locator("#log").get_by_text("in force: enrolment is paused").first.wait_for()
        _picture(page, f"decided-{width}")
        assert page.faults == []
        page.context.close()
    with slack.db.reading() as conn:
        _, kept = alerts.latest(conn, slack.item(key).alert_id or 0).responses
    assert (kept.user_id, kept.note) == (cast.INVESTIGATOR, "as the protocol says")


def test_assigning_begins_with_oneself_and_a_note_counts_characters(browser: Any, slack: Bench) -> None:
    """Would catch a person field that begins empty, and a limit that is found out after typing."""
    slack.alert()
    slack.run()
    with connected(slack):
        page = open_page(browser, slack.running)
        page.locator("#log").get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Assign…").click()
        form = page.locator("#modal")
        assert form.get_by_label("Who follows this up?").input_value() == cast.INVESTIGATOR
        page.keyboard.press("Escape")
        form.wait_for(state="hidden")
        page.locator("#log").get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Add a note…").click()
        assert form.get_by_label("Your note").get_attribute("maxlength") == "500"
        assert page.faults == []
        page.context.close()


def _picture(page: Any, name: str) -> None:
    """Kept where a person asks for it, to be looked at."""
    folder = os.environ.get("DSMBOT_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
