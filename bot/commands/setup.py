"""`dsmbot setup`: the app, its tokens, the channels and the people, one question at a time."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import typer
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.app import DEFAULT_CONFIG, load_studies
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_lines
from bot.config import ConfigError, Role, StudyConfig, load_secrets
from bot.configuration.rewriting import with_slack
from bot.configuration.schema import SHIPPED
from bot.demo.stage import example_configuration
from bot.link import web_client
from bot.slack.manifest import manifest_yaml
from rules.model import Audience

Ask = Callable[[str, bool], str]
"""(question, hidden) → what the person typed."""

_MEMBER_ID = re.compile(r"[UW][A-Z0-9]+")

STEPS = """1. On api.slack.com/apps choose "Create New App", "From a manifest", and paste the text of {manifest}.
2. Install it to the workspace; copy the bot token (begins with xoxb-).
3. Under "Basic Information", "App-Level Tokens", make one with connections:write; copy it (begins with xapp-).
4. Make the channels, the board's private, and invite the bot to each: /invite @dsmbot"""


@dataclass
class Answers:
    """What was asked: channel per audience, members per role (Slack ids)."""

    channels: dict[Audience, str] = field(default_factory=dict)
    members: dict[Role, list[str]] = field(default_factory=dict)


@guarded
def run_setup(config: list[Path] | None) -> int:
    """Ask, verify with Slack, write. Exit 0 when the configuration was written, 2 when something cannot be used."""
    path = (config or [DEFAULT_CONFIG])[0]
    if not path.exists():
        path.write_text(_example(), encoding="utf-8")
        print_lines(
            [f"{path} did not exist: the example study was written there. Replace its words by your protocol's."]
        )
    study = load_studies([path])[0]
    manifest = path.with_name("slack-manifest.yaml")
    manifest.write_text(manifest_yaml(), encoding="utf-8")
    print_lines(STEPS.format(manifest=manifest).splitlines())
    client, tokens = _usable(lambda: _tokens(_ask))
    answers = Answers(_channels(study, client, _ask), _people(study, client, _ask))
    _write_checked(path, with_slack(path.read_text(encoding="utf-8"), study.slack, answers.channels, answers.members))
    folder = _keep(path.with_name("secrets"), tokens)
    print_lines(
        [
            f"{path} now names your channels and people. The tokens are in {folder}, readable by you alone:",
            *(f"  export {name}_FILE={folder / name.lower()}" for name in tokens),
            f"Next: dsmbot check -c {path}",
        ]
    )
    return 0


def _example() -> str:
    """The shipped configuration, which points editors to the schema where it is installed."""
    return example_configuration().replace("$schema=bot/config.schema.json", f"$schema={SHIPPED.as_posix()}", 1)


def _write_checked(path: Path, text: str) -> None:
    """Write a configuration that loads; one that does not leaves the file as it was."""
    trial = path.with_name(f".{path.name}.new")
    trial.write_text(text, encoding="utf-8")
    try:
        load_studies([trial])
    except ConfigError as error:
        faults = (f"{problem.where}: {problem.problem}. {problem.fix}." for problem in error.problems)
        raise BadInput("\n".join(["These answers cannot be used; nothing was written.", *faults])) from error
    finally:
        trial.unlink()
    path.write_text(text, encoding="utf-8")


def _ask(question: str, hidden: bool) -> str:
    """Ask on the terminal; what is typed into a hidden question is not shown. Piped answers are read as lines."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, hide_input=hidden, default="", show_default=False, err=True)).strip()
    sys.stderr.write(f"{question}: \n")
    line = sys.stdin.readline()
    if not line:
        raise BadInput("The answers ended before the questions did; nothing was written.")
    return line.strip()


def _tokens(ask: Ask) -> tuple[WebClient, dict[str, str]]:
    """Both tokens, recognised when they were swapped, and tried."""
    given = {
        name: ask(f"{name} ({hint})", True)
        for name, hint in (("SLACK_BOT_TOKEN", "xoxb-…"), ("SLACK_APP_TOKEN", "xapp-…"))
    }
    if given["SLACK_BOT_TOKEN"].startswith("xapp-") and given["SLACK_APP_TOKEN"].startswith("xoxb-"):
        print_lines(["The two tokens were swapped; they are put right."])
        given = dict(zip(given, reversed(list(given.values())), strict=True))
    environment = {**given, **{k: v for k, v in os.environ.items() if k == "SLACK_API_URL"}}
    secrets = load_secrets(environment)
    if secrets.missing():
        raise BadInput("Both tokens are needed; nothing was written.")
    client = web_client(secrets.bot_token, secrets.api_url)
    _call(lambda: client.auth_test(), "the bot token")
    _call(
        lambda: web_client(secrets.app_token, secrets.api_url).apps_connections_open(app_token=secrets.app_token or ""),
        "the app token",
    )
    return client, given


def _call(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except SlackApiError as error:
        raise BadInput(f"Slack refused {what}: {error.response['error']}. Nothing was written.") from error
    except (SlackClientError, OSError) as error:
        raise BadInput(
            f"Slack could not be reached for {what} ({type(error).__name__}). Nothing was written."
        ) from error


def _channels(study: StudyConfig, client: WebClient, ask: Ask) -> dict[Audience, str]:
    known = _known_channels(client)
    chosen: dict[Audience, str] = {}
    for audience, present in study.slack.channels.items():
        name = ask(f"Channel for {audience.value} messages [{present}]", False) or present
        bare = name.removeprefix("#")
        if known and bare not in known and bare not in known.values():
            print_lines(
                [f"  {name} is not among the channels that the bot can see: make it and /invite @dsmbot there."]
            )
        chosen[audience] = name if bare in known.values() else f"#{bare}"
    return chosen


def _known_channels(client: WebClient) -> dict[str, str]:
    """Name → id of the channels that the bot sees; empty where the server does not say."""
    try:
        answer = client.conversations_list(types="public_channel,private_channel", limit=1000, exclude_archived=True)
    except (SlackApiError, SlackClientError, OSError):
        return {}
    return {str(channel["name"]): str(channel["id"]) for channel in answer.get("channels") or []}


def _people(study: StudyConfig, client: WebClient, ask: Ask) -> dict[Role, list[str]]:
    members: dict[Role, list[str]] = {}
    for role in study.slack.roles:
        words = role.value.replace("_", " ")
        question = f"Who is {words}? E-mail addresses or member ids, with commas; empty leaves it as it is"
        found = _usable(lambda question=question: _members(client, ask(question, False)))  # type: ignore[misc]
        if found:
            members[role] = found
    return members


def _members(client: WebClient, typed: str) -> list[str]:
    """The ids of the people named in an answer, each once."""
    found = (_member(client, entry.strip()) for entry in typed.split(",") if entry.strip())
    return list(dict.fromkeys(found))


T = TypeVar("T")


def _usable(asked: Callable[[], T]) -> T:
    """An answer that can be used: a person at a terminal is asked again, piped answers end at the first mistake."""
    while True:
        try:
            return asked()
        except BadInput as error:
            if not sys.stdin.isatty():
                raise
            print_lines([f"  {error} Please answer again."])


def _member(client: WebClient, entry: str) -> str:
    """A Slack member id from an e-mail address; an id stays as it is."""
    if "@" not in entry:
        if not _MEMBER_ID.fullmatch(entry):
            raise BadInput(f"{entry!r} is neither an e-mail address nor a member id (U…). Nothing was written.")
        return entry
    try:
        found: Mapping[str, str] = client.users_lookupByEmail(email=entry)["user"]
    except SlackApiError as error:
        raise BadInput(f"Slack knows nobody at {entry} ({error.response['error']}). Nothing was written.") from error
    return found["id"]


def _keep(folder: Path, tokens: Mapping[str, str]) -> Path:
    """Write each token to a file of its own that only this account can read."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, value in tokens.items():
        target = folder / name.lower()
        target.touch(mode=0o600)
        target.chmod(0o600)
        target.write_text(f"{value}\n", encoding="utf-8")
    return folder.resolve()
