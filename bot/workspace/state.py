"""The state of a workspace: its people, channels, messages and screens; watching, reading and keeping it.

Everything here can be called from any thread. What people *do* is in `bot.workspace.workspace`.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.workspace.clock import Clock, wall_clock
from bot.workspace.errors import UnknownThing, WorkspaceError
from bot.workspace.faults import Faults
from bot.workspace.files import Files
from bot.workspace.hooks import Hooks
from bot.workspace.people import Channel, Directory, Person, default_channels, default_people, to_json
from bot.workspace.scopes import BOT_SCOPES
from bot.workspace.sockets import Hub
from bot.workspace.store import Change, Store
from bot.workspace.views import Triggers, Views

Listener = Callable[[dict[str, Any]], None]
MARKS = {"practice": "Practice · simulated records", "rehearsal": "Rehearsal · no record leaves this machine"}
TAGS = {"practice": "SIMULATED", "rehearsal": "REHEARSAL"}


class State:
    """What a practice workspace holds.

    Parameters
    ----------
    seed: of every draw that is not a secret (faults, choice among connections).
    channels: audience → channel name as in config.yaml; default: the four of the shipped study.
    people: members besides the bot; default: five whose names are their roles.
    clock: the workspace's own time, which makes message timestamps.
    scopes: what the bot token may do; default: everything the bot's manifest asks for.
    study, timezone: shown on the page. mark: "practice" or "rehearsal", the band on every page.
    paid_plan: user groups exist. rate_limits: hold chat.postMessage to one a second and channel.
    ack_seconds, retry_after: see `Hub`.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        channels: Mapping[str, str] | Sequence[Channel] | None = None,
        people: Iterable[Person] | None = None,
        clock: Clock = wall_clock,
        scopes: Iterable[str] = BOT_SCOPES,
        study: str = "STS-CALC",
        timezone: str = "America/Chicago",
        mark: str = "practice",
        paid_plan: bool = True,
        rate_limits: bool = False,
        ack_seconds: float = 3.0,
        retry_after: Sequence[float] = (0.0, 60.0, 300.0),
    ) -> None:
        if mark not in MARKS:
            raise WorkspaceError(f"mark {mark!r} is neither of: {', '.join(MARKS)}")
        everyone = default_people() if people is None else list(people)
        made = default_channels(everyone, channels) if isinstance(channels, Mapping | None) else list(channels)
        self.directory = Directory.of(everyone, made)
        self.seed, self.study, self.timezone, self.mark = seed, study, timezone, mark
        self.paid_plan, self.rate_limits = paid_plan, rate_limits
        self.scopes = tuple(scopes)
        self.bot_token = f"xoxb-practice-{secrets.token_hex(16)}"
        self.app_token = f"xapp-1-A0DSMBOT-{secrets.token_hex(16)}"
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self.clock = clock
        self.store = Store(clock, self._on_message)
        self.views = Views(self._on_view)
        self.files = Files()
        self.faults = Faults(seed)
        self.triggers, self.hooks = Triggers(), Hooks()
        self.hub = Hub(seed=seed, ack_seconds=ack_seconds, retry_after=retry_after, changed=self._on_connection)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.origin = ""
        self._listeners: list[Listener] = []
        self.caption = ""
        self.guide = ""
        self.speed = 1.0
        self.on_time_control: Callable[[float], None] | None = None
        """Set by whoever runs simulated time: called with 0 (pause), 1 or 10 from the page's drawer."""

    # what everybody may watch

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change (a JSON object with ``type``); returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self, change: dict[str, Any]) -> None:
        with self.lock:
            self._changed.notify_all()
            for listener in list(self._listeners):
                listener(change)

    def _on_message(self, change: Change) -> None:
        self._tell({"type": "message", "kind": change.kind, "message": change.message})

    def _on_view(self, user: str) -> None:
        self._tell({"type": "view", "user": user})

    def _on_connection(self) -> None:
        self._tell({"type": "connections", "count": self.hub.connections})

    def set_caption(self, caption: str) -> None:
        """What the page says of simulated time, for example "week 6 · 9 enrolled · 5 AEs"."""
        self.caption = caption
        self._tell({"type": "caption", "caption": caption})

    def set_guide(self, guide: str) -> None:
        """What the page suggests to do next ("Press Acknowledge"); "" for nothing."""
        self.guide = guide
        self._tell({"type": "guide", "guide": guide})

    def tell_faults(self) -> None:
        """Let the pages know that the plan of faults changed."""
        self._tell({"type": "faults"})

    def control_time(self, speed: float) -> None:
        """Pause (0) or run simulated time at a speed. Raises WorkspaceError where nobody runs time."""
        if self.on_time_control is None:
            raise WorkspaceError("time cannot be controlled here: nothing simulated is running")
        self.on_time_control(speed)
        self.speed = speed
        self._tell({"type": "time", "speed": speed})

    # reading

    def channel(self, reference: str) -> Channel:
        """A channel by id or name. Raises UnknownThing naming those that exist."""
        found = self.directory.channel(reference)
        if found is None:
            there = ", ".join(f"#{c.name}" for c in self.directory.channels.values())
            raise UnknownThing(f"no channel {reference!r}; there are: {there}")
        return found

    def person(self, reference: str) -> Person:
        """A person by id, name or role. Raises UnknownThing naming those that exist."""
        found = self.directory.person(reference)
        if found is None:
            there = ", ".join(p.name for p in self.directory.people.values())
            raise UnknownThing(f"no person {reference!r}; there are: {there}")
        return found

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Visible messages of a channel without threads, oldest first, metadata included (Slack's shape)."""
        with self.lock:
            found = self.store.channel(self.channel(channel).id)
            return [self.store.as_slack(m, include_metadata=True) for m in found]

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """A parent and its visible replies, oldest first, metadata included."""
        with self.lock:
            found = self.store.thread(self.channel(channel).id, ts)
            return [self.store.as_slack(m, include_metadata=True) for m in found]

    def ephemeral(self, user: str) -> list[dict[str, Any]]:
        """Messages that only this person sees, oldest first."""
        with self.lock:
            return [self.store.as_slack(m) for m in self.store.ephemeral(self.person(user).id)]

    def duplicates(self) -> dict[str, list[tuple[str, str]]]:
        """Delivery keys that more than one visible message bears: key → (channel id, ts) of each, oldest first."""
        seen: dict[str, list[tuple[str, str]]] = {}
        with self.lock:
            for message in self.store.all():
                if message.is_bot and (key := message.delivery_key()):
                    seen.setdefault(key, []).append((message.channel, message.ts))
        return {key: places for key, places in seen.items() if len(places) > 1}

    def wait_for(self, true: Callable[[], Any], seconds: float = 5.0) -> bool:
        """Wait until `true()` is; returns whether it came to that. Looks again at every change, and every 50 ms."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not true():
                if time.monotonic() >= deadline:
                    return False
                self._changed.wait(0.05)
        return True

    # keeping

    def snapshot(self, path: Path | str) -> None:
        """Write the state to a JSON file that only its owner can read (it holds the tokens)."""
        target = Path(path)
        with self.lock:
            body = {
                "store": self.store.dump(),
                "views": self.views.dump(),
                "files": self.files.dump(),
                "people": [to_json(p) for p in self.directory.people.values()],
                "channels": [to_json(c) for c in self.directory.channels.values()],
                "tokens": [self.bot_token, self.app_token],
            }
        temporary = target.with_name(target.name + ".part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(body, file)
        temporary.replace(target)

    def restore(self, path: Path | str) -> None:
        """Replace the state by that of a snapshot. Raises WorkspaceError where the file is no snapshot."""
        try:
            body = json.loads(Path(path).read_text(encoding="utf-8"))
            with self.lock:
                self.directory.people = {p["id"]: Person(**p) for p in body["people"]}
                self.directory.channels = {c["id"]: Channel(**c) for c in body["channels"]}
                self.store.load(body["store"])
                self.views.load(body["views"])
                self.files.load(body["files"])
                self.bot_token, self.app_token = body["tokens"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{path} is not a snapshot of a practice workspace: {error}") from error
