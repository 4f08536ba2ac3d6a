"""The drill as a command: who presses is recorded, who does not is listed, and nothing passes that was not taken."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from bot.slack.blocks import ActionId
from tests.bot.commands.site import CHANNELS, Ran, Site
from tests.bot.commands.test_running import waited
from tests.bot.paging.servers import mail_server

PEOPLE = {
    "U0INVESTIGATOR": "open", "U0MONITOR": "open", "U0PHARMACIST": "pharmacy", "U0DSMBCHAIR": "closed",
    "U0OPERATOR": "ops",
}  # fmt: skip


def drilled(site: Site, *pressing: str, wait: str = "0.4") -> Ran:
    """`dsmbot drill --json`, while some people press their button, each twice."""
    running = site.process("drill", "--wait", wait, "--json")
    try:
        for user in pressing:
            channel = CHANNELS[PEOPLE[user]]
            assert waited(lambda channel=channel: message(site, channel), 60), running.communicate(timeout=60)
            for _ in range(2):
                site.workspace.click(user, channel, message(site, channel)["ts"], ActionId.DRILL.value, settle=0.3)
        out, err = running.communicate(timeout=120)
    finally:
        if running.poll() is None:
            running.kill()
    return Ran(running.returncode, out, err)


def message(site: Site, channel: str) -> dict[str, Any]:
    """The latest message of a drill in a channel, {} before there is one."""
    found = [m for m in site.workspace.messages(channel) if "DRILL" in m["text"]]
    return found[-1] if found else {}


def test_a_drill_in_which_everybody_presses_passes_without_waiting_and_its_pages_are_taken(
    site_of: Callable[..., Site],
) -> None:
    """Would catch a drill that nobody can pass, one that counts a person twice, or one that skips the second path."""
    with mail_server() as box:
        mail = {"host": "127.0.0.1", "port": box.port, "security": "none", "from": "bot@example.org",
                "to": {"investigator": ["pi@example.org"], "dsmb": ["chair@example.net"]}}  # fmt: skip
        site = site_of(slack={"paging": {"email": mail}})
        done = drilled(site, *PEOPLE, wait="5")
    assert (done.code, done.json["passed"]) == (0, True), done.err
    assert {(one["user"], one["audience"]) for one in done.json["confirmed"]} == set(PEOPLE.items())
    assert len(done.json["confirmed"]) == len(PEOPLE)
    assert done.json["pages"] == {"sent": 2}
    assert sorted(to for to, _ in box.messages) == ["chair@example.net", "pi@example.org"]
    assert all("This is a drill. Nothing has happened" in mail.get_content() for _, mail in box.messages)
    exported = [json.loads(line) for line in site.run("audit", "export").out.splitlines()]
    kinds = [entry["kind"] for entry in exported if entry["kind"].startswith("drill")]
    assert kinds == ["drill_started", *["drill_confirmed"] * len(PEOPLE), "drill_finished"]
    assert site.run("audit", "verify").code == 0


def test_whoever_does_not_press_is_named_and_the_drill_fails(site_of: Callable[..., Site]) -> None:
    """Would catch a drill that passes because somebody else pressed."""
    site = site_of()
    done = drilled(site, "U0INVESTIGATOR", "U0OPERATOR")
    assert done.code == 1
    assert done.json["passed"] is False
    assert done.json["missing"] == [
        {"user": user, "audience": PEOPLE[user], "reason": "did not press"}
        for user in sorted(set(PEOPLE) - {"U0INVESTIGATOR", "U0OPERATOR"})
    ]
    assert "U0MONITOR in the open channel: did not press" in done.err
    assert "NOT passed" in done.err


@pytest.mark.parametrize("minutes", ["0", "-1", "2000"])
def test_a_wait_that_makes_no_sense_is_refused(site_of: Callable[..., Site], minutes: str) -> None:
    done = site_of().run("drill", "--wait", minutes)
    assert done.code == 2
    assert f"--wait {minutes}: write minutes" in " ".join(done.err.split())


def test_a_drill_beside_a_running_bot_is_refused(site_of: Callable[..., Site]) -> None:
    """Would catch two processes that share the clicks, so that people press in vain."""
    site = site_of()
    site.workspace.workspace.second_connection(1)
    running = site.process("drill", "--wait", "0.1", stdin=subprocess.DEVNULL)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 2
    assert "other connection" in " ".join(err.split())
