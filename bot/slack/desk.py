"""Where requests are received, authorised and applied once: between Slack's listeners and `bot.actions`.

Receive (insert, commit) → acknowledge the envelope → look the person up → apply in one transaction → tell them.
What a crash, or a database that cannot be written, leaves between the steps is taken up by `catch_up`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from slack_sdk import WebClient
from sqlalchemy import Connection

from bot import actions
from bot.access import Act, Decision, authorise, disclose
from bot.actions import By, Done, Effect
from bot.clearing import RESTRICTED
from bot.content import why_content
from bot.slack.answers import Respond, show, tell
from bot.slack.asking import Asked, asked_for
from bot.slack.directory import Directory
from bot.slack.inbound import COMMAND, Request, from_payload
from bot.slack.messages import explanation, render
from bot.slack.posting import channel_verdict
from bot.views import StatusContent
from bot.voice import Voice
from bot.wording import replies
from rules.model import Audience
from storage import alerts, inbox, outbox
from storage.database import Database
from storage.errors import StorageError
from storage.outbox_rows import Item
from storage.sides import closed_side

log = structlog.get_logger(__name__)

Status = Callable[[Connection, str, Audience, datetime], StatusContent]
"""(connection, study id, audience, now) → where the study stands."""


class _AppliedBefore(Exception):
    """Undoes the transaction of an effect that another thread or process applied first."""


@dataclass
class Desk:
    """Applies what people ask of the bot.

    Parameters
    ----------
    db: open for writing.   client: without retry handlers.   voices: study id → voice.
    status: gives the facts of a status answer.   clock: the study's time, aware UTC.
    wake: set when something changed that delivery should show.
    """

    db: Database
    client: WebClient
    voices: Mapping[str, Voice]
    status: Status
    clock: Callable[[], datetime]
    wake: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.directory = Directory(self.client)

    def receive(self, inbox_key: str, request: Request) -> bool:
        """Keep a request before Slack is told that it arrived. False when it was delivered before.

        Raises
        ------
        StorageError: it could not be kept; the envelope must not be acknowledged.
        """
        with self.db.writing() as conn:
            return inbox.receive(
                conn, inbox_key, study_id=self._study_of(conn, request), kind=request.kind,
                payload=request.payload(), received_at=self.clock(),
            )  # fmt: skip

    def catch_up(self, older_than: timedelta = timedelta(0)) -> int:
        """Apply what was received and not applied before a crash or while the database was locked. Returns how many.

        Parameters
        ----------
        older_than: leave alone what came more recently, because a listener may still be applying it.
        """
        before = self.clock() - older_than
        with self.db.reading() as conn:
            rows = inbox.unapplied(conn, study_ids=list(self.voices))
        left = [row for row in rows if row.received_at <= before]
        for row in left:
            self.apply(row.inbox_key, from_payload(row.payload))
        return len(left)

    def apply(self, inbox_key: str, request: Request, respond: Respond | None = None) -> None:
        """Apply one request, once, and tell the person. Raises nothing that the next start would not repair."""
        try:
            if request.kind == COMMAND:
                self._command(inbox_key, request, respond)
            else:
                self._click(inbox_key, request, respond)
        except StorageError as error:
            log.error("a request waits for the database", inbox_key=inbox_key, error=str(error))
            tell(self.client, request.user_id, request.channel_id, replies.LATER, respond=respond)

    def _click(self, inbox_key: str, request: Request, respond: Respond | None) -> None:
        with self.db.reading() as conn:
            item = outbox.find(conn, request.delivery_key) if request.delivery_key else None
        if item is None or request.act is None or item.study_id not in self.voices:
            told = replies.UNKNOWN_ALERT if request.act else replies.NOT_UNDERSTOOD
            self._finish(inbox_key, request, Done(Effect.UNKNOWN, told), respond)
            return
        audience = Audience(item.audience)
        decision = self._decide(request, request.act, audience, self.voices[item.study_id])
        if not decision.allowed:
            self._refused(inbox_key, request, item.study_id, request.act, audience, decision, respond)
        elif request.act is Act.WHY:
            self._why(inbox_key, request, item, respond)
        else:
            self._change(inbox_key, request, item, respond)

    def _change(self, inbox_key: str, request: Request, item: Item, respond: Respond | None) -> None:
        """Acknowledge, withdraw or accept."""
        voice, by = self.voices[item.study_id], self._by(inbox_key, request)

        def change(conn: Connection) -> Done:
            if request.act is Act.ACCEPT:
                return actions.accept_starting_state(conn, item, by, voice.setting)
            if item.alert_id is None:
                return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
            act = actions.acknowledge if request.act is Act.ACKNOWLEDGE else actions.withdraw
            return act(conn, alerts.latest(conn, item.alert_id), by, voice.setting)

        done = self._once(inbox_key, item.study_id, change)
        self.wake.set()
        self._tell(request, done, respond)

    def _why(self, inbox_key: str, request: Request, item: Item, respond: Respond | None) -> None:
        voice, audience = self.voices[item.study_id], Audience(item.audience)
        if item.alert_id is None:
            self._finish(inbox_key, request, Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT), respond)
            return
        with self.db.reading() as conn:
            content = why_content(conn, voice, alerts.latest(conn, item.alert_id))
        view = explanation(disclose(content, audience, voice.setting))
        self._shown(inbox_key, request, item.study_id, audience, content.alert.rule.id)
        if not show(self.client, request.trigger_id, view):
            text = "\n".join(block["text"]["text"] for block in view["blocks"] if block["type"] == "section")
            tell(self.client, request.user_id, request.channel_id, text[:3_000], blocks=view["blocks"][:50])

    def _command(self, inbox_key: str, request: Request, respond: Respond | None) -> None:
        asked = asked_for(request, self.voices, self.directory, self.clock())
        if asked.told:
            self._finish(inbox_key, request, Done(Effect.SHOWN, asked.told), respond)
        else:
            self._status(inbox_key, request, asked, respond)

    def _status(self, inbox_key: str, request: Request, asked: Asked, respond: Respond | None) -> None:
        voice = self.voices[asked.study_id]
        allowed, refused = None, None
        for audience in asked.audiences:
            decision = self._decide(request, Act.STATUS, audience, voice)
            if decision.allowed:
                allowed = audience
                break
            refused = refused or (audience, decision)
        if allowed is None:
            assert refused is not None
            self._refused(inbox_key, request, voice.study_id, Act.STATUS, *refused, respond)
        elif allowed in RESTRICTED and not asked.private and not asked.own_channel:
            self._finish(inbox_key, request, Done(Effect.REFUSED, replies.WRONG_PLACE), respond)
        elif allowed in RESTRICTED and not asked.private and not self._in_order(request.channel_id, allowed, voice):
            self._finish(inbox_key, request, Done(Effect.REFUSED, replies.BLOCKED_CHANNEL), respond)
        else:
            self._answer_status(inbox_key, request, voice, allowed, respond)

    def _answer_status(
        self, inbox_key: str, request: Request, voice: Voice, audience: Audience, respond: Respond | None
    ) -> None:
        with self.db.reading() as conn:
            content = self.status(conn, voice.study_id, audience, self.clock())
        message = render(disclose(content, audience, voice.setting), f"status-{inbox_key}"[:255])
        side = closed_side(voice.study_id)
        about = side if audience is Audience.CLOSED and side in self.voices else voice.study_id
        self._shown(inbox_key, request, about, audience, Act.STATUS)
        tell(self.client, request.user_id, request.channel_id, message.text, blocks=message.blocks, respond=respond)

    def _in_order(self, channel_id: str, audience: Audience, voice: Voice) -> bool:
        return channel_verdict(self.directory, channel_id, audience, voice)[0].allowed

    def _decide(self, request: Request, act: Act, audience: Audience, voice: Voice) -> Decision:
        account = self.directory.account(request.user_id)
        return authorise(request.user_id, account, act, audience, voice.slack)

    def _refused(
        self,
        inbox_key: str,
        request: Request,
        study_id: str,
        act: Act,
        audience: Audience,
        decision: Decision,
        respond: Respond | None,
    ) -> None:
        assert decision.refusal is not None
        refusal, by = decision.refusal, self._by(inbox_key, request)
        done = self._once(inbox_key, study_id, lambda conn: actions.refuse(conn, study_id, by, act, audience, refusal))
        self._tell(request, done, respond)

    def _shown(self, inbox_key: str, request: Request, study_id: str, audience: Audience, subject: str) -> None:
        """Record before showing that closed content is shown."""
        by = self._by(inbox_key, request)

        def record(conn: Connection) -> Done:
            if audience in RESTRICTED:
                actions.record_disclosure(conn, study_id, by, request.act or Act.STATUS, subject)
            return Done(Effect.SHOWN, "")

        self._once(inbox_key, study_id, record)

    def _finish(self, inbox_key: str, request: Request, done: Done, respond: Respond | None) -> None:
        self._tell(request, self._once(inbox_key, None, lambda _: done), respond)

    def _once(self, inbox_key: str, study_id: str | None, effect: Callable[[Connection], Done]) -> Done | None:
        """An effect and its inbox row in one transaction; None, and nothing written, where it was applied before."""
        try:
            with self.db.writing(study_id) as conn:
                done = effect(conn)
                if not inbox.applied(conn, inbox_key, outcome=done.effect, at=self.clock()):
                    raise _AppliedBefore
        except _AppliedBefore:
            return None
        return done

    def _tell(self, request: Request, done: Done | None, respond: Respond | None) -> None:
        if done is not None and done.told:
            tell(self.client, request.user_id, request.channel_id, done.told, respond=respond)

    def _by(self, inbox_key: str, request: Request) -> By:
        return By(request.user_id, request.team_id, self.clock(), inbox_key, request.version, request.basis)

    def _study_of(self, conn: Connection, request: Request) -> str:
        item = outbox.find(conn, request.delivery_key) if request.delivery_key else None
        return item.study_id if item else next(iter(self.voices))
