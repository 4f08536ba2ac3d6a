"""What must never be in a file of the project: tokens and keys, from the environment or from files it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.configuration.problems import ConfigError, Problem

ENVIRONMENT = "environment"
NAMES = {
    "bot_token": "SLACK_BOT_TOKEN",
    "app_token": "SLACK_APP_TOKEN",
    "signing_secret": "SLACK_SIGNING_SECRET",
    "api_url": "SLACK_API_URL",
    "database_url": "DSMBOT_DATABASE_URL",
    "allocation_key": "DSMBOT_ALLOCATION_KEY",
    "smtp_password": "DSMBOT_SMTP_PASSWORD",
    "webhook_secret": "DSMBOT_WEBHOOK_SECRET",
}
"""Field → variable. Each is also read from the file that the variable with `_FILE` names, never from both."""

SLACK_API = "https://slack.com/api/"
_PREFIX = {"bot_token": "xoxb-", "app_token": "xapp-"}
_CALLED = {
    "xoxb-": "a bot token", "xapp-": "an app-level token", "xoxp-": "a user token", "xoxe-": "a refresh token",
    "xoxe.": "an expiring token",
}  # fmt: skip
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Tokens and keys. `repr` says which are set and shows none.

    Parameters
    ----------
    bot_token, app_token, signing_secret, allocation_key, database_url, smtp_password, webhook_secret: as given; None =
        not set.
    api_url: base of the Web API, ends in "/".
    warnings: what works but should be known.
    """

    bot_token: str | None = None
    app_token: str | None = None
    signing_secret: str | None = None
    api_url: str = SLACK_API
    database_url: str | None = None
    allocation_key: str | None = None
    smtp_password: str | None = None
    webhook_secret: str | None = None
    warnings: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        """Names only."""
        return f"Secrets({', '.join(f'{NAMES[name]}=…' for name in NAMES if getattr(self, name))})"

    @property
    def is_slack(self) -> bool:
        """Whether the Web API is Slack's own, not a compatible server."""
        return _is_slack(self.api_url)

    def missing(self) -> list[Problem]:
        """What Socket Mode needs and is not set; `run` and `poll` refuse to start on any (design invariant 9)."""
        return [
            Problem(ENVIRONMENT, 0, NAMES[name], "is not set, so nothing would be monitored",
                    f"Set {NAMES[name]} to the token that begins with {prefix}, or {NAMES[name]}_FILE to a file "
                    "that holds it; to rehearse without Slack: dsmbot run --practice")
            for name, prefix in _PREFIX.items()
            if not getattr(self, name)
        ]  # fmt: skip


def load_secrets(environment: Mapping[str, str]) -> Secrets:
    """Read every secret. An empty variable is not set.

    Raises
    ------
    ConfigError: a variable given twice, a file that cannot be read, swapped or wrong tokens, an impossible
        address; all at once, and no value is shown. Token prefixes are only warned about when SLACK_API_URL is
        not Slack's, for compatible servers have tokens of other shapes.
    """
    problems: list[Problem] = []
    values = {name: secret(name, environment, problems) for name in NAMES}
    url = _api_url(values.pop("api_url"), problems)
    warnings = _plain_http(url)
    shapes = _token_shapes(values)
    if _is_slack(url):
        problems += shapes
    else:
        warnings += shapes
    if problems:
        raise ConfigError(problems)
    return Secrets(api_url=url, warnings=tuple(warnings), **values)


def secret(name: str, environment: Mapping[str, str], problems: list[Problem]) -> str | None:
    """One value, from its variable or from the file that its `_FILE` variable names; None = not set.

    What is wrong is appended to `problems`, without the value.
    """
    variable = NAMES[name]
    direct, path = environment.get(variable, "").strip(), environment.get(f"{variable}_FILE", "").strip()
    if direct and path:
        problems.append(_fault(variable, f"is set, and so is {variable}_FILE", "Unset one of the two"))
        return None
    if not path:
        return direct or None
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        problems.append(
            _fault(f"{variable}_FILE", f"names a file that cannot be read: {reason}", "Check path and rights")
        )
        return None
    if not text or "\n" in text:
        problems.append(
            _fault(f"{variable}_FILE", "names a file that does not hold exactly one line", "Write one line")
        )
        return None
    return text


def _api_url(given: str | None, problems: list[Problem]) -> str:
    if given is None:
        return SLACK_API
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append(_fault(NAMES["api_url"], "is not a web address", f"Unset it, or write one like {SLACK_API}"))
        return SLACK_API
    return given if given.endswith("/") else f"{given}/"


def _is_slack(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "slack.com" or host.endswith(".slack.com") or host in ("slack-gov.com", "api.slack-gov.com")


def _plain_http(url: str) -> list[Problem]:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return [_fault(NAMES["api_url"], "sends tokens unencrypted over the network", "Use https://")]
    return []


def _token_shapes(values: Mapping[str, str | None]) -> list[Problem]:
    kinds = {name: _kind(values[name]) for name in _PREFIX}
    if kinds["bot_token"] == _PREFIX["app_token"] and kinds["app_token"] == _PREFIX["bot_token"]:
        return [_fault(NAMES["bot_token"], "and SLACK_APP_TOKEN are swapped", "Exchange the two values")]
    found = []
    for name, prefix in _PREFIX.items():
        if values[name] and kinds[name] != prefix:
            what = _CALLED.get(kinds[name], "not a Slack token of a known kind")
            found.append(_fault(NAMES[name], f"holds {what}", f"Give {_CALLED[prefix]}: it begins with {prefix}"))
    return found


def _kind(token: str | None) -> str:
    return next((prefix for prefix in _CALLED if token and token.startswith(prefix)), "")


def _fault(variable: str, problem: str, fix: str) -> Problem:
    return Problem(ENVIRONMENT, 0, variable, problem, fix)
