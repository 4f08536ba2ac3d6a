"""Messages on a phone of 390 × 844: what matters is above the fold, nothing runs out of the side; and read aloud."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.commands.asked import ROWS, asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import Site, event
from tests.bot.commands.test_asking import ROLES
from tests.bot.workspace.test_page import open_page

MEASURE = """() => {
  const log = document.querySelector('#log');
  return [...log.querySelectorAll('article')].map((article) => {
    const top = article.getBoundingClientRect().top;
    const buttons = [...article.querySelectorAll('button:not(.link)')].filter((b) => b.offsetHeight > 0);
    const last = buttons.length ? buttons.at(-1) : article.querySelector('h3, h2, .b-header, .b-section') || article;
    return {
      title: article.innerText.split('\\n').slice(0, 6).join(' '),
      depth: last.getBoundingClientRect().bottom - top,
      window: log.clientHeight,
      wide: article.scrollWidth > article.clientWidth + 1,
      small: buttons.filter((b) => b.getBoundingClientRect().height < 44).map((b) => b.innerText),
    };
  });
}"""


@pytest.fixture
def busy(site_of: Callable[..., Site]) -> Iterator[Life]:
    """Everything that a channel gets: starting state, event, boundary, provisional, many at once, note, week."""
    with life(asked_site(site_of, slack={"roles": ROLES})) as living:
        records(living)
        skin = [
            event(n, 1, AEDECOD="Application site rash", AESEV="MODERATE", AEREL="POSSIBLE", AESTDTC="2026-01-20")
            for n in range(4, 9)
        ]
        living.put(*ROWS, *skin)
        living.cycle(minutes=5)
        many = [
            event(n, 9, AEDECOD="Anaphylactic reaction", AESEV="SEVERE", AEREL="RELATED", AESER="Y", AESHOSP="Y",
                  AESTDTC="2026-03-02")
            for n in range(1, 10)
        ]  # fmt: skip
        living.put(*ROWS, *skin, *many)
        living.cycle(minutes=5)
        living.cycle(hours=20)
        living.cycle(days=4)
        yield living


@pytest.mark.browser
def test_on_a_phone_each_message_says_and_offers_what_matters_without_scrolling(browser: Any, busy: Life) -> None:
    """Would catch a message whose button lies below the fold, runs out of the side, or is too small for a thumb."""
    page = open_page(browser, busy.site.workspace, 390, 844, has_touch=True)
    page.set_default_timeout(15_000)
    page.locator("#log article").nth(3).wait_for()
    found = page.evaluate(MEASURE)
    said = " ".join(one["title"] for one in found)
    for kind in ("Monitoring began", "Related serious event", "Stopping rule crossed", "Weekly summary"):
        assert kind.casefold() in said.casefold(), (kind, said)
    for one in found:
        assert one["depth"] <= one["window"], one
        assert not one["wide"], one
        assert one["small"] == [], one
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    folder = os.environ.get("DSMBOT_PICTURES")
    if folder:
        for number in range(page.locator("#log article").count()):
            page.locator("#log article").nth(number).evaluate("(a) => a.scrollIntoView({block: 'start'})")
            page.screenshot(path=str(Path(folder) / f"phone-{number:02d}.png"))
    assert page.faults == []
    page.context.close()


def test_read_aloud_each_message_is_complete(busy: Life) -> None:
    """Would catch a lock screen or a screen reader that hears less than the eyes see: headings, figures, alt texts."""
    heard = 0
    for audience in ("open", "ops"):
        for message in busy.site.messages(audience):
            text = _plain(message["text"])
            assert text or message.get("files"), message
            for block in message.get("blocks") or ():
                if block["type"] == "header":
                    heard += 1
                    words = re.findall(r"[A-Za-z]{4,}", block["text"]["text"])
                    missing = [word for word in words if word.casefold() not in text.casefold()]
                    assert not missing, (block["text"]["text"], text)
                if block["type"] == "image":
                    assert block["alt_text"].strip()
                    assert block["title"]["text"].strip()
            for file in message.get("files") or ():
                assert file["title"]
                assert file.get("alt_txt") or not file["mimetype"].startswith("image/")
            for figure in _strong(message):
                assert figure in text, (figure, text)
    assert heard >= 8


def _strong(message: dict[str, Any]) -> list[str]:
    """Every number in what a message prints bold: the figures that people act upon."""
    said = [b["text"]["text"] for b in message.get("blocks") or () if b["type"] == "section" and "text" in b]
    bold = re.findall(r"\*([^*\n]+)\*", "\n".join(said))
    return [number for words in bold for number in re.findall(r"(?<![\w.:])\d+(?![\w:])", _plain(words))]


def _plain(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text).replace("*", "")
