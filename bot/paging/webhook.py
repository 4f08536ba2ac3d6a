"""One call of a paging service: a small JSON document, signed, under a key that is the same at each attempt.

The signature is HMAC-SHA256 over `v1:TIMESTAMP:BODY`; docs/for-it.md says how a receiver checks it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from bot.paging.attempt import SECONDS, Attempt
from bot.views import ClosedView, OpenView, PagedContent
from bot.wording.pages import Words

SIGNATURE, TIMESTAMP, KEY = "X-DSMBot-Signature", "X-DSMBot-Timestamp", "Idempotency-Key"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and HMAC-SHA256 (hex) over `v1:TIMESTAMP:` and the body as it is sent."""
    signed = b"v1:%d:" % timestamp + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def document(view: OpenView | ClosedView, words: Words, *, key: str, at: datetime) -> bytes:
    """The body: what happened, about which alert, in allow-listed fields.

    Raises
    ------
    TypeError: the view is not of a page.
    """
    content = view.content
    if not isinstance(content, PagedContent):
        raise TypeError(f"no page but {type(content).__name__}")
    event = "drill" if content.why == "drill" else f"alert.{content.why}"
    body = {
        "version": 1, "event": event, "key": key, "at": at.isoformat(),
        "study": view.setting.study_id, "mode": view.setting.mode.value, "summary": words.subject,
        "text": "\n".join(words.lines), "minutes": content.minutes, "alert": _alert(content),
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _alert(content: PagedContent) -> Mapping[str, Any] | None:
    alert = content.alert
    if alert is None:
        return None
    finding = alert.finding
    return {
        "rule": alert.rule.id, "title": alert.rule.title, "action": alert.rule.action.value,
        "urgency": alert.rule.urgency.value, "episode": alert.episode, "events": finding.events,
        "stop_at": finding.stop_at, "at_n": finding.at_n, "opened_at": alert.opened_at.isoformat(),
    }  # fmt: skip


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another address was not configured: nothing is sent there."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def call(url: str, body: bytes, *, secret: str, key: str, at: datetime, tls: Callable[[], ssl.SSLContext]) -> Attempt:
    """Call once. Raises nothing: what went wrong is the answer, without the address's path."""
    timestamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json; charset=utf-8", "User-Agent": "dsmbot", KEY: key,
        TIMESTAMP: str(timestamp), SIGNATURE: signature(secret, timestamp, body),
    }  # fmt: skip
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if urlsplit(url).scheme == "https":
        handlers.append(urllib.request.HTTPSHandler(context=tls()))
    else:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - the scheme is checked when read
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as answer:
            return Attempt(200 <= answer.status < 300, f"{answer.status}")
    except urllib.error.HTTPError as error:
        with error:
            return Attempt(False, f"the service answers {error.code}", _wait(error.headers.get("Retry-After")))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return Attempt(False, f"the service is not reached: {type(reason).__name__}; it may have been called")


def _wait(given: str | None) -> float:
    return float(given) if given and given.strip().isdigit() else 0.0
