"""What became of one Web API call: done, certainly not done, or unknown; and what a person must mend.

The whole of exactly-once hangs on this distinction: a call whose outcome is unknown is looked up, never just
repeated. Error codes: https://docs.slack.dev/reference/methods/chat.postMessage#errors and the pages beside it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError


class Fate(StrEnum):
    """What is known about a call."""

    DONE = "done"
    NOT_SENT = "not sent"
    """It never left this machine: no connection. Try again soon."""
    RATE_LIMITED = "rate limited"
    """Certainly not carried out; `wait` says when to try again."""
    UNKNOWN = "unknown"
    """It may have been carried out: look it up before doing it again."""
    BAD_BLOCKS = "bad blocks"
    BAD_METADATA = "bad metadata"
    """Certainly not carried out, and the payload is to blame: try a plainer one."""
    GONE = "gone"
    """What it speaks of is no longer there (a person deleted the message)."""
    REFUSED = "refused"
    """Certainly not carried out, and a person must mend something: `fix` says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call's fate.

    Parameters
    ----------
    fate: see `Fate`.   error: Slack's code or the exception's name, never a payload.
    data, headers: the answer, for DONE (header names in lower case).
    wait: seconds to wait, for RATE_LIMITED.   fix: what to mend, for REFUSED.
    """

    fate: Fate
    error: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    wait: float = 0.0
    fix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


DEFAULT_RETRY_AFTER = 30.0
"""Seconds to wait where a 429 does not say."""

CONNECTION_ERRORS = (SlackClientError, OSError, HTTPException, UnicodeDecodeError)
"""What a call can raise when Slack is not reached or not understood."""

_PARTLY = frozenset({"internal_error", "fatal_error", "service_unavailable", "service_timeout"})
"""Slack: "some aspect of the operation may have succeeded before the error was raised"."""

_BLOCKS = frozenset({
    "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "only_one_table_allowed", "block_mismatch",
    "invalid_attachments",
})  # fmt: skip
_METADATA = frozenset({
    "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
})  # fmt: skip
_GONE = frozenset({"message_not_found", "thread_not_found", "cannot_reply_to_message"})

INVITE = "Invite the bot to the channel: /invite @dsmbot"
_TOKEN = "Set SLACK_BOT_TOKEN to the bot token of the installed app (it begins with xoxb-)"  # noqa: S105 - advice

FIXES: Mapping[str, str] = {
    "not_in_channel": INVITE,
    "channel_not_found": "Check slack.channels in the configuration; a private channel is only found by a bot in it. "
    + INVITE,
    "is_archived": "Unarchive the channel, or name another one in slack.channels",
    "restricted_action": "A workspace setting forbids posting here; ask a Slack admin to allow the app",
    "restricted_action_read_only_channel": "Only some people may post here; allow the app in the channel's settings",
    "restricted_action_thread_only_channel": "Only threads are allowed here; change the channel's settings",
    "missing_scope": "Install the app again with the manifest of `dsmbot slack manifest`; the scope named is missing",
    "no_permission": "Install the app again with the manifest of `dsmbot slack manifest`",
    "not_allowed_token_type": _TOKEN,
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "account_inactive": _TOKEN,
    "team_access_not_granted": "Install the app in this workspace",
    "ekm_access_denied": "A Slack admin has suspended posting in this workspace",
    "unknown_method": "This server does not offer the method; SLACK_API_URL may point to the wrong place",
    "file_uploads_disabled": "A workspace setting forbids uploads; ask a Slack admin to allow files of this app",
    "file_uploads_except_images_disabled": "A workspace setting allows pictures alone; ask a Slack admin to allow "
    "files of this app",
    "msg_too_long": "The message is longer than Slack takes; please report this fault of the program",
    "no_text": "The message is empty; please report this fault of the program",
}
"""Error code → what the person who can mend it must do."""


def attempt(call: Callable[[], Any]) -> Outcome:
    """Make one Web API call and judge its fate. Raises only what is no connection fault.

    Parameters
    ----------
    call: makes the call once; its client must have no retry handlers.
    """
    try:
        answer = call()
    except SlackApiError as error:
        return _refused(error)
    except CONNECTION_ERRORS as error:
        return Outcome(Fate.NOT_SENT if never_sent(error) else Fate.UNKNOWN, type(error).__name__)
    return Outcome(Fate.DONE, data=as_mapping(answer), headers=headers_of(answer))


def as_mapping(answer: Any) -> Mapping[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    data = getattr(answer, "data", answer)
    return data if isinstance(data, Mapping) else {}


def never_sent(error: BaseException) -> bool:
    """True where no connection was made, so that nothing can have been carried out."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return True
    return isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)


def _refused(error: SlackApiError) -> Outcome:
    response = error.response
    status = int(getattr(response, "status_code", 200) or 200)
    data = as_mapping(response)
    code = str(data.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Outcome(Fate.RATE_LIMITED, "ratelimited", wait=_retry_after(response))
    if status >= 500 or not data.get("error") or code in _PARTLY or " " in code:
        return Outcome(Fate.UNKNOWN, code if code and " " not in code else f"http_{status}")
    for codes, fate in ((_BLOCKS, Fate.BAD_BLOCKS), (_METADATA, Fate.BAD_METADATA), (_GONE, Fate.GONE)):
        if code in codes:
            return Outcome(fate, code)
    return Outcome(Fate.REFUSED, code, fix=_fix(code, data))


def _fix(code: str, data: Mapping[str, Any]) -> str:
    fix = FIXES.get(code, f"Slack answered '{code}'; see docs.slack.dev for the method's errors")
    needed = data.get("needed")
    return f"{fix} (needed: {needed})" if needed else fix


def _retry_after(response: Any) -> float:
    try:
        return max(0.0, float(headers_of(response).get("retry-after", DEFAULT_RETRY_AFTER)))
    except ValueError:
        return DEFAULT_RETRY_AFTER


def headers_of(answer: Any) -> dict[str, str]:
    """Headers of an answer, names in lower case; the first of several values."""
    found = {}
    for name, value in (getattr(answer, "headers", None) or {}).items():
        first = next(iter(value), "") if isinstance(value, list | tuple) else value
        found[str(name).lower()] = str(first)
    return found
