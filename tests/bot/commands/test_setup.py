"""`dsmbot setup` with piped answers: what is asked, what is tried with Slack, and what is written."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.configuration.schema import SHIPPED
from tests.bot.commands.site import CHANNELS, ROLES, Site

ROOT = Path(__file__).resolve().parents[3]
COMMENTED = "# a comment of the protocol's author\nrules:"


@pytest.fixture
def known(site: Site) -> Site:
    """A site whose people have e-mail addresses, and whose configuration has a comment outside `slack:`."""
    people = site.workspace.workspace.directory.people
    for user, person in people.items():
        people[user] = replace(person, email=f"{person.role}@site.example")
    site.config.write_text(site.config.read_text("utf-8").replace("rules:", COMMENTED, 1), "utf-8")
    return site


def answers(site: Site, channels: Sequence[str] = (), people: Sequence[str] = (), *, swap: bool = False) -> str:
    tokens = [site.environment["SLACK_BOT_TOKEN"], site.environment["SLACK_APP_TOKEN"]]
    if swap:
        tokens.reverse()
    channels = [*channels, *[""] * (len(CHANNELS) - len(channels))]
    return "\n".join([*tokens, *channels, *people, *[""] * (len(ROLES) - len(people)), ""])


def test_what_is_answered_is_written_and_the_rest_stays(known: Site) -> None:
    before = known.config.read_text("utf-8")
    people = ["investigator@site.example, medical_monitor@site.example, investigator@site.example", "U0MONITOR"]
    done = known.run("setup", typed=answers(known, ["site-safety"], people))
    assert done.code == 0, done.err
    after = known.config.read_text("utf-8")
    assert COMMENTED in after
    assert after.split("slack:")[0] == before.split("slack:")[0]
    slack = known.study().slack
    assert [m.id for m in slack.roles["investigator"]] == ["U0INVESTIGATOR", "U0MONITOR"]  # type: ignore[index]
    assert [m.id for m in slack.roles["dsmb"]] == ["U0DSMBCHAIR"]  # type: ignore[index]
    assert {a.value: name for a, name in slack.channels.items()} == CHANNELS
    manifest = (known.folder / "slack-manifest.yaml").read_text("utf-8")
    assert "chat:write" in manifest
    assert "Next: dsmbot check" in done.err


def test_tokens_are_kept_apart_and_shown_to_nobody(known: Site) -> None:
    done = known.run("setup", typed=answers(known, swap=True))
    assert done.code == 0, done.err
    assert "The two tokens were swapped; they are put right" in done.err
    folder = known.folder / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        file = folder / name.lower()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text("utf-8") == known.environment[name] + "\n"
        assert known.environment[name] not in done.err + done.out + known.config.read_text("utf-8")
    files = {f"{name}_FILE": str(folder / name.lower()) for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")}
    assert known.run("poll", SLACK_BOT_TOKEN=None, SLACK_APP_TOKEN=None, **files).code == 0


@pytest.mark.parametrize(
    ("channels", "people", "says"),
    [
        ((), ["nobody@site.example"], "Slack knows nobody at nobody@site.example (users_not_found)"),
        ((), ["Dr Who"], "'Dr Who' is neither an e-mail address nor a member id"),
        (("one", "one"), (), "#one is already the channel of 'open'"),
    ],
)
def test_an_answer_that_cannot_be_used_writes_nothing(
    known: Site, channels: Sequence[str], people: Sequence[str], says: str
) -> None:
    before = known.config.read_text("utf-8")
    done = known.run("setup", typed=answers(known, channels, people))
    assert done.code == 2
    assert says in done.err
    assert "othing was written" in done.err
    assert known.config.read_text("utf-8") == before
    assert not (known.folder / "secrets").exists()
    assert [f.name for f in known.folder.iterdir() if f.name.startswith(".")] == []


def test_a_person_at_a_terminal_is_asked_again_after_a_mistake(known: Site) -> None:
    """Would catch a typing error that throws away everything that was answered before it."""
    typed = answers(known, people=["investigatr@site.example"]).splitlines()
    typed.insert(len(CHANNELS) + 3, "investigator@site.example")
    leader, follower = os.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", "from bot.cli import main; main()", "setup", "-c", str(known.config)],
        stdin=follower, stdout=follower, stderr=follower, env={**os.environ, **known.environment},
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    said = ""
    with suppress(OSError):  # its end closes the terminal
        while select.select([leader], [], [], 30)[0] and (part := os.read(leader, 4096).decode(errors="ignore")):
            said += part
            if said.endswith(": ") and typed:
                os.write(leader, f"{typed.pop(0)}\n".encode())
    running.wait(30)
    os.close(leader)
    assert running.returncode == 0, said
    assert "Slack knows nobody at investigatr@site.example (users_not_found)" in said
    assert "Please answer again." in said
    assert [m.id for m in known.study().slack.roles["investigator"]] == ["U0INVESTIGATOR"]  # type: ignore[index]


def test_answers_that_end_early_and_tokens_that_slack_refuses(known: Site) -> None:
    done = known.run("setup", typed="xoxb-1\n")
    assert done.code == 2
    assert "The answers ended before the questions did" in done.err
    done = known.run("setup", typed="xoxb-wrong\nxapp-wrong\n")
    assert done.code == 2
    assert "Slack refused the bot token: invalid_auth" in done.err
    done = known.run("setup", typed="\n\n")
    assert done.code == 2
    assert "Both tokens are needed" in done.err


def test_without_a_configuration_the_shipped_one_is_the_beginning(known: Site) -> None:
    known.config.unlink()
    done = known.run("setup", typed="")
    assert done.code == 2  # the questions were not answered, but the example lies there to be edited
    first, rest = known.config.read_text("utf-8").split("\n", 1)
    assert first == f"# yaml-language-server: $schema={SHIPPED.as_posix()}"
    assert rest == (ROOT / "config.yaml").read_text("utf-8").split("\n", 1)[1]
