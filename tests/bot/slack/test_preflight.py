"""What `check` and `run` say before anything is polled: which setting, which scope, which invitation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.configuration.people import Slack
from bot.configuration.problems import Problem
from bot.configuration.reader import Document, read
from bot.configuration.secrets import Secrets
from bot.slack.manifest import SCOPES
from bot.slack.preflight import Preflight, examine, preflight
from bot.slack.sockets import Socket, alone, say_hello
from bot.workspace import people as cast
from rules.model import StudyPlan
from tests.bot.slack.bench import CHANNELS, STUDY, Bench, slack_block

FILE = """study: {id: STS-CALC}
slack:
  channels:
    open: "#sts-calc-safety"
    closed: "#sts-calc-dsmb"
    pharmacy: "#sts-calc-pharmacy"
    ops: "#sts-calc-ops"
  roles:
    investigator: [U0INVESTIGATOR]
    dsmb:
      - U0DSMBMEMBER
"""


@dataclass
class Config:
    """The part of a configuration that preflight looks at."""

    document: Document
    slack: Slack = field(default_factory=slack_block)
    plan: StudyPlan = field(default_factory=lambda: StudyPlan(STUDY, "America/Chicago", 20, 84, 28))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(FILE, encoding="utf-8")
    return Config(read(path))


def look(slack: Bench, config: Config, *, starting: bool = False, **tokens: str) -> Preflight:
    base, given = slack.running.base_url, {"bot": slack.running.bot_token, "app": slack.running.app_token, **tokens}
    bot, app = (WebClient(token=given[name], base_url=base, retry_handlers=[]) for name in ("bot", "app"))
    return examine([config], bot, app, starting=starting)


def said(problems: tuple[Problem, ...]) -> str:
    return "\n".join(str(problem) for problem in problems)


def test_everything_in_order(slack: Bench, config: Config) -> None:
    """Would catch a complaint about a workspace that is as it should be."""
    found = look(slack, config, starting=True)
    assert found.problems == ()
    assert found.document()["connections"] == 1
    assert found.document()["channels"]["#sts-calc-dsmb"]["member"] is True
    assert found.pace.seconds < 5
    json.dumps(found.document())


@pytest.mark.parametrize(
    ("tokens", "where", "says"),
    [
        ({"bot": "xoxb-wrong"}, "SLACK_BOT_TOKEN", "invalid_auth"),
        ({"app": "xapp-wrong"}, "SLACK_APP_TOKEN", "invalid_auth"),
        ({"bot": "APP", "app": "BOT"}, "SLACK_BOT_TOKEN", "Swap the two tokens"),
        ({"app": "BOT"}, "SLACK_APP_TOKEN", "Swap the two tokens"),
    ],
)
def test_wrong_and_swapped_tokens_are_named(
    slack: Bench, config: Config, tokens: dict[str, str], where: str, says: str
) -> None:
    """Would catch `invalid_auth` without a word on which of the two tokens it is."""
    real = {"APP": slack.running.app_token, "BOT": slack.running.bot_token}
    found = look(slack, config, **{name: real.get(value, value) for name, value in tokens.items()})
    assert found.problems[0].where == where
    assert says in said(found.problems)
    assert not any(token in said(found.problems) for token in real.values())


def test_missing_tokens_are_problems(config: Config) -> None:
    """Would catch a start that watches nobody."""
    found = preflight([config], Secrets())
    assert [p.where for p in found.problems] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


def test_an_unreachable_server_is_not_called_a_wrong_token(slack: Bench, config: Config) -> None:
    """Would catch advice to change a token when a firewall is to blame."""
    client = WebClient(token="x", base_url="http://127.0.0.1:9/api/", retry_handlers=[])
    [problem] = examine([config], client, None, starting=False).problems
    assert "not reached" in problem.problem
    assert "HTTPS_PROXY" in problem.fix


def test_a_missing_scope_is_named_and_a_planned_one_is_a_warning(slack: Bench, config: Config) -> None:
    """Would catch a scope that is missed only when the first alert is lost."""
    slack.workspace.scopes = tuple(s for s in SCOPES if s not in ("chat:write", "usergroups:read"))
    found = look(slack, config)
    assert "lacks the scopes chat:write" in said(found.problems)
    assert "usergroups:read" in said(found.warnings)


def test_a_server_that_does_not_name_scopes_is_not_accused(
    slack: Bench, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a compatible server refused for a header it does not send."""
    monkeypatch.setattr("bot.slack.outcomes.headers_of", lambda _: {})
    found = look(slack, config)
    assert found.document()["scopes"] == "unknown"
    assert found.problems == ()


def test_a_channel_that_is_not_there_has_its_line_and_the_invitation(slack: Bench, config: Config) -> None:
    """Would catch a typing error in a channel's name that is found when the alert comes."""
    config.slack = slack_block(channels={**CHANNELS, "open": "#sts-calc-saftey"})
    [problem] = look(slack, config).problems
    assert (problem.line, problem.where) == (4, "slack.channels.open")
    assert "/invite" in problem.fix


def test_a_channel_without_the_bot_names_the_invitation(slack: Bench, config: Config) -> None:
    """Would catch a bot that may post and cannot read what became of it."""
    slack.workspace.channel(CHANNELS["open"]).members.remove(cast.BOT_USER_ID)
    [problem] = look(slack, config).problems
    assert problem.problem == "the bot is not in the channel"
    assert problem.fix.endswith("/invite @dsmbot")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"is_private": False}, "public"),
        ({"is_ext_shared": True}, "shared beyond"),
        ({"is_archived": True}, "archived"),
    ],
)
def test_a_closed_channel_out_of_order_stops_the_start(
    slack: Bench, config: Config, change: dict[str, Any], says: str
) -> None:
    """Would catch a closed channel that is found out when the first closed alert is held."""
    channel = slack.workspace.channel(CHANNELS["closed"])
    for name, value in change.items():
        setattr(channel, name, value)
    found = look(slack, config)
    assert says in said(found.problems)
    assert found.problems[0].where == "slack.channels.closed"


def test_a_stranger_in_the_closed_channel_stops_the_start(slack: Bench, config: Config) -> None:
    """Would catch the one mistake that cannot be undone."""
    slack.workspace.channel(CHANNELS["closed"]).members.append(cast.INVESTIGATOR)
    assert cast.INVESTIGATOR in said(look(slack, config).problems)


def test_people_who_do_not_exist_or_are_guests_are_named(slack: Bench, config: Config) -> None:
    """Would catch a roster of people who left, and a guest who would be refused at the click."""
    people = slack.workspace.directory.people
    people[cast.OPERATOR] = replace(people[cast.OPERATOR], is_restricted=True)
    people[cast.PHARMACIST] = replace(people[cast.PHARMACIST], deleted=True)
    roles = {
        "investigator": "U0GHOST",
        "pharmacist": cast.PHARMACIST,
        "operator": cast.OPERATOR,
        "dsmb": cast.DSMB_MEMBER,
    }
    config.slack = slack_block(roles={role: [member] for role, member in roles.items()})
    found = look(slack, config)
    assert "Slack knows no U0GHOST" in said(found.problems)
    assert f"{cast.PHARMACIST} is deactivated" in said(found.problems)
    assert "guest: true" in said(found.warnings)


def test_people_who_cannot_see_their_channel_are_a_warning(slack: Bench, config: Config) -> None:
    """Would catch a mention that notifies nobody."""
    slack.workspace.channel(CHANNELS["open"]).members.remove(cast.INVESTIGATOR)
    assert f"{cast.INVESTIGATOR} may acknowledge alerts here and cannot see this channel" in said(
        look(slack, config).warnings
    )


def test_the_pace_of_history_is_measured(slack: Bench, config: Config) -> None:
    """Would catch an app that may read once a minute being asked twice a second."""
    slack.running.faults.rate_limited(60, count=1, methods=["conversations.history"], channel="never")
    assert look(slack, config).pace.page == 200
    real = slack.running.faults
    real.plan(replace(real.rate_limited(60, count=0, methods=["conversations.history"]), count=0))

    class Limited(WebClient):
        asked = 0

        def conversations_history(self, **arguments: Any) -> Any:
            Limited.asked += 1
            if Limited.asked == 2:
                real.rate_limited(60, methods=["conversations.history"])
            return super().conversations_history(**arguments)

    client = Limited(token=slack.running.bot_token, base_url=slack.running.base_url, retry_handlers=[])
    found = examine([config], client, None, starting=False)
    assert (found.pace.page, found.pace.seconds) == (15, 60.0)


def test_history_that_cannot_be_read_is_a_warning_that_says_what_follows(slack: Bench, config: Config) -> None:
    """Would catch the surprise of a duplicate on the day it matters."""
    slack.running.faults.api_error("missing_scope", -1, methods=["conversations.history"])
    assert "a doubtful critical alert would be sent twice" in said(look(slack, config).warnings)


def test_a_second_instance_stops_a_start_and_warns_a_check(
    slack: Bench, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch two bots on one app, each of which misses half of the clicks."""
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    monkeypatch.setattr("bot.slack.sockets.PATIENCE", (0.05,))
    app = App(client=slack.client(), token=slack.running.bot_token, token_verification_enabled=False)
    web = WebClient(token=slack.running.app_token, base_url=slack.running.base_url, retry_handlers=[])
    other = SocketModeHandler(app, slack.running.app_token, web_client=web)
    other.connect()
    try:
        assert slack.workspace.wait_for(lambda: slack.workspace.hub.connections)
        [problem] = look(slack, config, starting=True).problems
        assert "1 other connection on this Slack app" in problem.problem
        found = look(slack, config)
        assert found.problems == ()
        assert "1 other connection" in said(found.warnings)
    finally:
        other.close()


def test_a_process_that_has_just_died_is_waited_for(slack: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a restart after a crash that refuses to start because Slack still counts the dead."""
    monkeypatch.setattr("bot.slack.sockets.PATIENCE", (0.01, 0.01))
    web = WebClient(token=slack.running.app_token, base_url=slack.running.base_url, retry_handlers=[])
    assert alone(web, Socket(2)).connections == 1
    assert alone(web, Socket(None)).connections is None


def test_a_socket_that_does_not_open_says_so() -> None:
    """Would catch a firewall that lets HTTPS through and stops wss."""
    assert say_hello("ws://127.0.0.1:9/").error
