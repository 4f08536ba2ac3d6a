"""The pages of docs/slack.md in a real Chromium: looked at in light, dark and on a phone, nothing essential below."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bot.commands.asked import asked_site, records
from tests.bot.commands.life import life
from tests.bot.commands.site import CHANNELS, Site
from tests.bot.commands.test_asking import DOCTOR, ROLES, direct
from tests.bot.commands.test_home import home
from tests.bot.workspace.test_page import open_page

pytestmark = pytest.mark.browser
IMAGES = Path("docs/images")
SAVE = os.environ.get("DSMBOT_SAVE_PICTURES") == "1"
"""Set to 1 to write the pictures of docs/slack.md anew."""


def shot(page: Any, name: str) -> None:
    if SAVE:
        page.screenshot(path=str(IMAGES / f"{name}.png"))


def test_answers_and_home_as_people_see_them(browser: Any, site_of: Callable[..., Site]) -> None:
    """Would catch a page that draws a block as an unknown box, a picture without a name, or buttons below the fold."""
    with life(asked_site(site_of, slack={"roles": ROLES})) as living:
        records(living)
        home(living, DOCTOR)
        living.site.workspace.slash(DOCTOR, CHANNELS["open"], "/safety", "subject S-002", settle=30)
        assert living.site.workspace.workspace.wait_for(lambda: len(direct(living, DOCTOR)) == 2, 30)
        for name, width, height, scheme in (
            ("home-light", 1000, 720, "light"), ("home-dark", 1000, 720, "dark"), ("home-phone", 390, 844, "light"),
        ):  # fmt: skip
            page = open_page(browser, living.site.workspace, width, height, color_scheme=scheme)
            page.set_default_timeout(20_000)
            if width < 600:
                page.click("#to-rail")
            page.click("[data-channel=home]")
            button = page.get_by_role("button", name="Acknowledge").first
            button.wait_for()
            box = None
            while box is None:  # Home may be drawn anew just now
                box = button.bounding_box()
            assert box["y"] + box["height"] < height, "the first thing to do is seen without scrolling"
            assert page.locator(".b-unknown").count() == 0
            shot(page, name)
            if name == "home-light":
                page.locator("#rail").get_by_text("Direct message").click()
                picture = page.get_by_role("img", name="Timeline of subject S-002")
                picture.wait_for()
                picture.evaluate("(img) => img.decode()")
                picture.scroll_into_view_if_needed()
                shot(page, "answer-subject")
            assert page.faults == []
            page.context.close()
