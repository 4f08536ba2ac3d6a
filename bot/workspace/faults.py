"""Faults on request: how the workspace misbehaves, for which calls, how often, by which seed.

Each fault is planned for Web API methods and channels and consumed as calls match it. The kinds are the ways in
which a delivery can go wrong; none of them is invented (see docs.slack.dev on rate limits and error codes, and the
slack-sdk retry behaviour).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from bot.workspace.errors import WorkspaceError


class FaultKind(StrEnum):
    """What goes wrong with one Web API call."""

    ACCEPT_THEN_DROP = "accept_then_drop"
    """The call is carried out, then the connection closes without an answer."""
    DELAY = "delay"
    """The call is carried out at once, the answer comes `seconds` later."""
    COMMIT_LATE = "commit_late"
    """The call is carried out `seconds` later, whether or not the caller still waits."""
    RATE_LIMITED = "rate_limited"
    """Not carried out: HTTP 429 with Retry-After `seconds`."""
    SERVER_ERROR = "server_error"
    """Not carried out: HTTP `status` (default 503) without a JSON body."""
    STORED_THEN_ERROR = "stored_then_error"
    """Carried out, answered with `error` (default internal_error): "may have partly succeeded"."""
    API_ERROR = "api_error"
    """Not carried out, answered with `error`."""


HISTORY = ("conversations.history", "conversations.replies")


@dataclass(slots=True)
class Fault:
    """One planned fault.

    Parameters
    ----------
    kind: see `FaultKind`.
    methods: Web API methods it applies to; empty = every method that writes a message.
    channel: channel id, or "" for any.
    count: how many matching calls it still hits; a negative count never ends.
    probability: chance that a matching call is hit, drawn from the workspace's seed.
    seconds, status, error: parameters of the kind.
    """

    kind: FaultKind
    methods: tuple[str, ...] = ()
    channel: str = ""
    count: int = 1
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 503
    error: str = "internal_error"

    def matches(self, method: str, channel: str) -> bool:
        """Whether this call is one of those meant, its probability aside."""
        wanted = self.methods or WRITES
        return self.count != 0 and method in wanted and self.channel in ("", channel)


WRITES = ("chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral")


class Faults:
    """The plan of faults of one workspace. Thread-safe.

    Parameters
    ----------
    seed: of the draws for faults with a probability below 1.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chooses test faults, not secrets
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self.hits: list[tuple[str, str]] = []
        """Every fault that struck: (kind, method), in order."""

    def plan(self, fault: Fault) -> Fault:
        """Add a copy of a fault and return it: the copy is used up, the given one can be planned again.

        Raises WorkspaceError for a probability outside 0–1 or a negative time.
        """
        if not 0 <= fault.probability <= 1 or fault.seconds < 0:
            raise WorkspaceError("a fault needs a probability from 0 to 1 and a time of 0 seconds or more")
        planned = replace(fault)
        with self._lock:
            self._planned.append(planned)
        return planned

    def draw(self, method: str, channel: str) -> Fault | None:
        """The fault that strikes this call, if one does; uses up one of its count."""
        with self._lock:
            for fault in self._planned:
                if fault.matches(method, channel) and self._random.random() < fault.probability:
                    fault.count -= 1 if fault.count > 0 else 0
                    self.hits.append((fault.kind.value, method))
                    self._planned = [f for f in self._planned if f.count != 0]
                    return fault
        return None

    def clear(self) -> None:
        """Forget every planned fault; `hits` stays."""
        with self._lock:
            self._planned = []

    def planned(self) -> list[dict[str, Any]]:
        """The faults that can still strike, as JSON values."""
        with self._lock:
            return [asdict(f) for f in self._planned]

    def accept_then_drop(self, count: int = 1, *, methods: Iterable[str] = (), channel: str = "") -> Fault:
        """Carry out the next calls, then close the connection unanswered."""
        return self.plan(Fault(FaultKind.ACCEPT_THEN_DROP, tuple(methods), channel, count))

    def delay(self, seconds: float, count: int = 1, *, methods: Iterable[str] = (), channel: str = "") -> Fault:
        """Carry out the next calls at once and answer them late."""
        return self.plan(Fault(FaultKind.DELAY, tuple(methods), channel, count, seconds=seconds))

    def commit_late(
        self, seconds: float = 3.0, count: int = 1, *, methods: Iterable[str] = (), channel: str = ""
    ) -> Fault:
        """Carry out the next calls late, even when the caller has given up or was killed."""
        return self.plan(Fault(FaultKind.COMMIT_LATE, tuple(methods), channel, count, seconds=seconds))

    def rate_limited(
        self, retry_after: int = 1, count: int = 1, *, methods: Iterable[str] = (), channel: str = ""
    ) -> Fault:
        """Refuse the next calls with 429 and Retry-After (whole seconds, as Slack sends it)."""
        return self.plan(Fault(FaultKind.RATE_LIMITED, tuple(methods), channel, count, seconds=retry_after))

    def server_error(
        self, status: int = 503, count: int = 1, *, methods: Iterable[str] = (), channel: str = ""
    ) -> Fault:
        """Refuse the next calls with an HTTP status of 500 or more."""
        return self.plan(Fault(FaultKind.SERVER_ERROR, tuple(methods), channel, count, status=status))

    def stored_then_error(
        self, error: str = "internal_error", count: int = 1, *, methods: Iterable[str] = (), channel: str = ""
    ) -> Fault:
        """Carry out the next calls and answer them with an error all the same."""
        return self.plan(Fault(FaultKind.STORED_THEN_ERROR, tuple(methods), channel, count, error=error))

    def invalid_blocks(self, count: int = 1, *, channel: str = "") -> Fault:
        """Refuse the next posts with `invalid_blocks`, whatever their blocks."""
        methods = ("chat.postMessage", "chat.update")
        return self.plan(Fault(FaultKind.API_ERROR, methods, channel, count, error="invalid_blocks"))

    def api_error(self, error: str, count: int = 1, *, methods: Iterable[str] = (), channel: str = "") -> Fault:
        """Refuse the next calls with one of Slack's error codes."""
        return self.plan(Fault(FaultKind.API_ERROR, tuple(methods), channel, count, error=error))

    def history_unreadable(self, count: int = -1, *, channel: str = "", error: str = "internal_error") -> Fault:
        """Refuse to read channels and threads, until cleared unless a count is given."""
        return self.plan(Fault(FaultKind.API_ERROR, HISTORY, channel, count, error=error))
