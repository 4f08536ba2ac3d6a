"""The workspace as people and tests use it: pressing, choosing, typing, submitting; and faults of the socket.

Everything here can be called from any thread but the server's own; the server (`bot.workspace.server`) brings the
sockets. A test reads what people see (`messages`, `thread`, `duplicates`) and acts as one of them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from bot.workspace import form_check, payloads
from bot.workspace.clock import microseconds
from bot.workspace.errors import UnknownThing, WorkspaceError
from bot.workspace.outcome import Outcome
from bot.workspace.people import BOT_USER_ID, Channel, Person
from bot.workspace.sockets import EVENTS, Ack
from bot.workspace.state import State
from bot.workspace.store import Message
from bot.workspace.views import View


class Workspace(State):
    """A practice workspace: its state (see `State` for the parameters) and what people do in it."""

    def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        value: str | None = None,
        *,
        settle: float = 0.0,
        block: str = "",
    ) -> Outcome:
        """Press a button, or choose `value` in a menu, of a message.

        Parameters
        ----------
        user, channel: ids, names or roles. ts: of the message.
        value: option of a menu (its ``value``); for a button, in place of its own value.
        settle: seconds to wait, after the bot took it, for something only this person sees.
        block: id of the block that it stands in, where several hold the same action.

        Raises UnknownThing where there is no such message, element or option, or the person is not a member.
        """
        person, where = self.person(user), self.channel(channel)
        with self.lock:
            message = self._visible(person, where, ts)
            block_id, element = payloads.find_element(message.blocks, action_id, block)
            what = payloads.action(block_id, element, value, self.store.next_ts())
            trigger = self.triggers.make(person.id)
            url = self.origin + self.hooks.make(person.id, where.id, ts)
            body = payloads.block_actions(
                person, where, self.store.as_slack(message), what, trigger, url, ephemeral=bool(message.ephemeral_to)
            )
        return self._act(person, "interactive", body, settle)

    def press_in_view(
        self, user: str, view_id: str, action_id: str, value: str | None = None, *, block: str = ""
    ) -> Outcome:
        """Press a button or choose an option in a modal or on the Home tab; `block` as for `click`."""
        person = self.person(user)
        with self.lock:
            view = self.views.find(view_id)
            block_id, element = payloads.find_element(view.body["blocks"], action_id, block)
            what = payloads.action(block_id, element, value, self.store.next_ts())
            body = payloads.view_actions(person, view, what, self.triggers.make(person.id))
        return self._act(person, "interactive", body, 0.0)

    def slash(self, user: str, channel: str, command: str, text: str = "", *, settle: float = 2.0) -> Outcome:
        """Type a slash command; returns what the person saw within `settle` seconds after the bot took it.

        Raises UnknownThing for an unknown person or channel, or one this person is not a member of.
        """
        person, where = self.person(user), self.channel(channel)
        with self.lock:
            self._member(person, where)
            url = self.origin + self.hooks.make(person.id, where.id)
            body = payloads.slash_command(person, where, command, text, self.triggers.make(person.id), url)
        return self._act(person, "slash_commands", body, settle, where)

    def submit_view(self, user: str, values: Mapping[str, Any] | None = None, *, settle: float = 0.0) -> Outcome:
        """Submit the modal on top of this person's screen.

        Parameters
        ----------
        values: action_id → what was typed or chosen (a list for check boxes). Inputs left out keep what they hold.

        Slack's own client refuses what an input does not allow: that is in the outcome's errors, and nothing is sent.
        """
        person = self.person(user)
        with self.lock:
            view = self.views.top(person.id)
            if view is None:
                raise UnknownThing(f"{person.name} has no form open")
            view.values = _filled(view, values or {})
            refused = form_check.refusals(view.body["blocks"], view.values)
            if refused:
                return Outcome(False, (), view.as_slack(), refused)
            body = payloads.view_submission(person, view, self.triggers.make(person.id))
        return self._act(person, "interactive", body, settle, view=view)

    def close_view(self, user: str) -> None:
        """Close the modal on top of this person's screen; the bot hears of it where it asked to."""
        person = self.person(user)
        with self.lock:
            view = self.views.top(person.id)
            self.views.close(person.id)
        if view is not None and view.body.get("notify_on_close"):
            self._send("interactive", payloads.view_closed(person, view))

    def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> str:
        """Write a message as a person; the bot gets `message` and, when named, `app_mention`. Returns its ts."""
        person, where = self.person(user), self.channel(channel)
        with self.lock:
            self._member(person, where)
            message = Message(where.id, self.store.next_ts(), person.id, text, thread_ts=thread_ts)
            self.store.add(message)
        event = {"type": "message", "channel": where.id, "user": person.id, "text": text, "ts": message.ts}
        event |= {"event_ts": message.ts, "channel_type": "im" if where.is_im else "group", "team": person.team_id}
        event |= {"thread_ts": thread_ts} if thread_ts else {}
        if BOT_USER_ID in where.members:
            self.send_event(event)
            if f"<@{BOT_USER_ID}>" in text:
                self.send_event(event | {"type": "app_mention"})
        return message.ts

    def open_home(self, user: str) -> None:
        """Open the bot's Home tab; the bot gets `app_home_opened`."""
        person = self.person(user)
        with self.lock:
            event = {"type": "app_home_opened", "user": person.id, "tab": "home", "event_ts": self.store.next_ts()}
            event["channel"] = self.directory.open_im(person.id).id
        self.send_event(event)

    def send_event(self, event: dict[str, Any]) -> None:
        """Send one Events API event to the bot; redelivered as long as nobody acknowledges it."""
        number = secrets.token_hex(5).upper()
        self._send(EVENTS, payloads.event_callback(event, f"Ev{number}", microseconds(self.clock()) // 1_000_000))

    def _member(self, person: Person, channel: Channel) -> None:
        if channel not in self.directory.visible_to(person.id):
            raise UnknownThing(f"{person.name} does not see #{channel.name}")

    def _visible(self, person: Person, channel: Channel, ts: str) -> Message:
        self._member(person, channel)
        message = self.store.find(channel.id, ts)
        if message is None or message.ephemeral_to not in ("", person.id):
            raise UnknownThing(f"{person.name} sees no message {ts} in #{channel.name}")
        return message

    def _running(self) -> asyncio.AbstractEventLoop:
        if self.loop is None:
            raise WorkspaceError("the workspace is not being served; call serve() first")
        return self.loop

    def _send(self, kind: str, body: dict[str, Any]) -> None:
        loop = self._running()
        asyncio.run_coroutine_threadsafe(self.hub.deliver(kind, body), loop)

    def _act(
        self,
        person: Person,
        kind: str,
        body: dict[str, Any],
        settle: float,
        where: Channel | None = None,
        view: View | None = None,
    ) -> Outcome:
        with self.lock:
            before = {m.ts for m in self.store.ephemeral(person.id)}
            top = self.views.top(person.id)
        accepts = kind == "slash_commands" or view is not None
        loop = self._running()
        ack = asyncio.run_coroutine_threadsafe(self.hub.deliver(kind, body, accepts_payload=accepts), loop).result()
        errors = self._take_payload(person, ack, where, view) if ack.acked else {}

        def something_to_see() -> bool:
            fresh = any(m.ts not in before for m in self.store.ephemeral(person.id))
            return fresh or self.views.top(person.id) is not top

        if ack.acked and settle > 0:
            self.wait_for(something_to_see, settle)
        with self.lock:
            fresh = tuple(self.store.as_slack(m) for m in self.store.ephemeral(person.id) if m.ts not in before)
            now_on_top = self.views.top(person.id)
        return Outcome(ack.acked, fresh, now_on_top.as_slack() if now_on_top else None, errors)

    def _take_payload(self, person: Person, ack: Ack, where: Channel | None, view: View | None) -> dict[str, str]:
        with self.lock:
            if where is not None and ack.payload.get("text"):
                self.respond(person.id, where.id, ack.payload)
            if view is None:
                return {}
            wanted = ack.payload.get("response_action")
            if wanted == "errors":
                return dict(ack.payload.get("errors") or {})
            if wanted in ("update", "push"):
                show = self.views.push if wanted == "push" else lambda _user, body: self.views.update(view, body)
                show(person.id, ack.payload["view"])
            else:
                self.views.close(person.id, everything=wanted == "clear")
            return {}

    def respond(self, user: str, channel: str, body: Mapping[str, Any]) -> Message:
        """Show the bot's direct answer: to one person, or to the channel with ``response_type: in_channel``."""
        to = "" if body.get("response_type") == "in_channel" else user
        return self.store.add(
            Message(
                channel=channel,
                ts=self.store.next_ts(),
                user=BOT_USER_ID,
                text=str(body.get("text", "")),
                blocks=list(body.get("blocks") or []),
                is_bot=True,
                thread_ts=body.get("thread_ts"),
                ephemeral_to=to,
            )
        )

    # faults of the socket

    def lose_sockets(self, seconds: float = 2.0) -> None:
        """Close the bot's connections without a word and take no new one for some seconds."""
        loop = self._running()
        asyncio.run_coroutine_threadsafe(self.hub.lose(seconds), loop).result()

    def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask the bot to reconnect (`refresh_requested`, `warning` or `link_disabled`), then close."""
        loop = self._running()
        asyncio.run_coroutine_threadsafe(self.hub.disconnect(reason), loop).result()

    def second_connection(self, count: int = 1) -> None:
        """Pretend that `count` other processes share the app: the next hello says so. 0 ends it."""
        self.hub.phantoms = count
        self._on_connection()
        self.disconnect_sockets()

    def redeliver(self, kind: str = "interactive", count: int = 1) -> None:
        """Deliver the next envelopes of a kind twice: `interactive`, `slash_commands` or `events_api`."""
        self.hub.repeats[kind] = self.hub.repeats.get(kind, 0) + count


def _filled(view: View, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {element["action_id"] for _, element in payloads.elements_of(view.body["blocks"])}
    if strange := set(values) - known:
        raise UnknownThing(f"the form has no field {sorted(strange)}; there are: {', '.join(sorted(known))}")
    state: dict[str, Any] = {}
    for block_id, element in payloads.elements_of(view.body["blocks"]):
        if element["type"] == "button":
            continue
        given = payloads.chosen(element, values.get(element["action_id"], form_check.initial(element)))
        state.setdefault(block_id, {})[element["action_id"]] = {"type": element["type"], **given}
    return state
