"""Modals and App Home as the workspace keeps them, and the trigger ids that open them.

Sources: https://docs.slack.dev/reference/methods/views.open (and .push, .update, .publish) and
https://docs.slack.dev/reference/views for the shape of a view and its limits.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.slack import limits
from bot.workspace import blocks as block_check
from bot.workspace.elements import Problem, no_longer, text_object
from bot.workspace.errors import ApiError
from bot.workspace.people import APP_ID, BOT_ID, TEAM_ID
from bot.workspace.store import name_blocks

TRIGGER_SECONDS = 3.0
"""A trigger id is good for three seconds: https://docs.slack.dev/interactivity/handling-user-interaction"""
STACK = 3
"""Modals on top of each other: https://docs.slack.dev/reference/methods/views.push (`push_limit_reached`)."""
VIEW_BYTES = 250_000


@dataclass(slots=True)
class View:
    """One modal or Home tab on somebody's screen.

    Parameters
    ----------
    id: V…. user: who sees it. body: the view as the bot sent it. root, previous: ids in the stack of modals.
    hash: changes with each update; `views.update` can insist on it.
    """

    id: str
    user: str
    body: dict[str, Any]
    hash: str
    root: str
    previous: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def as_slack(self) -> dict[str, Any]:
        """The view in Slack's shape, service fields included."""
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            **self.body,
            "state": {"values": self.values},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous or None,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


class Triggers:
    """Trigger ids: made at each interaction, good once and for three seconds.

    Parameters
    ----------
    monotonic: seconds of a clock that never goes back; a test passes its own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._made: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def make(self, user: str) -> str:
        """A fresh trigger id for what this person has just done."""
        number = len(self._made) + 1
        trigger = f"{number}.{number + 7_000_000}.{hashlib.sha256(f'{user}{number}'.encode()).hexdigest()[:32]}"
        self._made[trigger] = (user, self._now())
        return trigger

    def exchange(self, trigger: str) -> str:
        """Use a trigger id up; returns the person.

        Raises ApiError `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`.
        """
        if trigger not in self._made:
            raise ApiError("invalid_trigger_id")
        if trigger in self._used:
            raise ApiError("exchanged_trigger_id")
        user, made = self._made[trigger]
        if self._now() - made > TRIGGER_SECONDS:
            raise ApiError("expired_trigger_id")
        self._used.add(trigger)
        return user


class Views:
    """Open modals (a stack for each person) and Home tabs. Guarded by the workspace's lock.

    Parameters
    ----------
    notify: called with the person whose screen changed.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._number = 0
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def open(self, user: str, body: dict[str, Any]) -> View:
        """Show a modal, in place of whatever modal was open."""
        check_view(body, "modal")
        view = self._make(user, body)
        self.stacks[user] = [view]
        self._notify(user)
        return view

    def push(self, user: str, body: dict[str, Any]) -> View:
        """Show a modal on top of the open one. Raises ApiError `push_limit_reached` or `not_found`."""
        check_view(body, "modal")
        stack = self.stacks.get(user, [])
        if not stack:
            raise ApiError("not_found")
        if len(stack) >= STACK:
            raise ApiError("push_limit_reached")
        view = self._make(user, body)
        view.root, view.previous = stack[0].id, stack[-1].id
        stack.append(view)
        self._notify(user)
        return view

    def update(self, view: View, body: dict[str, Any], expected_hash: str = "") -> View:
        """Replace the content of an open view. Raises ApiError `hash_conflict` when it changed in between."""
        if expected_hash and expected_hash != view.hash:
            raise ApiError("hash_conflict")
        check_view(body, "home" if view in self.homes.values() else "modal")
        name_blocks(body["blocks"], view.id)
        view.body, view.hash = body, self._hash(body)
        self._notify(view.user)
        return view

    def publish(self, user: str, body: dict[str, Any], expected_hash: str = "") -> View:
        """Set the Home tab of a person."""
        existing = self.homes.get(user)
        if existing is not None:
            return self.update(existing, body, expected_hash)
        check_view(body, "home")
        view = self._make(user, body)
        self.homes[user] = view
        self._notify(user)
        return view

    def find(self, view_id: str, external_id: str = "") -> View:
        """An open view. Raises ApiError `not_found`."""
        everyone = [*self.homes.values(), *(v for stack in self.stacks.values() for v in stack)]
        for view in everyone:
            if (view_id and view.id == view_id) or (external_id and view.body.get("external_id") == external_id):
                return view
        raise ApiError("not_found")

    def top(self, user: str) -> View | None:
        """The modal this person sees, if one is open."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def close(self, user: str, *, everything: bool = False) -> None:
        """Close the modal on top, or the whole stack."""
        stack = self.stacks.get(user, [])
        self.stacks[user] = [] if everything else stack[:-1]
        self._notify(user)

    def dump(self) -> dict[str, Any]:
        """Home tabs as JSON values; an open modal is not worth keeping over a restart."""
        return {"number": self._number, "homes": [asdict(v) for v in self.homes.values()]}

    def load(self, body: dict[str, Any]) -> None:
        """Replace everything by what `dump` gave."""
        self._number = body["number"]
        self.homes = {v["user"]: View(**v) for v in body["homes"]}
        self.stacks = {}

    def _make(self, user: str, body: dict[str, Any]) -> View:
        self._number += 1
        name = f"V0PRACTICE{self._number}"
        name_blocks(body["blocks"], name)
        return View(name, user, body, self._hash(body), name)

    def _hash(self, body: dict[str, Any]) -> str:
        self._number += 1
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self._number}.{digest}"


def check_view(body: dict[str, Any], kind: str) -> None:
    """Whether Slack would take this view.

    Raises ApiError `invalid_arguments` with every fault and its place, or `view_too_large`.
    """
    if len(json.dumps(body)) > VIEW_BYTES:
        raise ApiError("view_too_large")
    block_check.refuse(list(_view_problems(body, kind)), "invalid_arguments")


def _view_problems(body: dict[str, Any], kind: str) -> Iterator[Problem]:
    if body.get("type") != kind:
        yield Problem("/view/type", f"must be {kind}")
    if kind == "modal":
        yield from text_object(body.get("title"), limits.VIEW_TITLE, "/view/title", kinds=("plain_text",))
        for part, most in (("submit", limits.VIEW_SUBMIT), ("close", limits.VIEW_CLOSE)):
            if part in body:
                yield from text_object(body[part], most, f"/view/{part}", kinds=("plain_text",))
    yield from no_longer(body.get("private_metadata", ""), limits.PRIVATE_METADATA, "/view/private_metadata")
    yield from no_longer(body.get("callback_id", ""), limits.CALLBACK_ID, "/view/callback_id")
    found = body.get("blocks")
    if not isinstance(found, list) or not all(isinstance(block, dict) for block in found):
        yield Problem("/view/blocks", "must be an array")
        return
    yield from block_check.problems(found, "home" if kind == "home" else "modal", "/view/blocks")
    if kind == "modal" and "submit" not in body and any(block.get("type") == "input" for block in found):
        yield Problem("/view/submit", "missing required field: submit")
