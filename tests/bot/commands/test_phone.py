"""Messages on a phone of 390 × 844: what matters is above the fold, nothing runs out of the side; and read aloud."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bot.acting import drill
from bot.acting.actions import By, acknowledge
from bot.acting.responding import decide
from storage import alerts
from storage.alert_records import DecisionKind
from tests.bot.commands.asked import ROWS, asked_site, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import CHANNELS, Site, event, subjects
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


@pytest.fixture
def troubled(site_of: Callable[..., Site]) -> Iterator[Life]:
    """What a channel gets on bad days: provisional, a broken hold, calls, a reminder, faults of a source, a drill."""
    with life(asked_site(site_of, slack={"roles": ROLES})) as living:
        records(living)
        _decided(living, "related-serious", DecisionKind.PAUSE_ENROLMENT)
        unknown = [
            event(n, 1, AEDECOD="Application site rash", AESEV="MODERATE", AEREL="", AESTDTC="2026-01-20")
            for n in range(4, 9)
        ]
        later = pd.concat([subjects(9), subjects(10, RFSTDTC="2026-05-16", RFXSTDTC="2026-05-16").tail(1)])
        living.put(*ROWS, *unknown, dm=later)
        living.cycle(days=2)
        living.cycle(minutes=31)
        living.cycle(minutes=31)
        _decided(living, "tolerability", None)
        living.cycle(hours=25)
        drill.begin(living.study, living.hand[0], timedelta(minutes=10))
        living.settle()
        (living.site.data / "dm.csv").unlink()
        living.cycle(minutes=5)
        living.cycle(days=3)
        yield living


def _decided(living: Life, rule: str, decision: DecisionKind | None) -> None:
    """The investigator acknowledges, and decides where a decision is given."""
    with living.study.database.writing(living.study.id) as conn:
        item = next(one for one in alerts.open_alerts(conn, living.study.id) if one.rule_id == rule)
        by = By("U0INVESTIGATOR", "T1", living.hand[0], f"{rule}-ack", version=item.version)
        acknowledge(conn, alerts.latest(conn, item.alert_id), by, living.study.voice.setting)
        if decision is not None:
            by = By("U0INVESTIGATOR", "T1", living.hand[0], f"{rule}-decide", version=item.version)
            alert = alerts.latest(conn, item.alert_id)
            decide(conn, alert, by, living.study.voice.setting, decision=decision, scope="all", reason="As written.")
    living.cycle(minutes=1)


@pytest.mark.browser
def test_on_a_phone_each_message_says_and_offers_what_matters_without_scrolling(browser: Any, busy: Life) -> None:
    """Would catch a message whose button lies below the fold, runs out of the side, or is too small for a thumb."""
    kinds = ("Monitoring began", "Related serious event", "Stopping rule crossed", "Weekly summary")
    _fits(browser, busy, "U0INVESTIGATOR", CHANNELS["open"], *kinds)


@pytest.mark.browser
def test_on_a_phone_bad_days_can_be_read_and_acted_upon(browser: Any, troubled: Life) -> None:
    """Would catch the same in what comes when something is missing, late, broken or asked of everybody."""
    _fits(browser, troubled, "U0INVESTIGATOR", CHANNELS["open"],
          "would be crossed", "while enrolment is paused", "Drill: can you be reached?")  # fmt: skip
    _fits(browser, troubled, "U0OPERATOR", CHANNELS["ops"], "Drill: can you be reached?")


@pytest.mark.browser
def test_on_a_phone_every_answer_can_be_read(browser: Any, busy: Life) -> None:
    """Would catch an answer that is wider than the phone, or one whose first words are below the fold."""
    for words in ("status", "alerts", "aes serious", "rule tolerability", "subject S-002", "summary", "menu", "help",
                  "sttus", "raise", "cover <@U0MONITOR> until 2026-05-31", "handover <@U0MONITOR>"):  # fmt: skip
        busy.site.workspace.slash("U0INVESTIGATOR", CHANNELS["open"], "/safety", words, settle=30)
    _fits(browser, busy, "U0INVESTIGATOR", CHANNELS["open"],
          "STATUS", "still open", "Did you mean", "covers for you")  # fmt: skip
    _fits(browser, busy, "U0INVESTIGATOR", "D", "Subject S-002", "Weekly summary", "Related skin reaction")


def _fits(browser: Any, living: Life, user: str, where: str, *said: str) -> None:
    """Each message of a channel, as one person has it on a phone, says these and fits."""
    page = open_page(browser, living.site.workspace, 390, 844, has_touch=True)
    page.set_default_timeout(15_000)
    page.select_option("#you", user)
    page.locator("#you option:checked").wait_for(state="attached")
    page.locator("#to-rail").click()
    name = "Direct message" if where == "D" else where.removeprefix("#")
    page.locator("#rail").get_by_text(name).first.click()
    page.locator("#log article").nth(1).wait_for()
    found = page.evaluate(MEASURE)
    every = page.locator("#log").inner_text().casefold()
    folder = os.environ.get("DSMBOT_PICTURES")
    if folder:
        for number in range(page.locator("#log article").count()):
            page.locator("#log article").nth(number).evaluate("(a) => a.scrollIntoView({block: 'start'})")
            page.screenshot(path=str(Path(folder) / f"phone-{living.study.id}-{user}-{name}-{number:02d}.png"))
    for words in said:
        assert words.casefold() in every, (words, every)
    found = [one for one in found if "and one of these:" not in one["title"]]  # help is a list to scroll
    assert [one for one in found if one["depth"] > one["window"] or one["wide"] or one["small"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.faults == []
    page.context.close()


def test_read_aloud_each_message_is_complete(busy: Life) -> None:
    """Would catch a lock screen or a screen reader that hears less than the eyes see: headings, figures, alt texts."""
    assert _aloud(busy) >= 8


def test_read_aloud_bad_days_and_answers_are_complete(troubled: Life) -> None:
    """Would catch the same in calls, broken holds, faults, drills, and in what is sent to one person."""
    for words in ("rule tolerability", "subject S-002", "summary", "aes serious", "alerts all", "status"):
        troubled.site.workspace.slash("U0INVESTIGATOR", CHANNELS["open"], "/safety", words, settle=30)
    assert _aloud(troubled) >= 12


def _aloud(living: Life) -> int:
    """Hold each message's `text` against what it shows; how many headings were held."""
    heard = 0
    space = living.site.workspace.workspace
    direct = space.messages(space.directory.open_im("U0INVESTIGATOR").id)
    for message in (*living.site.messages("open"), *living.site.messages("ops"), *direct):
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
    return heard


def _strong(message: dict[str, Any]) -> list[str]:
    """Every number in what a message prints bold: the figures that people act upon."""
    said = [b["text"]["text"] for b in message.get("blocks") or () if b["type"] == "section" and "text" in b]
    bold = re.findall(r"\*([^*\n]+)\*", "\n".join(said))
    return [number for words in bold for number in re.findall(r"(?<![\w.:])\d+(?![\w:])", _plain(words))]


def _plain(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text).replace("*", "")
