"""What is known about a call decides everything: done, certainly not done, or unknown."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any
from urllib.error import URLError

import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.slack.outcomes import DEFAULT_RETRY_AFTER, FIXES, Fate, attempt


class Answer:
    """A refusal as slack-sdk hands it over."""

    def __init__(self, error: str, status: int = 200, **headers: Any) -> None:
        self.data = {"ok": False, **({"error": error} if error else {})}
        self.status_code, self.headers = status, headers


def fate(error: BaseException) -> Fate:
    def call() -> None:
        raise error

    return attempt(call).fate


def refused(error: str, status: int = 200, **headers: Any) -> Any:
    def call() -> None:
        raise SlackApiError("no", Answer(error, status, **headers))  # type: ignore[arg-type]

    return attempt(call)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        URLError(ConnectionRefusedError()),
        URLError(socket.gaierror()),
        URLError(ssl.SSLCertVerificationError()),
        URLError(OSError(errno.ENETUNREACH, "x")),
    ],
)
def test_without_a_connection_nothing_was_sent(error: BaseException) -> None:
    """Would catch an outage that fills the queue with doubtful rows."""
    assert fate(error) is Fate.NOT_SENT


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        URLError(TimeoutError()),
        RemoteDisconnected(),
        ConnectionResetError(),
        BrokenPipeError(),
        IncompleteRead(b""),
        ssl.SSLError(),
        SlackRequestError("?"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    ],
)
def test_a_connection_that_broke_leaves_the_outcome_unknown(error: BaseException) -> None:
    """Would catch a lost answer taken for a lost request: a second message, or none."""
    assert fate(error) is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ("internal_error", 200, Fate.UNKNOWN),
        ("fatal_error", 200, Fate.UNKNOWN),
        ("service_unavailable", 503, Fate.UNKNOWN),
        ("", 502, Fate.UNKNOWN),
        ("", 200, Fate.UNKNOWN),
        ("Received a response in a non-JSON format: <html>", 200, Fate.UNKNOWN),
        ("ratelimited", 200, Fate.RATE_LIMITED),
        ("", 429, Fate.RATE_LIMITED),
        ("invalid_blocks", 200, Fate.BAD_BLOCKS),
        ("only_one_table_allowed", 200, Fate.BAD_BLOCKS),
        ("invalid_metadata_schema", 200, Fate.BAD_METADATA),
        ("message_not_found", 200, Fate.GONE),
        ("not_in_channel", 200, Fate.REFUSED),
        ("something_new", 200, Fate.REFUSED),
    ],
)
def test_what_slack_says(error: str, status: int, expected: Fate) -> None:
    """Would catch a partial success taken for a refusal, and a refusal that is repeated for ever."""
    assert refused(error, status).fate is expected


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "9"}, 9),
        ({"retry-after": ["7"]}, 7),
        ({}, DEFAULT_RETRY_AFTER),
        ({"Retry-After": "soon"}, DEFAULT_RETRY_AFTER),
        ({"Retry-After": "-3"}, 0),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, Any], wait: float) -> None:
    """Would catch a server that spells the header differently."""
    assert refused("ratelimited", 429, **headers).wait == wait


@pytest.mark.parametrize("error", sorted(FIXES))
def test_every_known_refusal_says_what_to_do(error: str) -> None:
    """Would catch advice that is empty; an unknown code at least names itself."""
    assert refused(error).fix == FIXES[error]
    assert "brand_new" in refused("brand_new").fix


def test_a_missing_scope_is_named() -> None:
    """Would catch 'missing_scope' without the scope."""

    def call() -> None:
        answer = Answer("missing_scope")
        answer.data["needed"] = "groups:history"
        raise SlackApiError("no", answer)  # type: ignore[arg-type]

    assert "groups:history" in attempt(call).fix


def test_a_fault_of_the_program_is_not_hidden() -> None:
    """Would catch a programming error reported as a network fault."""

    def call() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        attempt(call)
