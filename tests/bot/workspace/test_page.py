"""The page in a real Chromium: what a person sees, presses and hears; wide, narrow, by keyboard, disconnected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from bot.workspace.people import DSMB_MEMBER, INVESTIGATOR, MEDICAL_MONITOR, Person
from bot.workspace.server import RunningWorkspace, Workspace, serve
from tests.bot.workspace.conftest import CLOSED, OPEN, OPS, actions, button, connect, overflow, section

pytestmark = pytest.mark.browser
ALERT = "STOPPING RULE CROSSED · STS-CALC · tolerability: 4 events among the first 7 dosed subjects."


def header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def alert(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = [header("🛑 Stopping rule crossed: tolerability"), section("*4 events among the first 7 dosed subjects*")]
    return [*blocks, actions(*(elements or (button(style="primary"), overflow("why", "note"))))]


def open_page(browser: Any, running: RunningWorkspace, width: int = 1440, height: int = 900, **context: Any) -> Any:
    page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(5_000)
    page.goto(running.new_page_url())
    page.wait_for_selector("#rail button", state="attached")
    return page


@pytest.fixture
def page(browser: Any, running: RunningWorkspace) -> Iterator[Any]:
    opened = open_page(browser, running)
    yield opened
    assert opened.faults == []
    opened.context.close()


@pytest.fixture
def acknowledging(running: RunningWorkspace, app: App, connected: Any) -> None:
    @app.action("ack")
    def _(ack: Any, body: Any, client: Any, respond: Any) -> None:
        ack()
        if body["user"]["id"] == INVESTIGATOR:
            where = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
            client.chat_update(**where, text=ALERT, blocks=[header("🛑 Acknowledged by Investigator 09:06")])
        else:
            respond("You cannot acknowledge this.", replace_original=False)

    connected()


def test_an_empty_channel_says_what_comes(page: Any) -> None:
    assert page.inner_text("#log") == "No messages yet. The first simulated record arrives in a few seconds."
    assert page.inner_text("#band") == "Practice · simulated records"
    assert page.title() == "SIMULATED · #sts-calc-safety · DSMBot practice"
    assert page.locator("#you option:checked").inner_text() == "Investigator"
    assert page.inner_text("#hidden") == "2 channels hidden"


def test_an_open_menu_is_not_taken_from_under_a_hand(page: Any, client: WebClient) -> None:
    """Would catch a menu that closes when its message is edited, and a message that stays old when it shuts."""
    at = client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())["ts"]
    page.get_by_role("button", name="More actions").click()
    item = page.get_by_role("menuitem", name="Why")
    held = item.element_handle()
    client.chat_update(channel=OPEN, ts=at, text=ALERT, blocks=[header("🛑 Updated 09:12"), *alert()[1:]])
    client.chat_postMessage(channel=OPEN, text="The edit was heard before this.")
    page.get_by_text("The edit was heard before this.").wait_for()
    assert held.is_visible()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Updated 09:12").wait_for()
    assert page.get_by_role("menuitem").count() == 0


def test_acknowledge_from_alert_to_everyone(
    browser: Any, page: Any, running: RunningWorkspace, client: WebClient, acknowledging: None
) -> None:
    other = open_page(browser, running)
    client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())
    card = page.locator("#log .card[data-urgency=stop]")
    card.wait_for()
    assert page.inner_text("#loud") == ALERT
    assert card.locator("[role=img]").get_attribute("aria-label") == "stop sign"
    assert page.locator("#log .message .tag.simulated").inner_text() == "SIMULATED"
    card.get_by_role("button", name="Acknowledge").click()
    for one in (page, other):
        one.get_by_text("Acknowledged by Investigator 09:06").wait_for()
        assert one.get_by_text("(edited)").count() == 1
        assert one.locator("#log .message").count() == 1
    other.context.close()


def test_a_button_tells_sending_answered_and_that_nobody_answered(
    page: Any, running: RunningWorkspace, client: WebClient, acknowledging: None
) -> None:
    """Would catch "not done" on the button of an act that was done, while its message is edited late."""
    client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert(button(), button("nobody", "Unanswered")))
    page.select_option("#you", label="Operator")
    page.get_by_role("button", name="Acknowledge").click()
    page.locator("[data-action=ack][data-state=answered]").get_by_text("See the note to you").wait_for()
    page.get_by_text("You cannot acknowledge this.").wait_for()
    assert page.get_by_text("Only visible to you").count() == 1
    page.get_by_role("button", name="Unanswered").click()
    page.locator("[data-action=nobody][data-state=sending]").wait_for()
    assert page.locator("[data-action=nobody]").get_attribute("aria-busy") == "true"
    page.get_by_role("button", name="No answer from DSMBot, nothing recorded").wait_for()


def test_what_comes_while_the_page_loads_is_not_lost(page: Any, client: WebClient) -> None:
    """Would catch a message that was posted between the state that the page got and the moment it drew it."""

    def meanwhile(route: Any) -> None:
        state = route.fetch()
        client.chat_postMessage(channel=OPEN, text="This came meanwhile.")
        route.fulfill(response=state)

    page.route("**/page/state*", meanwhile, times=1)
    page.select_option("#you", MEDICAL_MONITOR)
    page.get_by_text("This came meanwhile.").wait_for()
    assert page.get_by_text("This came meanwhile.").count() == 1


def test_whoever_looks_last_is_whom_the_page_shows(page: Any) -> None:
    """Would catch an answer for the person before, come late, that makes the next click that person's."""
    held: list[Any] = []
    page.route("**/page/state*", lambda route: held.append(route), times=1)
    page.select_option("#you", DSMB_MEMBER)
    while not held:
        page.wait_for_timeout(20)
    page.select_option("#you", MEDICAL_MONITOR)
    page.wait_for_function("(who) => S.data.you === who", arg=MEDICAL_MONITOR)
    held[0].continue_()
    page.wait_for_timeout(500)
    assert page.evaluate("[S.viewer, S.data.you]") == [MEDICAL_MONITOR, MEDICAL_MONITOR]


def test_switching_the_person_shows_and_hides_the_closed_channel(
    page: Any, running: RunningWorkspace, client: WebClient
) -> None:
    client.chat_postMessage(channel=CLOSED, text="Arms shown here are invented: A 3 of 4")
    assert page.get_by_text("sts-calc-dsmb").count() == 0
    page.select_option("#you", label="DSMB member")
    page.locator("#rail").get_by_text("sts-calc-dsmb").click()
    page.get_by_text("A 3 of 4").wait_for()
    page.select_option("#you", label="Investigator")
    page.locator("#rail").get_by_text("sts-calc-ops").wait_for()
    assert "A 3 of 4" not in page.content()
    client.chat_postMessage(channel=CLOSED, text="and B 1 of 3")
    client.chat_postMessage(channel=OPEN, text="open words")
    page.get_by_text("open words").wait_for()
    assert "B 1 of 3" not in page.content()


def test_text_from_records_never_becomes_markup_or_a_mention(page: Any, client: WebClient) -> None:
    nasty = (
        "<script>window.hit=1</script><img src=x onerror=window.hit=1> &lt;!channel&gt; &lt;@U0INVESTIGATOR&gt; "
        "<javascript:alert(1)|press> *bold* `code` a&amp;b"
    )
    client.chat_postMessage(channel=OPEN, text="x", blocks=[header(nasty[:140]), section(nasty)])
    page.locator("#log strong", has_text="bold").wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("#log script, #log img, #log a, #log .mention").count() == 0
    shown = page.inner_text("#log .b-section")
    assert "<!channel> <@U0INVESTIGATOR>" in shown
    assert "a&b" in shown


def test_mrkdwn_and_links_are_drawn(page: Any, client: WebClient) -> None:
    text = (
        "_em_ ~gone~ <https://example.invalid/a?b=1&amp;c=2|the page> <@U0OPERATOR> <!subteam^S1|@investigators>\n"
        "> quoted\n```pre *not bold*```"
    )
    client.chat_postMessage(channel=OPEN, text=text)
    link = page.get_by_role("link", name="the page")
    link.wait_for()
    assert link.get_attribute("href") == "https://example.invalid/a?b=1&c=2"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert page.locator("#log .mention").all_inner_texts() == ["@Operator", "@investigators"]
    assert page.inner_text("#log blockquote") == "quoted"
    assert page.inner_text("#log pre") == "pre *not bold*"
    assert [page.locator(f"#log {name}").count() for name in ("em", "s", "strong")] == [1, 1, 0]


def test_tables_sort_and_page_and_unknown_blocks_are_named(page: Any, client: WebClient) -> None:
    def row(name: str, number: int) -> list[dict[str, Any]]:
        return [{"type": "raw_text", "text": name}, {"type": "raw_number", "value": number, "text": str(number)}]

    head = [{"type": "raw_text", "text": "Subject"}, {"type": "raw_text", "text": "Grade"}]
    table = {
        "type": "data_table",
        "caption": "Who is counted",
        "page_size": 2,
        "rows": [head, row("P-2", 10), row("P-1", 9), row("P-3", 1)],
    }
    client.chat_postMessage(
        channel=OPEN,
        text="x",
        blocks=[table, {"type": "data_visualization", "title": {"type": "plain_text", "text": "Boundary"}}],
    )
    page.get_by_text("Showing 1–2 of 3").wait_for()
    assert page.inner_text("#log caption") == "Who is counted"
    page.get_by_role("button", name="Grade").click()
    assert page.locator("#log tbody tr th").all_inner_texts() == ["P-3", "P-1"]
    page.get_by_role("button", name="Next").click()
    assert page.locator("#log tbody tr th").all_inner_texts() == ["P-2"]
    assert "Block “data_visualization”" in page.inner_text("#log .b-unknown")


def test_keyboard_moves_opens_closes_and_gives_the_focus_back(page: Any, client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=OPEN, text=str(number))["ts"] for number in range(3)]
    client.chat_postMessage(channel=OPEN, text="evidence", thread_ts=stamps[1])
    page.get_by_role("button", name="1 reply").wait_for()
    focused = "document.activeElement.closest('[data-key]')?.dataset.key.split('/')[1]"
    for key, expected in (("j", stamps[0]), ("j", stamps[1]), ("j", stamps[2]), ("j", stamps[2]), ("k", stamps[1])):
        page.keyboard.press(key)
        assert page.evaluate(focused) == expected
    page.keyboard.press("t")
    page.locator("#thread-log").get_by_text("evidence").wait_for()
    assert page.evaluate("document.activeElement.closest('#thread-log') !== null")
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == stamps[1]
    assert page.locator("#thread.open").count() == 0
    page.focus("#words")
    page.keyboard.type("jkt")
    assert page.input_value("#words") == "jkt"


def test_a_menu_works_by_keyboard_and_a_form_shows_its_errors(
    page: Any, running: RunningWorkspace, client: WebClient, app: App, connected: Any
) -> None:
    field = {
        "type": "input",
        "block_id": "why",
        "label": {"type": "plain_text", "text": "Reason"},
        "element": {"type": "plain_text_input", "action_id": "reason"},
    }
    view = {
        "type": "modal",
        "callback_id": "f",
        "title": {"type": "plain_text", "text": "Note"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [field],
    }
    app.action("more")(lambda ack, body, client: (ack(), client.views_open(trigger_id=body["trigger_id"], view=view)))
    app.view("f")(
        lambda ack, view: (
            ack()
            if view["state"]["values"]["why"]["reason"]["value"] == "fine"
            else ack(response_action="errors", errors={"why": "Say more."})
        )
    )
    connected()
    client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())
    opener = page.get_by_role("button", name="More actions")
    opener.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert opener.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Note").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Please complete this field.").wait_for()
    page.get_by_label("Reason").fill("no")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Say more.").wait_for()
    assert page.get_by_label("Reason").input_value() == "no"
    page.get_by_label("Reason").fill("fine")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog", name="Note").wait_for(state="hidden")


def test_commands_home_and_unread_counts(page: Any, client: WebClient, app: App, connected: Any) -> None:
    app.command("/safety")(lambda ack, command: ack(f"status: {command['text']}"))
    app.event("app_home_opened")(
        lambda event, client: client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [section("your alerts")]}
        )
    )
    connected()
    page.fill("#words", "/safety status")
    page.keyboard.press("Enter")
    page.get_by_text("status: status").wait_for()
    first = client.chat_postMessage(channel=OPS, text="a source is stale")
    page.locator("#rail .count").wait_for()
    client.chat_postMessage(channel=OPS, text="a reply makes no channel unread", thread_ts=first["ts"])
    client.chat_postMessage(channel=OPS, text="another source is stale")
    page.get_by_role("button", name="private channel sts-calc-ops, 2 new").wait_for()
    page.get_by_role("button", name="Home").click()
    page.get_by_text("your alerts").wait_for()


def test_phone_and_json_views(page: Any, client: WebClient) -> None:
    sent = client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())
    client.chat_postMessage(channel=OPEN, text="only in the thread", thread_ts=sent["ts"])
    page.get_by_role("button", name="Phone").click()
    assert page.inner_text(".lock .notice p") == ALERT
    assert page.get_by_text("only in the thread").count() == 0
    assert page.evaluate("document.querySelector('.screen').getBoundingClientRect().width") == 390
    page.get_by_role("button", name="JSON").click()
    assert '"type": "header"' in page.inner_text("#log .json")


def test_below_600_px_one_pane_and_44_px_targets(browser: Any, running: RunningWorkspace, client: WebClient) -> None:
    sent = client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())
    client.chat_postMessage(channel=OPEN, text="evidence", thread_ts=sent["ts"])
    page = open_page(browser, running, 390, 844, has_touch=True)
    page.locator("#log .card").wait_for()
    visible = (
        "['.rail','.talk','.thread'].filter(s => getComputedStyle(document.querySelector(s)).display !== 'none').join()"
    )
    small = (
        "[...document.querySelectorAll('button, select, input')]"
        ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert page.evaluate(visible) == ".talk"
    assert page.evaluate(small) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="1 reply").click()
    assert page.evaluate(visible) == ".thread"
    assert page.evaluate(small) == []
    page.get_by_role("button", name="Close thread").click()
    page.get_by_role("button", name="Show channels").click()
    assert page.evaluate(visible) == ".rail"
    assert page.evaluate(small) == []
    assert page.faults == []
    page.context.close()


@pytest.mark.parametrize(("width", "thread"), [(1440, True), (1000, True), (800, False)])
def test_columns(browser: Any, running: RunningWorkspace, width: int, thread: bool) -> None:
    page = open_page(browser, running, width)
    size = "s => { const b = document.querySelector(s).getBoundingClientRect(); return [b.left, b.width]; }"
    assert page.evaluate(size, ".rail") == [0, 240]
    assert page.evaluate(size, ".talk")[1] <= 720
    assert (page.evaluate(size, ".thread")[1] >= 380) == thread
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.context.close()


def test_between_600_and_900_px_the_thread_slides_over(
    browser: Any, running: RunningWorkspace, client: WebClient
) -> None:
    client.chat_postMessage(channel=OPEN, text="x")
    page = open_page(browser, running, 800, reduced_motion="reduce")
    page.locator("#log .message").wait_for()
    before = page.evaluate("document.querySelector('.talk').getBoundingClientRect().width")
    page.keyboard.press("t")
    page.locator("#thread.open").wait_for()
    box = page.evaluate(
        "(() => { const b = document.querySelector('#thread').getBoundingClientRect(); return [b.right, b.width]; })()"
    )
    assert box == [800, 380]
    assert page.evaluate("document.querySelector('.talk').getBoundingClientRect().width") == before
    page.context.close()


def test_roles_and_labels(page: Any, client: WebClient) -> None:
    client.chat_postMessage(channel=OPEN, text=ALERT, blocks=alert())
    page.locator("#log .card").wait_for()
    assert page.get_by_role("log", name="Messages").get_attribute("aria-live") == "polite"
    assert page.locator("#loud").get_attribute("aria-live") == "assertive"
    assert page.get_by_role("navigation", name="Channels").count() == 1
    assert page.get_by_role("combobox", name=re.compile("You are:")).count() == 1
    nameless = (
        "[...document.querySelectorAll('button, select, input')]"
        ".filter(e => !(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert page.evaluate(nameless) == []
    page.get_by_role("button", name="Faults and time").click()
    assert page.get_by_role("dialog", name="Faults and time").count() == 1
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "drawer-open"


def test_focus_is_a_ring_of_two_pixels(page: Any, client: WebClient) -> None:
    client.chat_postMessage(channel=OPEN, text="x")
    page.locator("#log .message").wait_for()
    page.keyboard.press("j")
    ring = page.evaluate(
        "(s => [s.outlineWidth, s.outlineOffset, s.outlineStyle])(getComputedStyle(document.activeElement))"
    )
    assert ring == ["2px", "2px", "solid"]


def test_an_edit_tints_for_a_second_and_nothing_moves_when_asked(
    browser: Any, page: Any, running: RunningWorkspace, client: WebClient
) -> None:
    still = open_page(browser, running, reduced_motion="reduce")
    sent = client.chat_postMessage(channel=OPEN, text="x")
    for one in (page, still):
        one.locator("#log .message").wait_for()
    moving = "(s => [s.animationName, s.transitionDuration])(getComputedStyle(document.querySelector('#log .message')))"
    assert page.evaluate(moving) == ["arrive", "0.4s"]
    assert still.evaluate(moving) == ["none", "0s"]
    client.chat_update(channel=sent["channel"], ts=sent["ts"], text="y")
    page.locator("#log .edited-now").wait_for()
    page.wait_for_selector("#log .edited-now", state="detached", timeout=1_500)
    still.context.close()


def test_faults_and_time_are_in_a_closed_drawer(page: Any, running: RunningWorkspace) -> None:
    speeds: list[float] = []
    assert page.locator("#drawer").is_hidden()
    page.get_by_role("button", name="Faults and time").click()
    assert page.get_by_role("button", name="×10").is_disabled()
    running.workspace.on_time_control = speeds.append
    running.workspace.set_caption("week 6 · 9 enrolled")
    page.get_by_role("button", name="×10").click()
    assert running.workspace.wait_for(lambda: speeds == [10.0])
    page.get_by_label("How often").fill("2")
    page.get_by_role("button", name="Plan this fault").click()
    page.get_by_text("accept then drop, 2 more").wait_for()
    assert running.faults.planned()[0]["count"] == 2
    page.get_by_role("button", name="Clear all").click()
    page.locator("#planned").get_by_text("None").wait_for()


def test_a_lost_connection_shows_and_nothing_is_lost(browser: Any, tmp_path: Any) -> None:
    workspace = Workspace()
    first = serve(workspace)
    page = open_page(browser, first)
    assert page.locator("#offline").is_hidden()
    page.context.set_offline(True)
    first.workspace.hub.phantoms = 0
    first._page.stop()
    page.locator("#offline").wait_for()
    assert page.inner_text("#offline") == "Reconnecting, nothing is lost"
    client = WebClient(token=first.bot_token, base_url=first.base_url)
    client.chat_postMessage(channel=OPEN, text="said meanwhile")
    first._page._stopped = False
    page.context.set_offline(False)
    page.get_by_text("said meanwhile").wait_for(timeout=10_000)
    page.locator("#offline").wait_for(state="hidden")
    page.context.close()
    first.stop()


def test_the_workspace_mark_can_be_a_rehearsal(browser: Any) -> None:
    with serve(Workspace(mark="rehearsal")) as running:
        page = open_page(browser, running)
        assert page.title().startswith("REHEARSAL")
        assert page.inner_text("#band").startswith("Rehearsal")
        page.context.close()


def test_a_person_remembered_from_another_workspace_gives_way_to_one_who_is_here(browser: Any) -> None:
    people = [Person("U0COORD", "Coordinator", "coordinator"), Person("U0INV", "Investigator", "investigator")]
    with serve(Workspace(people=people)) as running:
        page = open_page(browser, running)
        assert page.locator("#you option:checked").inner_text() == "Investigator"
        page.evaluate("sessionStorage.setItem('viewer', 'U0GONE')")
        page.reload()
        page.locator("#rail button").first.wait_for()
        assert page.locator("#you option:checked").inner_text() == "Investigator"
        page.locator("#offline").wait_for(state="hidden")
        page.context.close()


def test_who_is_connected_is_said(page: Any, running: RunningWorkspace, client: WebClient) -> None:
    page.get_by_text("DSMBot is not connected").wait_for()
    handler = connect(running, App(client=client))
    page.get_by_text("DSMBot is connected").wait_for()
    running.workspace.second_connection()
    page.get_by_text("processes share DSMBot's app").wait_for()
    handler.close()
