"""Tokens and keys come from the environment alone, are told apart, and are never shown."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from bot.config import ConfigError, Secrets, load_secrets
from bot.configuration.secrets import NAMES

BOT, APP = "xoxb-1-2-hush", "xapp-1-A2-hush"


def _problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_secrets(environment)
    assert "hush" not in str(caught.value)
    return [str(p) for p in caught.value.problems]


def test_every_secret_has_a_variable() -> None:
    assert set(NAMES) == {f.name for f in fields(Secrets)} - {"warnings"}


def test_both_tokens_from_the_environment() -> None:
    secrets = load_secrets({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": f" {APP}\n", "SLACK_SIGNING_SECRET": ""})
    assert (secrets.bot_token, secrets.app_token, secrets.signing_secret) == (BOT, APP, None)
    assert secrets.api_url == "https://slack.com/api/"
    assert secrets.is_slack
    assert not secrets.missing()
    assert not secrets.warnings


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    values = {
        "bot_token": BOT, "app_token": APP, "signing_secret": "abc", "api_url": "http://127.0.0.1:9/api/",
        "database_url": "sqlite:///x.db", "allocation_key": "k" * 44,
    }  # fmt: skip
    environment = {}
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
        environment[f"{NAMES[name]}_FILE"] = str(tmp_path / name)
    secrets = load_secrets(environment)
    assert {name: getattr(secrets, name) for name in values} == values


def test_nothing_of_a_secret_is_shown() -> None:
    secrets = load_secrets({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, "DSMBOT_ALLOCATION_KEY": "hush"})
    for text in (repr(secrets), str(secrets), f"{secrets}", f"{secrets!r}"):
        assert "hush" not in text
        assert "SLACK_BOT_TOKEN=…" in text


def test_what_is_missing_is_named_with_what_to_do() -> None:
    missing = load_secrets({"SLACK_APP_TOKEN": APP}).missing()
    assert [p.where for p in missing] == ["SLACK_BOT_TOKEN"]
    assert "nothing would be monitored" in missing[0].problem
    assert "dsmbot run --practice" in missing[0].fix


def test_swapped_tokens_are_recognised() -> None:
    assert _problems(SLACK_BOT_TOKEN=APP, SLACK_APP_TOKEN=BOT) == [
        "environment: SLACK_BOT_TOKEN: and SLACK_APP_TOKEN are swapped. Exchange the two values."
    ]


@pytest.mark.parametrize(
    ("variable", "token", "said"),
    [
        ("SLACK_BOT_TOKEN", APP, "holds an app-level token. Give a bot token: it begins with xoxb-."),
        ("SLACK_BOT_TOKEN", "xoxp-hush", "holds a user token. Give a bot token: it begins with xoxb-."),
        ("SLACK_APP_TOKEN", BOT, "holds a bot token. Give an app-level token: it begins with xapp-."),
        (
            "SLACK_APP_TOKEN",
            "hush",
            "holds not a Slack token of a known kind. Give an app-level token: it begins with xapp-.",
        ),
    ],
)
def test_a_token_of_another_kind_is_named(variable: str, token: str, said: str) -> None:
    assert _problems(**{variable: token}) == [f"environment: {variable}: {said}"]


def test_a_compatible_server_may_have_tokens_of_its_own_shape() -> None:
    environment = {"SLACK_API_URL": "http://localhost:8080/api", "SLACK_BOT_TOKEN": "hush", "SLACK_APP_TOKEN": "hush2"}
    secrets = load_secrets(environment)
    assert secrets.api_url == "http://localhost:8080/api/"
    assert not secrets.is_slack
    assert [w.where for w in secrets.warnings] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


def test_a_host_that_only_looks_like_slack_is_not_slack() -> None:
    for url in ("https://slack.com.example.org/api/", "https://notslack.com/api/", "https://slack.com@example.org/"):
        assert not load_secrets({"SLACK_API_URL": url}).is_slack
    assert load_secrets({"SLACK_API_URL": "https://www.slack.com/api/"}).is_slack


def test_tokens_over_an_open_network_are_warned_about() -> None:
    (warning,) = load_secrets({"SLACK_API_URL": "http://slack.example.org/api/"}).warnings
    assert str(warning) == "environment: SLACK_API_URL: sends tokens unencrypted over the network. Use https://."
    assert not load_secrets({"SLACK_API_URL": "http://127.0.0.1:9/api/"}).warnings


def test_a_value_and_a_file_are_refused_together(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(BOT)
    said = _problems(SLACK_BOT_TOKEN=BOT, SLACK_BOT_TOKEN_FILE=str(tmp_path / "t"))
    assert said == ["environment: SLACK_BOT_TOKEN: is set, and so is SLACK_BOT_TOKEN_FILE. Unset one of the two."]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "two").write_text("hush\nhush\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    said = _problems(
        SLACK_BOT_TOKEN_FILE=str(tmp_path / "none"),
        SLACK_APP_TOKEN_FILE=str(tmp_path / "two"),
        DSMBOT_ALLOCATION_KEY_FILE=str(tmp_path / "bytes"),
        SLACK_API_URL="slack.com/api",
    )
    assert [s.split(": ")[1] for s in said] == [
        "DSMBOT_ALLOCATION_KEY_FILE", "SLACK_API_URL", "SLACK_APP_TOKEN_FILE", "SLACK_BOT_TOKEN_FILE"
    ]  # fmt: skip
