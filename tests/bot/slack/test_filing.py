"""Files of a summary: in its thread, each exactly once, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.contents.summary import Stamps, SummaryContent, SummaryFileContent
from bot.telling.outgoing import key
from bot.telling.summaries import file_name
from bot.views import stored_body
from bot.workspace.faults import Fault, FaultKind
from rules.tabulated.words import Measure, Tables
from storage import outbox
from storage.outbox_rows import Status
from tests.bot.slack.bench import CHANNELS, STUDY, Bench

COMPLETE, ANNOUNCE = "files.completeUploadExternal", "files.getUploadURLExternal"
TABLES = Tables({"all": 1, "randomised": 1, "treated": 1, "assessed": 0}, overview=dict.fromkeys(
    ("any", "treatment_emergent", "related", "severe", "serious", "related_serious", "death"), Measure()
))  # fmt: skip


def queue(slack: Bench) -> dict[str, str]:
    """A summary and its two files; form → delivery key, the message under "head"."""
    stamps = Stamps(slack.now, slack.now, slack.now, 1, 2, "ab" * 32, "cd" * 32, "0.1.0")
    with slack.db.writing(STUDY) as conn:
        keys = {name: key(conn, STUDY, "summary", name) for name in ("head", "pdf", "xlsx")}
        common: dict[str, Any] = {"study_id": STUDY, "audience": "open", "priority": 9, "created_at": slack.now}
        said = stored_body(SummaryContent(stamps, TABLES))
        outbox.enqueue(conn, delivery_key=keys["head"], kind="note", content=said, **common)
        for form in ("pdf", "xlsx"):
            name = file_name(STUDY, "2026-05-18", keys[form], form)
            file = SummaryFileContent(keys["head"], form, name)  # type: ignore[arg-type]
            outbox.enqueue(conn, delivery_key=keys[form], kind="file", content=stored_body(file),
                           thread_key=keys["head"], **common)  # fmt: skip
    return keys


def visible(slack: Bench, head: str) -> list[str]:
    """Names of the files that people see in the summary's thread."""
    thread = slack.running.thread(CHANNELS["open"], str(slack.item(head).ts))
    return sorted(file["name"] for message in thread for file in message.get("files") or ())


def both_once(slack: Bench, keys: dict[str, str]) -> None:
    names = [slack.item(keys[form]).content["name"] for form in ("pdf", "xlsx")]
    assert visible(slack, keys["head"]) == sorted(names)
    assert {slack.item(key).status for key in keys.values()} == {Status.SENT}


def test_the_message_first_then_its_two_files_in_its_thread(slack: Bench) -> None:
    keys = queue(slack)
    slack.run_for(20, step=2)
    both_once(slack, keys)
    assert [post["metadata"]["event_payload"]["delivery_key"] for post in slack.posts()] == [keys["head"]]
    assert slack.running.calls.count(COMPLETE) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.ACCEPT_THEN_DROP, (COMPLETE,)),
        Fault(FaultKind.STORED_THEN_ERROR, (COMPLETE,)),
        Fault(FaultKind.SERVER_ERROR, (COMPLETE,), status=503),
        Fault(FaultKind.SERVER_ERROR, (ANNOUNCE,), status=503),
        Fault(FaultKind.RATE_LIMITED, (COMPLETE,), seconds=3),
        Fault(FaultKind.RATE_LIMITED, (ANNOUNCE,), seconds=3),
        Fault(FaultKind.ACCEPT_THEN_DROP, (ANNOUNCE,)),
        Fault(FaultKind.DELAY, (COMPLETE,), seconds=1.4),
    ],
    ids=lambda fault: f"{fault.kind} at {fault.methods[0].split('.')[1]}",
)
def test_a_fault_at_any_step_leaves_each_file_once(slack: Bench, fault: Fault) -> None:
    """Would catch a file twice after a lost answer, and one that never comes after a refused step."""
    slack.running.faults.plan(replace(fault))
    keys = queue(slack)
    slack.run_for(160, step=8)
    both_once(slack, keys)
    assert slack.running.faults.hits, "the fault was not drawn, so that nothing was tested"


@pytest.mark.parametrize(
    "where", ["bot.slack.filing.made", "bot.slack.delivery.send", "bot.slack.delivery.outbox.mark_sent"]
)
def test_killed_between_the_steps(slack: Bench, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Would catch a restart that uploads again what is there, or forgets what is not."""
    keys = queue(slack)
    slack.run()  # the message

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, dies)
    with pytest.raises(KeyboardInterrupt):
        slack.run_for(4, step=2)
    monkeypatch.undo()
    slack.restart()
    slack.run_for(160, step=8)
    both_once(slack, keys)


def test_a_resend_is_the_same_file(slack: Bench) -> None:
    """Would catch bytes that depend on the clock or on chance."""
    from bot.slack.filing import file_of

    keys = queue(slack)
    slack.run_for(20, step=2)
    for form in ("pdf", "xlsx"):
        item = slack.item(keys[form])
        slack.advance(3_600)
        assert file_of(slack.delivery.line, item).digest() == item.rendered_hash


def test_a_file_that_is_refused_holds_up_no_alert(slack: Bench) -> None:
    """Would catch a setting of the workspace against uploads that silences the safety channel."""
    slack.running.faults.plan(Fault(FaultKind.API_ERROR, (ANNOUNCE,), error="file_uploads_disabled", count=-1))
    keys = queue(slack)
    slack.run_for(10, step=2)
    assert slack.item(keys["pdf"]).status is Status.HELD
    alert = slack.alert()
    slack.run_for(6, step=2)
    assert slack.item(alert).status is Status.SENT
    assert any("admin" in post["text"] for post in slack.posts("ops"))
