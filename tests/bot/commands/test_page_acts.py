"""Every act and every command in a real Chromium, as people do them; with DSMBOT_SAVE_PICTURES=1 also photographed.

The page of the practice workspace, the composed study, the real slack-sdk and its socket: nothing is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bot.commands.asked import CHANGES, ROWS, records
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import Site, event
from tests.bot.commands.test_asking import DOCTOR, NURSE, OPS, ROLES, audited
from tests.bot.commands.test_pictures import IMAGES, SAVE
from tests.bot.workspace.test_page import open_page

pytestmark = pytest.mark.browser
CONCERN = {"id": "concern", "kind": "manual", "title": "A concern of the team", "action": "notify", "urgency": "urgent",
           "audience": "open"}  # fmt: skip
FIRST = "Related serious event: subject S-002"
COMMANDS = {
    "status": "still open", "alerts": "open", "alerts all": "in all",
    "rule tolerability": "sent it to your direct messages", "subject S-002": "sent it to your direct messages",
    "aes serious grade>=3": "Hypersensitivity",
    "summary": "sent it to your direct messages", "summary 2026-05-14": "sent it to your direct messages",
    "menu": "What would you like to know?", "": "What would you like to know?", "help": "handover PERSON",
    "sttus": "Did you mean /safety status?", "rule tolerabilty": "Did you mean tolerability?",
    "subject S-0002": "Nothing was shown", "summary 2199-01-01": "Nothing was shown",
    "cover <@U0MONITOR> until 2026-05-31": "covers for you",
    "cover off": "no longer covers for you",
}  # fmt: skip
"""What the investigator types → what stands below it, for their eyes alone."""


@dataclass
class Room:
    """A person at the page of a living study."""

    living: Life
    page: Any

    @property
    def alert(self) -> Any:
        """The alert's message in the channel: the one that has the buttons."""
        return (
            self.page.locator("#log article")
            .filter(has_text=FIRST)
            .filter(has=self.page.get_by_role("button", name="More actions"))
        )

    def as_(self, user: str) -> None:
        """Look with another person's eyes."""
        self.page.select_option("#you", user)

    def choose(self, item: str) -> Any:
        """Open a form from the alert's menu."""
        self.alert.get_by_role("button", name="More actions").click()
        self.page.get_by_role("menuitem", name=item).click()
        form = self.page.locator("#modal")
        form.get_by_role("button").first.wait_for()
        return form

    def submit(self, form: Any, button: str) -> None:
        """Press a form's button; what follows is posted."""
        form.get_by_role("button", name=button, exact=True).click()
        form.wait_for(state="hidden")
        self.quiet()

    def quiet(self) -> None:
        """What follows is posted, and the message no longer changes under one's hand."""
        before = ""
        for _ in range(40):
            self.living.settle()
            now = self.alert.inner_html()
            if now == before:
                return
            before = now
            self.page.wait_for_timeout(150)
        raise AssertionError("the message never rests")

    def type(self, words: str) -> None:
        """Write into the channel."""
        self.page.fill("#words", words)
        self.page.press("#words", "Enter")

    def sees(self, *said: str) -> None:
        """The channel shows it, to whoever looks, once what follows from a click was posted."""
        for words in said:
            wanted = self.page.locator("#log").get_by_text(words).last
            for _ in range(150):
                self.living.settle()
                if wanted.is_visible():
                    break
                self.page.wait_for_timeout(100)
            else:
                raise AssertionError(f"nobody sees {words!r}")

    def thread(self, *said: str) -> Any:
        """Open the alert's thread; each of these stands there."""
        self.alert.get_by_role("button", name=re.compile("repl(y|ies)")).click()
        pane = self.page.locator("#thread")
        for words in said:
            pane.get_by_text(words).last.wait_for()
        return pane

    def shot(self, target: Any, name: str) -> None:
        """A picture for docs/slack.md, where they are asked for."""
        target.wait_for()
        if SAVE:
            self.page.wait_for_timeout(300)  # what was just drawn fades in
            self.page.screenshot(path=str(IMAGES / f"{name}.png"), clip=target.bounding_box())

    def tall(self, height: int) -> None:
        """Make the window as high as what is to be photographed whole."""
        self.page.set_viewport_size({"width": 1180, "height": height})
        self.page.locator("#log").evaluate("(log) => { log.scrollTop = 0; }")


@pytest.fixture
def room(browser: Any, site_of: Callable[..., Site]) -> Iterator[Room]:
    """The investigator at the open channel; one serious related event came after monitoring began."""
    changes = {**CHANGES, "rules": [*CHANGES["rules"], CONCERN]}
    with life(site_of(**changes, slack={"roles": ROLES})) as living:
        records(living)
        page = open_page(browser, living.site.workspace, 1180, 980, color_scheme="light")
        page.set_default_timeout(15_000)
        yield Room(living, page)
        assert page.locator(".b-unknown").count() == 0
        assert page.faults == []
        page.context.close()


def test_the_life_of_an_alert_in_the_page(room: Room) -> None:
    """Would catch an act that a person cannot do, one that others do not see, and one that is not recorded."""
    room.alert.get_by_role("button", name="Acknowledge").click()
    room.living.settle()
    room.sees("● Acknowledged by")
    room.as_(NURSE)
    room.sees("● Acknowledged by")
    room.as_(DOCTOR)
    room.shot(room.alert, "act-acknowledged")
    room.alert.get_by_role("button", name="Acknowledged by mistake").click()
    room.shot(room.page.locator("#confirm"), "act-withdraw")
    room.page.locator("#confirm").get_by_role("button", name="Withdraw").click()
    room.living.settle()
    room.sees("○ Not acknowledged")
    room.alert.get_by_role("button", name="Acknowledge").click()
    room.living.settle()
    _assign_note_snooze(room)
    _decide_resolve(room)
    done = [row.body.get("kind") for row in audited(room.living, "response")]
    assert done == ["acknowledged", "acknowledgement_withdrawn", "acknowledged", "assigned", "assigned", "noted",
                    "snoozed", "decided", "decided", "resolved"]  # fmt: skip


def _assign_note_snooze(room: Room) -> None:
    form = room.choose("Assign…")
    room.shot(form, "act-assign")
    room.submit(form, "Assign")
    form = room.choose("Assign…")
    form.get_by_label("Who follows this up?").select_option("U0MONITOR")
    room.submit(form, "Assign")
    form = room.choose("Add a note…")
    form.get_by_label("Your note").fill("Asked the site for the discharge letter.")
    room.shot(form, "act-note")
    room.submit(form, "Add note")
    form = room.choose("Snooze…")
    form.get_by_label("For how many hours?").fill("900")
    form.get_by_label("Why?").fill("The letter comes tomorrow.")
    form.get_by_role("button", name="Snooze", exact=True).click()
    form.get_by_text("Enter a number that is at most 72.").wait_for()
    room.shot(form, "act-snooze")
    form.get_by_label("For how many hours?").fill("8")
    room.submit(form, "Snooze")


def _decide_resolve(room: Room) -> None:
    for decision, why in (("Hold dosing", "As the protocol says."), ("Resume", "The board agrees, 14 May.")):
        room.alert.get_by_role("button", name="Record decision").click()
        form = room.page.locator("#modal")
        form.get_by_label("What was decided?").select_option(label=decision)
        form.get_by_label("Why?").fill(why)
        if decision == "Hold dosing":
            room.shot(form, "act-decide")
        room.submit(form, "Record decision")
    form = room.choose("Resolve…")
    form.get_by_label("Why?").fill("Recovered; causality settled.")
    room.shot(form, "act-resolve")
    room.submit(form, "Resolve")
    pane = room.thread("assigned this to", "Asked the site for the discharge letter.", "lets calls and reminders rest",
                       "recorded: hold dosing", "recorded: resume", "ended this episode")  # fmt: skip
    room.shot(pane, "act-thread")
    room.as_(NURSE)
    room.sees("Resolved by")


def test_why_and_a_plain_copy_are_shown_to_whoever_asks(room: Room) -> None:
    """Would catch an explanation that only a machine could read."""
    answer = room.choose("Why?")
    answer.get_by_text("Hypersensitivity").first.wait_for()
    room.shot(answer, "act-why")
    answer.get_by_role("button", name="Copy as text").click()
    answer.get_by_text(re.compile("[0-9a-f]{64}")).first.wait_for()


def test_every_command_is_typed_and_answered_where_it_was_asked(room: Room) -> None:
    """Would catch a command that a person cannot type, or an answer that others read."""
    answers = room.page.locator("article.only-you")
    for number, (words, said) in enumerate(COMMANDS.items()):
        room.type(f"/safety {words}".strip())
        assert said in answers.nth(number).inner_text(), words
    room.as_(NURSE)
    answers.first.wait_for(state="detached")


def test_answers_in_pictures(room: Room) -> None:
    """Would catch an answer that is cut off, or one without its picture; taken for docs/slack.md."""
    for words, name in (("status", "answer-status"), ("alerts", "answer-alerts"), ("aes", "answer-aes"),
                        ("menu", "answer-menu"), ("help", "answer-help")):  # fmt: skip
        before = room.page.locator("article.only-you").count()
        room.type(f"/safety {words}")
        answer = room.page.locator("article.only-you").nth(before)
        answer.wait_for()
        room.shot(answer, name)
    room.type("/safety rule tolerability")
    room.page.locator("article.only-you").filter(has_text="direct messages").last.wait_for()
    room.page.locator("#rail").get_by_text("Direct message").click()
    picture = room.page.get_by_role("img", name=re.compile("The boundary is not crossed"))
    picture.wait_for()
    picture.evaluate("(img) => img.decode()")
    room.tall(1270)
    room.shot(room.page.locator("#log"), "answer-rule")


def test_a_summary_a_cover_and_what_is_not_answered_in_pictures(room: Room) -> None:
    """Would catch a summary that comes without its files, a cover that nobody hears of, a word that leads nowhere."""
    for words, said, name in (
        ("cover <@U0MONITOR> until 2026-05-31", "covers for you", "answer-cover"),
        ("sttus", "Did you mean /safety status?", "answer-wrong"),
    ):
        room.type(f"/safety {words}")
        answer = room.page.locator("article.only-you").filter(has_text=said)
        room.shot(answer, name)
    room.living.settle()
    room.sees("covers for")
    room.type("/safety summary")
    room.page.locator("article.only-you").filter(has_text="direct messages").last.wait_for()
    room.page.locator("#rail").get_by_text("Direct message").click()
    room.page.get_by_role("link", name=re.compile("PDF|pdf")).wait_for()
    room.page.get_by_role("link", name=re.compile("XLSX|xlsx|workbook", re.IGNORECASE)).wait_for()
    room.tall(1600)
    room.shot(room.page.locator("#log article").first, "answer-summary")
    room.page.locator("#rail").get_by_text("site-safety").click()
    room.as_(OPS)
    room.page.locator("#rail").get_by_text("site-safety").click()
    room.type("/safety subject S-002")
    room.shot(room.page.locator("article.only-you").last, "answer-refused")


def test_a_crossed_boundary_is_continued_past_and_an_answer_is_shared(room: Room) -> None:
    """Would catch a decision that hides what it costs, an answer that only the asker has although it was to be shared,
    and a Home whose button does something else than the message's."""
    skin = [
        event(n, 1, AEDECOD="Application site rash", AESEV="MODERATE", AEREL="POSSIBLE", AESTDTC="2026-01-20")
        for n in range(4, 9)
    ]
    room.living.put(*ROWS, *skin)
    room.living.cycle(minutes=5)
    crossed = room.page.locator("#log article").filter(has_text="Stopping rule crossed: tolerability")
    crossed = crossed.filter(has=room.page.get_by_role("button", name="Record decision"))
    crossed.get_by_role("button", name="Record decision").click()
    form = room.page.locator("#modal")
    form.get_by_label("What was decided?").select_option(label="Continue past the boundary")
    form.get_by_label("Why?").fill("All are mild and gone; the board agrees.")
    room.submit(form, "Record decision")
    room.sees("decided: continue past the boundary")
    further = event(9, 1, AEDECOD="Application site rash", AESEV="MODERATE", AEREL="POSSIBLE", AESTDTC="2026-01-22")
    room.living.put(*ROWS, *skin, further)
    room.living.cycle(minutes=5)
    room.sees("a new decision is needed")
    room.sees("no longer apply")
    room.type("/safety alerts --share")
    room.as_(NURSE)
    room.sees("2 alerts open")
    room.as_(DOCTOR)
    room.page.click("[data-channel=home]")
    acknowledge = room.page.locator("#log").get_by_role("button", name="Acknowledge", exact=True)
    acknowledge.first.wait_for()
    assert acknowledge.count() == 2, "the boundary asks again after the further event"
    acknowledge.first.click()
    room.page.locator("#rail").get_by_text("site-safety").click()
    room.sees("● Acknowledged by")
    assert [row.body["kind"] for row in audited(room.living, "response")] == ["acknowledged", "decided", "acknowledged"]


def test_a_concern_is_raised_and_a_handover_accepted(room: Room) -> None:
    """Would catch a form that asks for what it does not need, and a handover that changes nothing or too much."""
    room.alert.get_by_role("button", name="Acknowledge").click()
    room.living.settle()
    room.type("/safety raise")
    form = room.page.locator("#modal")
    form.get_by_role("button").first.wait_for()
    form.locator("textarea").first.fill("Two patients of one site report the same smell of the cream.")
    room.shot(form, "answer-raise")
    form.get_by_role("button", name="Raise").click()
    form.wait_for(state="hidden")
    room.living.cycle(minutes=1)
    room.sees("A concern of the team")
    room.type("/safety handover <@U0MONITOR>")
    room.page.locator("article.only-you").get_by_text("is asked to take over").last.wait_for()
    room.living.settle()
    room.as_("U0MONITOR")
    offer = room.page.get_by_role("button", name="Accept handover")
    offer.wait_for()
    room.shot(room.page.locator("#log article").last, "answer-handover")
    offer.click()
    room.living.settle()
    room.sees("took over")


def test_a_person_without_the_role_is_told_so_and_sees_nothing(room: Room) -> None:
    """Would catch a refusal that shows what it refuses, or one that leaves no trace."""
    room.as_(OPS)
    room.type("/safety subject S-002")
    refused = room.page.locator("article.only-you").last
    refused.get_by_text("I can't help with that here").wait_for()
    assert "Hypersensitivity" not in refused.inner_text()
    assert audited(room.living, "refused")


def test_every_picture_of_the_page_about_slack_is_one_that_the_tests_take() -> None:
    """Would catch a picture that nobody can take anew, and one that no page shows."""
    shown = set(re.findall(r"\(images/([a-z-]+)\.png\)", (IMAGES.parent / "slack.md").read_text(encoding="utf-8")))
    here = Path(__file__).parent
    written = "\n".join((here / name).read_text(encoding="utf-8") for name in (Path(__file__).name, "test_pictures.py"))
    assert shown == {name for name in shown if f'"{name}"' in written}
    assert shown == {path.stem for path in IMAGES.glob("*.png")} - {"alert-light", "alert-dark"}
