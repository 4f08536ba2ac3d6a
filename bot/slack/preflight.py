"""The online half of `check`: tokens, scopes, channels, people and history, before anything is polled.

Every finding names the setting, scope or invitation that mends it. A server that does not say something is not
accused of it: for open content the unknown is a warning, for closed content it is a problem. Servers other than
Slack that never say whether a channel is shared may watch all the same: that is a warning, and every restricted
message waits, for delivery asks again before each post and refuses on the unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from slack_sdk import WebClient

from bot.access import Act, able_roles
from bot.clearance.findings import RESTRICTED
from bot.configuration.people import Role, Slack
from bot.configuration.problems import Problem
from bot.configuration.reader import Document
from bot.configuration.secrets import Secrets
from bot.link import web_client
from bot.slack.directory import ChannelFacts, Directory, Identity
from bot.slack.history import Pace
from bot.slack.limits import HISTORY_PAGE_HIGH, HISTORY_SECONDS_HIGH
from bot.slack.manifest import SCOPES, required
from bot.slack.membership import judge
from bot.slack.outcomes import INVITE, Fate, Outcome, attempt
from bot.slack.sockets import Socket, alone, open_address, say_hello
from rules.model import Audience, StudyPlan

ENVIRONMENT = "environment"
_TOKENS = "SLACK_BOT_TOKEN begins with xoxb-, SLACK_APP_TOKEN with xapp-"
_AT_ONCE = datetime.fromtimestamp(0, UTC)
"""One look is one moment: what it lists is listed once."""
_REINSTALL = "Install the app again with the manifest of `dsmbot slack manifest`"


class Configured(Protocol):
    """The part of `bot.config.StudyConfig` that is looked at."""

    @property
    def plan(self) -> StudyPlan:
        """The study's plan."""

    @property
    def slack(self) -> Slack:
        """Channels and roles."""

    @property
    def document(self) -> Document:
        """What was read, for lines."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found.

    Parameters
    ----------
    problems: what stops the start.   warnings: what runs but should be known.
    facts: what Slack said, as JSON values.   pace: how much history may be read, as measured.
    """

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    def document(self) -> dict[str, Any]:
        """JSON values for `check --json`, key "slack"."""
        return self.facts


def preflight(configs: Sequence[Configured], secrets: Secrets, *, starting: bool = False) -> Preflight:
    """`examine` with the tokens and the address of the environment; a token that is missing is a problem."""
    missing = secrets.missing()
    if missing or secrets.bot_token is None:
        return Preflight(tuple(missing))
    client = web_client(secrets.bot_token, secrets.api_url)
    app_client = web_client(secrets.app_token, secrets.api_url)
    return examine(configs, client, app_client, starting=starting)


def refused_token(secrets: Secrets) -> tuple[Problem, ...]:
    """Why nothing can be posted with the bot token: it is missing, refused, or lacks a scope.

    Where Slack is not reached, or the server cannot be asked, there is nothing to say: messages wait, as they do when
    it is lost later.
    """
    missing = tuple(p for p in secrets.missing() if p.where == "SLACK_BOT_TOKEN")
    if missing or secrets.bot_token is None:
        return missing
    look = _Look(web_client(secrets.bot_token, secrets.api_url))
    look.bot_token()
    return tuple(look.problems) if look.answered else ()


def examine(
    configs: Sequence[Configured], client: WebClient, app_client: WebClient | None, *, starting: bool
) -> Preflight:
    """Look at everything that could keep a message from the right people, or bring it to the wrong ones.

    Parameters
    ----------
    client, app_client: with the bot token and the app-level token; None where no socket is needed.
    starting: `run` is about to start, so that another connection on the app is a problem.
    """
    look = _Look(client)
    if look.bot_token() and app_client is not None:
        look.app_token(app_client, starting=starting)
    if look.identity is not None:
        for config in configs:
            look.channels(config)
            look.people(config)
    return Preflight(tuple(look.problems), tuple(look.warnings), look.facts, look.pace)


class _Look:
    """One look at Slack, gathering what it finds."""

    def __init__(self, client: WebClient) -> None:
        self.client = client
        self.directory = Directory(client)
        self.is_slack = Secrets(api_url=client.base_url).is_slack
        self.identity: Identity | None = None
        self.answered = False
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.facts: dict[str, Any] = {}
        self.pace = Pace()
        self._measured = False

    def bot_token(self) -> bool:
        """Whether the bot token works; notes who the bot is and what it may do."""
        found = attempt(self.client.auth_test)
        self.answered = found.fate in (Fate.DONE, Fate.REFUSED) and found.error != "unknown_method"
        if found.fate is not Fate.DONE:
            self._environment("SLACK_BOT_TOKEN", *_token_fault(found))
            return False
        if found.data.get("app_name") and not found.data.get("user_id"):
            self._environment("SLACK_BOT_TOKEN", "holds an app-level token", f"Swap the two tokens: {_TOKENS}")
            return False
        self.identity = self.directory.identity()
        self.facts |= {"bot": self.identity.name, "team": self.identity.team_id or None}
        self._scopes(found)
        return True

    def _scopes(self, found: Outcome) -> None:
        granted = found.headers.get("x-oauth-scopes")
        if granted is None:
            self.facts["scopes"] = "unknown"
            return
        have = {scope.strip() for scope in granted.split(",")}
        missing, planned = sorted(required() - have), sorted(set(SCOPES) - required() - have)
        self.facts["scopes"] = {"missing": missing, "planned_missing": planned}
        if missing:
            self._environment("SLACK_BOT_TOKEN", f"lacks the scopes {', '.join(missing)}", _REINSTALL)
        if planned:
            fault = f"lacks scopes that later versions use: {', '.join(planned)}"
            self.warnings.append(Problem(ENVIRONMENT, 0, "SLACK_BOT_TOKEN", fault, _REINSTALL))

    def app_token(self, app_client: WebClient, *, starting: bool) -> None:
        """Whether Socket Mode works, and whether somebody else is connected with this app."""
        address = open_address(app_client)
        if isinstance(address, Outcome):
            problem, fix = _token_fault(address)
            if address.error == "not_allowed_token_type":
                problem, fix = "is not an app-level token", f"Swap the two tokens: {_TOKENS}"
            elif address.fate is Fate.REFUSED:
                fix = "Set SLACK_APP_TOKEN to an app-level token with connections:write (it begins with xapp-)"
            self._environment("SLACK_APP_TOKEN", problem, fix)
            return
        hello = say_hello(address)
        if starting:
            hello = alone(app_client, hello)
        self.facts["connections"] = hello.connections
        if hello.error:
            fix = "Let wss:// to Slack through the firewall; Socket Mode needs no open port"
            self._environment("SLACK_APP_TOKEN", f"the socket cannot be opened: {hello.error}", fix)
        elif hello.connections is not None and hello.connections > 1:
            self._second(hello, starting=starting)

    def _second(self, hello: Socket, *, starting: bool) -> None:
        assert hello.connections is not None
        others = hello.connections - 1
        fault = f"{others} other connection{'s' if others > 1 else ''} on this Slack app: each click reaches only one"
        fix = "Stop the other instance, or give each its own app (`dsmbot slack manifest --suffix NAME`)"
        found = Problem(ENVIRONMENT, 0, "SLACK_APP_TOKEN", fault, fix)
        (self.problems if starting else self.warnings).append(found)

    def channels(self, config: Configured) -> None:
        """Whether each audience's channel is there, the bot is in it, and it may hold that audience's content."""
        said = self.facts.setdefault("channels", {})
        for audience, reference in config.slack.channels.items():
            channel_id = self.directory.channel_id(reference, _AT_ONCE)
            facts, asked = self.directory.facts(channel_id, with_members=True)
            said[reference] = {"id": facts.channel_id, "audience": audience.value, "member": facts.member}
            self._channel(config, audience, facts, asked)
            if asked.fate is Fate.DONE and facts.member is not False:
                self._history(config, audience, facts.channel_id)

    def _channel(self, config: Configured, audience: Audience, facts: ChannelFacts, asked: Outcome) -> None:
        place = ("slack", "channels", audience.value)
        strict = audience in RESTRICTED
        if asked.error == "channel_not_found" and facts.channel_id.startswith("#") and self.directory.unlisted:
            what = f"this server gives no list of channels (conversations.list: {self.directory.unlisted})"
            self.problems.append(config.document.problem(place, what, "Write the channel's id instead of its name"))
        elif asked.fate is Fate.REFUSED and asked.error != "unknown_method":
            self.problems.append(config.document.problem(place, f"Slack answers {asked.error}", asked.fix))
        elif asked.fate is not Fate.DONE:
            found = config.document.problem(
                place, f"Slack does not say what this channel is ({asked.error})", "Try again"
            )
            (self.problems if strict and self.is_slack else self.warnings).append(found)
        elif facts.archived:
            self.problems.append(
                config.document.problem(place, "the channel is archived", "Unarchive it, or name another")
            )
        elif facts.member is False:
            self.problems.append(config.document.problem(place, "the bot is not in the channel", self._invite()))
        else:
            assert self.identity is not None
            verdict = judge(facts, audience, config.slack, self.identity)
            if verdict.unknown and not self.is_slack:
                fault = f"{verdict.reason}: every {audience} message waits until it does"
                self.warnings.append(config.document.problem(place, fault, "Rehearse on it; monitor in Slack itself"))
            elif not verdict.allowed:
                self.problems.append(config.document.problem(place, verdict.reason, verdict.fix))
            self._unreached(config, audience, facts)

    def _unreached(self, config: Configured, audience: Audience, facts: ChannelFacts) -> None:
        """People whom an alert speaks to and who are not in its channel: a mention does not reach them."""
        if facts.members is None:
            return
        able = [m.id for role in able_roles(Act.ACKNOWLEDGE, audience) for m in config.slack.holders(role)]
        absent = sorted(set(able) - set(facts.members))
        if absent:
            place = ("slack", "channels", audience.value)
            fault = f"{', '.join(absent)} may acknowledge alerts here and cannot see this channel"
            self.warnings.append(config.document.problem(place, fault, "Invite them to the channel"))

    def _history(self, config: Configured, audience: Audience, channel_id: str) -> None:
        """Whether history can be read, and how fast: a second request at once tells an app held to one a minute."""
        read = attempt(lambda: self.client.conversations_history(channel=channel_id, limit=HISTORY_PAGE_HIGH))
        if read.fate is Fate.DONE and not self._measured:
            self._measured = True
            again = attempt(lambda: self.client.conversations_history(channel=channel_id, limit=HISTORY_PAGE_HIGH))
            quick = again.fate is Fate.DONE
            self.pace = Pace(HISTORY_PAGE_HIGH, HISTORY_SECONDS_HIGH) if quick else Pace()
            self.facts["history"] = {"page": self.pace.page, "seconds": self.pace.seconds}
        elif read.fate is Fate.REFUSED:
            place = ("slack", "channels", audience.value)
            fault = f"its history cannot be read ({read.error}): a doubtful critical alert would be sent twice"
            self.warnings.append(config.document.problem(place, fault, read.fix))

    def people(self, config: Configured) -> None:
        """Whether everyone named exists, is active, and is no guest whom nobody authorised."""
        for role, members in config.slack.roles.items():
            active = len(members)
            for number, member in enumerate(members):
                place = ("slack", "roles", role.value, number)
                asked = attempt(lambda user=member.id: self.client.users_info(user=user))  # type: ignore[misc]
                if asked.error in ("user_not_found", "user_not_visible", "users_not_found"):
                    fix = "Copy the id again: in Slack, profile, ⋮, Copy member ID"
                    self.problems.append(config.document.problem(place, f"Slack knows no {member.id}", fix))
                    active -= 1
                    continue
                account = self.directory.account(member.id)
                if account.deleted:
                    fix = "Remove them, or name their successor"
                    self.problems.append(config.document.problem(place, f"{member.id} is deactivated", fix))
                    active -= 1
                if (account.restricted or account.stranger) and not member.guest:
                    fault = f"{member.id} is a guest or from outside, and the roster does not say guest: true"
                    fix = "Write {id: …, guest: true, authorised_by: …}, or remove them; until then they are refused"
                    self.warnings.append(config.document.problem(place, fault, fix))
            self._vacant(config, role, active)

    def _vacant(self, config: Configured, role: Role, active: int) -> None:
        """A role in which nobody is left: its alerts reach nobody."""
        if not active:
            name = role.value.replace("_", " ")
            fix = "Name somebody who is active in Slack"
            found = config.document.problem(("slack", "roles", role.value), f"No active {name} can receive alerts", fix)
            self.problems.append(found)

    def _invite(self) -> str:
        assert self.identity is not None
        return INVITE.replace("@dsmbot", f"@{self.identity.name}")

    def _environment(self, where: str, problem: str, fix: str) -> None:
        self.problems.append(Problem(ENVIRONMENT, 0, where, problem, fix))


def _token_fault(found: Outcome) -> tuple[str, str]:
    if found.fate is Fate.REFUSED:
        return f"is refused by Slack ({found.error})", found.fix
    if found.error.startswith("http_4"):
        fix = "SLACK_API_URL may point to the wrong place; `dsmbot run` needs a server with Socket Mode"
        return f"could not be tried: the server does not offer the method ({found.error})", fix
    return (
        f"could not be tried: Slack is not reached ({found.error})",
        "Check the network, HTTPS_PROXY and SLACK_API_URL",
    )
