"""What stops a start: said with setting, scope or invitation, exit 2, and before anything is polled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.app import now_utc
from storage.database import open_database
from tests.bot.commands.site import BASE, CHANNELS, Site, event, events, merged

WRONG = [
    ({"SLACK_BOT_TOKEN": None}, "SLACK_BOT_TOKEN: is not set, so nothing would be monitored"),
    ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "SLACK_BOT_TOKEN: is refused by Slack (invalid_auth)"),
    ({"SLACK_APP_TOKEN": None}, "SLACK_APP_TOKEN: is not set, so nothing would be monitored"),
    ({"SLACK_APP_TOKEN": "xapp-wrong"}, "SLACK_APP_TOKEN: is refused by Slack (invalid_auth). Set SLACK_APP_TOKEN"),
]


def refused(site: Site, command: str, says: str, **environment: Any) -> None:
    done = site.run(command, **environment)
    assert done.code == 2
    assert done.out == ""
    assert says in done.err
    assert not site.database.exists()


@pytest.mark.parametrize(("environment", "says"), WRONG)
@pytest.mark.parametrize("command", ["check", "run", "poll"])
def test_tokens(site: Site, environment: dict[str, str | None], says: str, command: str) -> None:
    if command == "poll" and "SLACK_APP_TOKEN" in environment:
        done = site.run("poll", **environment)  # it only speaks, and needs no socket
        assert done.code == 0
        return
    refused(site, command, says, **environment)


@pytest.mark.parametrize("command", ["check", "run", "poll"])
def test_swapped_tokens(site: Site, command: str) -> None:
    tokens = (site.environment["SLACK_BOT_TOKEN"], site.environment["SLACK_APP_TOKEN"])
    swapped = {"SLACK_BOT_TOKEN": tokens[1], "SLACK_APP_TOKEN": tokens[0]}
    refused(site, command, "SLACK_BOT_TOKEN: and SLACK_APP_TOKEN are swapped", **swapped, SLACK_API_URL=None)
    refused(site, command, "Swap the two tokens", **swapped)
    assert all(token not in site.run(command, **swapped).err for token in tokens)


def test_a_missing_scope(site: Site) -> None:
    workspace = site.workspace.workspace
    workspace.scopes = tuple(scope for scope in workspace.scopes if scope != "chat:write")
    for command in ("check", "run", "poll"):
        refused(site, command, "lacks the scopes chat:write. Install the app again")


def test_the_bot_is_not_in_a_channel(site: Site) -> None:
    site.workspace.workspace.channel(CHANNELS["open"]).members.remove("U0DSMBOT")
    for command in ("check", "run"):
        refused(site, command, "slack.channels.open: the bot is not in the channel. Invite the bot")


def test_poll_says_why_a_message_is_held(site: Site) -> None:
    """`poll` has stored what it read by then, and what it holds is sent when the bot is invited."""
    site.workspace.workspace.channel(CHANNELS["open"]).members.remove("U0DSMBOT")
    done = site.poll()
    assert done.code == 1
    assert done.json["notifications"]["held"] == 1
    assert "#site-safety: Slack answered not_in_channel. Invite the bot to the channel: /invite @dsmbot" in done.err
    site.workspace.workspace.channel(CHANNELS["open"]).members.append("U0DSMBOT")
    mended = site.poll()
    assert (mended.code, mended.json["notifications"]["held"]) == (0, 0)
    assert len(site.told("monitoring began", "open")) == 1


def test_a_channel_that_is_missing(site: Site) -> None:
    site.configure(slack={"channels": {**CHANNELS, "open": "#nowhere"}})
    for command in ("check", "run"):
        refused(site, command, "slack.channels.open: Slack answers channel_not_found")


def test_one_channel_for_two_audiences(site: Site) -> None:
    site.configure(slack={"channels": {**CHANNELS, "closed": CHANNELS["open"]}})
    for command in ("check", "run", "poll"):
        refused(site, command, "#site-safety is already the channel of 'open'")


def written(folder: Path, **changes: Any) -> str:
    target = folder / "two.yaml"
    target.write_text(yaml.safe_dump(merged(BASE, changes), allow_unicode=True), encoding="utf-8")
    return str(target)


def test_two_configurations_with_one_channel_for_two_audiences(site: Site) -> None:
    names = {"open": "#site-dsmb", "closed": "#other-dsmb", "pharmacy": "#other-pharmacy", "ops": "#other-ops"}
    other = written(site.folder, study={"id": "SITE-2"}, slack={"channels": names})
    for command in ("check", "run", "poll"):
        done = site.run(command, "-c", other)
        assert done.code == 2
        assert f"#site-dsmb is already the channel of 'open' in {other}" in done.err
        assert not site.database.exists()


def test_one_study_twice(site: Site) -> None:
    names = {audience: f"{name}-2" for audience, name in CHANNELS.items()}
    other = written(site.folder, slack={"channels": names})
    done = site.run("poll", "-c", other)
    assert done.code == 2
    assert "study 'SITE-1' is also in" in done.err


def test_another_process_on_the_file(site: Site) -> None:
    study = site.study()
    held = open_database(study.storage.url, mode="live", study_ids=[study.id], now=now_utc())
    try:
        done = site.run("poll")
        assert done.code == 2
        assert "Another process of this product is already using the database file" in done.err
    finally:
        held.close()
    assert site.poll().code == 0


def test_a_database_of_another_mode(site: Site) -> None:
    study = site.study()
    open_database(study.storage.url, mode="practice", study_ids=[study.id], now=now_utc()).close()
    done = site.run("poll")
    assert done.code == 2
    assert "This database is for practice, and was asked to be used for live" in done.err


def test_a_rule_with_history_that_vanished(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("ae.csv", events(event(1)))
    site.write("dm.csv", "USUBJID,SITEID,RFXSTDTC\nS-001,01,2026-01-05\n")
    assert site.poll().code == 0
    site.configure(rules=[BASE["rules"][0]])
    gone = site.run("poll")
    assert gone.code == 2
    assert "any-event" in gone.err
    assert "retired" in gone.err
    retired = {**BASE["rules"][1], "retired": {"on": "2026-03-01", "reason": "amendment 2"}}
    site.configure(rules=[BASE["rules"][0], retired])
    assert site.poll().code == 0
