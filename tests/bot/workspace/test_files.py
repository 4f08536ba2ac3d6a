"""Uploads through the real SDK: the three steps, what Slack refuses, who sees a file, and how the page shows it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.workspace.people import DSMB_MEMBER, INVESTIGATOR
from bot.workspace.server import RunningWorkspace, Workspace, serve
from tests.bot.workspace.conftest import CLOSED, OPEN
from tests.bot.workspace.test_guard import ask
from tests.bot.workspace.test_page import open_page

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def share(client: WebClient, channel: str, **extra: Any) -> Any:
    given = {"file": PNG, "filename": "plot.png", "title": "Boundary", "alt_txt": "4 events, stops at 4"}
    return client.files_upload_v2(channel=channel, **(given | extra))


def test_the_three_steps_make_one_message_with_the_picture(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch an upload that ends in no message, or loses its description."""
    parent = client.chat_postMessage(channel=OPEN, text="alert")
    done = share(client, parent["channel"], initial_comment="The boundary", thread_ts=parent["ts"])
    (_, reply) = running.thread(OPEN, parent["ts"])
    assert (reply["text"], len(reply["files"])) == ("The boundary", 1)
    file = reply["files"][0]
    assert (file["id"], file["title"], file["alt_txt"], file["size"]) == (
        done["file"]["id"], "Boundary", "4 events, stops at 4", len(PNG),
    )  # fmt: skip
    assert [c for c in running.calls if c.startswith("files")] == [
        "files.getUploadURLExternal", "files.completeUploadExternal",
    ]  # fmt: skip


def test_a_file_can_go_to_a_direct_message_opened_before(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch a direct message that takes text and no pictures."""
    im = client.conversations_open(users=INVESTIGATOR)["channel"]["id"]
    share(client, im)
    assert [m["files"][0]["name"] for m in running.messages(im)] == ["plot.png"]


def error(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_what_slack_refuses_is_refused_in_its_words(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch a caller that learns of a limit only from a live workspace."""
    announce = client.files_getUploadURLExternal
    assert error(announce, filename="a", length=0) == "missing_argument"
    assert error(announce, filename="a", length=1, alt_txt="x" * 1001) == "alt_txt_too_large"
    assert error(announce, filename="a", length=10**9) == "file_upload_size_restricted"
    file_id = announce(filename="a", length=1)["file_id"]
    complete = client.files_completeUploadExternal
    assert error(complete, files=[{"id": file_id}]) == "file_not_found"  # nothing was uploaded
    assert error(complete, files=[]) == "invalid_arguments"
    shared = share(client, running.workspace.channel(OPEN).id)["file"]["id"]
    assert error(complete, files=[{"id": shared}]) == "file_not_found"  # shared once
    assert error(share, client=client, channel="C0NOWHERE") == "channel_not_found"


def test_bytes_that_are_not_those_announced_are_refused(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch a half-sent picture that is shared all the same."""
    address = client.files_getUploadURLExternal(filename="a", length=5)["upload_url"]
    path = address.removeprefix(running.origin)
    assert ask(running, path, "POST", "abc")[::2] == (400, "invalid_upload")
    assert ask(running, path, "POST", "abcde")[::2] == (200, "OK - 5")
    assert ask(running, path, "POST", "abcde")[0] == 400
    assert ask(running, "/upload/v1/guess", "POST", "x")[0] == 400


def test_without_the_scope_nothing_is_uploaded() -> None:
    """Would catch a manifest without `files:write` that only fails in a live workspace."""
    with serve(Workspace(scopes=["chat:write"])) as running:
        client = WebClient(token=running.bot_token, base_url=running.base_url, retry_handlers=[])
        assert error(share, client=client, channel=OPEN) == "missing_scope"


def test_a_file_is_given_to_those_who_see_its_conversation(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch a closed figure that opens for whoever knows its number."""
    share(client, running.workspace.channel(CLOSED).id)
    path = f"/page/file/{running.messages(CLOSED)[0]['files'][0]['id']}?as="
    cookie = ask(running, running.page_url.removeprefix(running.origin))[1]["set-cookie"].partition(";")[0]
    status, headers, _ = ask(running, path + DSMB_MEMBER, Cookie=cookie)
    assert (status, headers["content-type"]) == (200, "image/png")
    assert ask(running, path + INVESTIGATOR, Cookie=cookie)[0] == 404
    assert ask(running, path + DSMB_MEMBER)[0] == 403


def test_a_refused_upload_is_an_error_of_the_sdk(running: RunningWorkspace, client: WebClient) -> None:
    """Would catch an upload endpoint that says yes to everything."""
    announced = running.workspace.files.announce
    running.workspace.files.announce = lambda name, _length, *rest: announced(name, 1, *rest)  # type: ignore[method-assign]
    with pytest.raises((SlackRequestError, OSError)):
        share(client, OPEN)


def test_files_outlive_a_restart(tmp_path: Path, running: RunningWorkspace, client: WebClient) -> None:
    """Would catch a practice workspace whose pictures are gone after a restart."""
    share(client, running.workspace.channel(OPEN).id)
    running.workspace.snapshot(tmp_path / "kept.json")
    again = Workspace()
    again.restore(tmp_path / "kept.json")
    assert again.messages(OPEN)[0]["files"] == running.messages(OPEN)[0]["files"]
    found = again.files.find(again.messages(OPEN)[0]["files"][0]["id"])
    assert found is not None
    assert found.content == PNG


@pytest.mark.browser
def test_the_page_shows_the_picture_and_its_description(
    browser: Any, running: RunningWorkspace, client: WebClient
) -> None:
    """Would catch a picture that a screen reader finds nameless, and a table file that is opened instead of saved."""
    channel = running.workspace.channel(OPEN).id
    share(client, channel)
    client.files_upload_v2(channel=channel, content="a,b", filename="all.csv", title="All 31", initial_comment="Rest")
    page = open_page(browser, running)
    picture = page.get_by_role("img", name="4 events, stops at 4")
    picture.wait_for()
    assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") == 1
    page.get_by_text("Described in words").click()
    assert page.get_by_text("4 events, stops at 4").is_visible()
    assert page.get_by_role("link", name="All 31").get_attribute("download") == "all.csv"
    assert page.faults == []
    page.context.close()
