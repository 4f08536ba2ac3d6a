"""The workspace in a process of its own, as the kill tests of the bot use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.workspace.__main__ import main
from bot.workspace.errors import WorkspaceError
from bot.workspace.remote import RemoteWorkspace
from tests.bot.workspace.conftest import section


@contextmanager
def standalone(*arguments: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "bot.workspace", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_it_serves_is_driven_from_outside_and_keeps_its_state(tmp_path: Path) -> None:
    arguments = ["--state", str(tmp_path / "state.json"), "--channels", "open=#alpha", "closed=#beta"]
    with standalone(*arguments) as found:
        client = WebClient(token=found["bot_token"], base_url=found["base_url"], retry_handlers=[])
        remote = RemoteWorkspace(found["origin"], found["control_key"])
        remote.fault("stored_then_error", count=1)
        with pytest.raises(SlackApiError, match="internal_error"):
            client.chat_postMessage(channel="#alpha", text="one", blocks=[section("x") | {"block_id": "one"}])
        for key in ("one", "two"):  # the sender of a duplicate does not know that it is one
            client.chat_postMessage(channel="#alpha", text=key, blocks=[section("x") | {"block_id": key}])
        assert [m["text"] for m in remote.messages("#alpha")] == ["one", "one", "two"]
        assert list(remote.duplicates()) == ["one"]
        assert remote.hits() == [["stored_then_error", "chat.postMessage"]]
        assert remote.connections() == 0
        outcome = remote.slash("Investigator", "#alpha", "/safety", "status", settle=0)
        assert (outcome.acked, outcome.text) == (False, "")
        with pytest.raises(WorkspaceError, match="does not see #beta"):
            remote.say("Investigator", "#beta", "x")
    with standalone(*arguments) as again:
        remote = RemoteWorkspace(again["origin"], again["control_key"])
        assert again["bot_token"] == found["bot_token"]
        assert [m["text"] for m in remote.messages("#alpha")] == ["one", "one", "two"]
        with pytest.raises(WorkspaceError, match=r"No session"):
            RemoteWorkspace(again["origin"], "wrong key").messages("#alpha")
    with pytest.raises(WorkspaceError, match="does not answer"):
        remote.messages("#alpha")


def test_what_it_cannot_start_with_ends_with_two(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--channels", "open"]) == 2
    assert "AUDIENCE=#NAME" in capsys.readouterr().err
    (tmp_path / "no.json").write_text("[]")
    assert main(["--state", str(tmp_path / "no.json")]) == 2
    assert "not a snapshot" in capsys.readouterr().err
