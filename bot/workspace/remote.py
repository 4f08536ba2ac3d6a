"""A workspace that runs in another process, used with the same words as `Workspace`.

For tests that kill the bot: the workspace stays, and this talks to it with the control key that
``python -m bot.workspace`` prints.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from bot.workspace.errors import WorkspaceError
from bot.workspace.outcome import Outcome


class RemoteWorkspace:
    """A practice workspace in another process.

    Parameters
    ----------
    origin: ``http://127.0.0.1:PORT``. key: its control key. timeout: seconds for one request.
    """

    def __init__(self, origin: str, key: str, *, timeout: float = 15.0) -> None:
        self._origin, self._key, self._timeout = origin.rstrip("/"), key, timeout

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Visible messages of a channel without threads, oldest first, metadata included."""
        return list(self._read("messages", channel=channel))

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """A parent and its visible replies, oldest first."""
        return list(self._read("thread", channel=channel, ts=ts))

    def ephemeral(self, user: str) -> list[dict[str, Any]]:
        """Messages that only this person sees."""
        return list(self._read("ephemeral", **{"as": user}))

    def duplicates(self) -> dict[str, list[list[str]]]:
        """Delivery keys that more than one visible message bears: key → [channel id, ts] of each."""
        return dict(self._read("duplicates"))

    def hits(self) -> list[list[str]]:
        """Faults that struck so far: [kind, method] of each."""
        return list(self._read("hits"))

    def connections(self) -> int:
        """Open Socket Mode connections."""
        return int(self._read("connections")["connections"])

    def click(
        self, user: str, channel: str, ts: str, action_id: str, value: str | None = None, *, settle: float = 0.0
    ) -> Outcome:
        """See `Workspace.click`."""
        body = {"as": user, "channel": channel, "ts": ts, "action_id": action_id, "value": value, "settle": settle}
        return _outcome(self._do("click", body))

    def slash(self, user: str, channel: str, command: str, text: str = "", *, settle: float = 2.0) -> Outcome:
        """See `Workspace.slash`."""
        body = {"as": user, "channel": channel, "command": command, "text": text, "settle": settle}
        return _outcome(self._do("slash", body))

    def submit_view(self, user: str, values: Mapping[str, Any] | None = None) -> Outcome:
        """See `Workspace.submit_view`."""
        return _outcome(self._do("submit", {"as": user, "values": dict(values or {})}))

    def say(self, user: str, channel: str, text: str) -> str:
        """See `Workspace.say`."""
        return str(self._do("say", {"as": user, "channel": channel, "text": text})["ts"])

    def fault(self, kind: str, **parameters: Any) -> None:
        """Plan a fault by its name (see `bot.workspace.actions.fault_names`) with the parameters of `Fault`."""
        self._do("fault", {"kind": kind, **parameters})

    def clear_faults(self) -> None:
        """Forget every planned fault."""
        self._do("clear_faults", {})

    def snapshot(self, path: str) -> None:
        """Write the state to a file where the workspace runs."""
        self._do("snapshot", {"path": path})

    def wait_for(self, true: Callable[[], Any], seconds: float = 5.0) -> bool:
        """Ask every 50 ms until `true()` is; returns whether it came to that."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        return True

    def _read(self, what: str, **parameters: str) -> Any:
        return self._send(f"/page/read/{what}?{urlencode(parameters)}", None)

    def _do(self, what: str, body: Mapping[str, Any]) -> Any:
        return self._send(f"/page/do/{what}", json.dumps(body).encode())

    def _send(self, path: str, body: bytes | None) -> Any:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        request = urllib.request.Request(self._origin + path, body, headers)  # noqa: S310 - our own loopback origin
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310 - as above
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise WorkspaceError(_reason(error.read())) from error
        except OSError as error:
            raise WorkspaceError(f"the practice workspace at {self._origin} does not answer: {error}") from error


def _reason(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["error"])
    except (ValueError, KeyError, TypeError):
        return raw.decode("utf-8", "replace")


def _outcome(body: Mapping[str, Any]) -> Outcome:
    return Outcome(body["acked"], tuple(body["ephemeral"]), body["view"], dict(body["errors"]))
