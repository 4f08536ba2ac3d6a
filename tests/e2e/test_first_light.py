"""From an adverse-event record to an acknowledged alert, as people see it: the real product in a real browser.

`DSMBOT_WRITE_PICTURES=1` writes the README's pictures from what this test sees.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import now_utc
from bot.demo.groups import tell_groups
from bot.demo.stage import Stage, set_up
from rules.model import Audience

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The toxic trial on the day on which its boundary was crossed, delivering in the background."""
    with set_up(scenario="toxic", seed=7, port=0, told=lambda _line: None) as made:
        made.look()
        while not made.open_alerts() and made.day < 100:
            made.next_day()
        stop = threading.Event()
        thread = threading.Thread(target=made.connection.delivery.run, args=(now_utc, stop), kwargs={"interval": 0.1})
        thread.start()
        yield made
        stop.set()
        made.connection.delivery.wake.set()
        thread.join(timeout=20)


def visit(browser: Any, stage: Stage, *, scheme: str = "light", width: int = 1280, height: int = 860) -> Any:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(stage.workspace.new_page_url())
    return page


def test_the_alert_is_read_acknowledged_and_explained(browser: Any, stage: Stage) -> None:
    """A click acknowledges once, and the message changes for somebody else who is looking."""
    mine, other = visit(browser, stage), visit(browser, stage)
    other.select_option("#you", label="Medical monitor")
    for page in (mine, other):
        page.get_by_text("Stopping rule crossed: tolerability").wait_for()
        page.get_by_text("Not acknowledged").wait_for()

    mine.get_by_role("button", name="Acknowledge").click()

    for page in (mine, other):
        page.get_by_text("decision still open").wait_for()
        assert page.get_by_role("button", name="Acknowledge", exact=True).count() == 0
    assert [alert.acknowledgement is not None for alert in stage.open_alerts()] == [True]
    _pictures(browser, stage)


def test_the_phone_shows_the_whole_alert_without_scrolling_sideways(browser: Any, stage: Stage) -> None:
    page = visit(browser, stage, width=390, height=844)
    page.get_by_text("Stopping rule crossed: tolerability").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_closed_channel_is_the_boards_alone(browser: Any, stage: Stage) -> None:
    """The board reads invented groups; an investigator does not even see the channel's name."""
    tell_groups(stage)
    stage.connection.delivery.wake.set()
    page = visit(browser, stage)
    closed = stage.channel(Audience.CLOSED).removeprefix("#")
    page.get_by_text("channels hidden").wait_for()
    assert page.locator("#rail").get_by_text(closed).count() == 0

    page.select_option("#you", label="DSMB member")
    page.locator("#rail").get_by_text(closed).click()
    page.get_by_text("Arms shown here are invented.").first.wait_for()

    page.select_option("#you", label="Investigator")
    page.locator("#rail").get_by_text(closed).wait_for(state="detached")
    assert page.get_by_text("Arms shown here are invented.").count() == 0


def _pictures(browser: Any, stage: Stage) -> None:
    if os.environ.get("DSMBOT_WRITE_PICTURES") != "1":
        return
    PICTURES.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        page = visit(browser, stage, scheme=scheme)
        page.get_by_text("decision still open").wait_for()
        page.get_by_text("Stopping rule crossed: tolerability").scroll_into_view_if_needed()
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURES / f"alert-{scheme}.png")
        page.context.close()
