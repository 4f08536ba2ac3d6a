"""Where requests are received, authorised and applied once: between Slack's listeners and `bot.acting.actions`.

Receive (insert, commit) → acknowledge the envelope → look the person up → apply in one transaction → tell them.
What a crash, or a database that cannot be written, leaves between the steps is taken up by `catch_up`.

The desk knows no act by name. To add

- an act: a member of `bot.access.Act` with its line in `_MAY`, a handler in `bot.slack.acts`; a button or menu option
  whose action_id is `dsmbot_` and the act, or whose value begins with it (`bot.slack.blocks`);
- a form (a modal with inputs): a `bot.slack.acts.form.Form` in the same table, which is opened by the act and applied
  when it is submitted;
- a command: a module with a `Command` in `bot.slack.commands`, and its word in `bot.wording.replies.COMMANDS`;
- something on App Home: `bot.slack.home`.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.acting.actions import Done, Effect
from bot.slack.acts import ACTS
from bot.slack.acts.form import Form
from bot.slack.answers import Respond
from bot.slack.case import Case
from bot.slack.commands import COMMANDS
from bot.slack.directory import Directory
from bot.slack.inbound import COMMAND, SUBMISSION, Request, from_payload
from bot.study import Study
from bot.views import StatusContent
from bot.voice import Voice
from bot.wording import replies
from rules.model import Audience
from storage import inbox, outbox
from storage.database import Database
from storage.errors import StorageError

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
    waiting: the time that deliveries wait in, aware UTC; None = `clock`.
    studies: study id → study, for questions about its records; the open sides.
    """

    db: Database
    client: WebClient
    voices: Mapping[str, Voice]
    status: Status
    clock: Callable[[], datetime]
    wake: threading.Event = field(default_factory=threading.Event)
    waiting: Callable[[], datetime] | None = None
    studies: Mapping[str, Study] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = Directory(self.client)
        self.at_home: set[str] = set()
        """Who has opened App Home since the start: it is drawn again for them after each act."""

    def wall(self) -> datetime:
        """The time that deliveries wait in."""
        return (self.waiting or self.clock)()

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

    def errors(self, inbox_key: str, request: Request) -> dict[str, str]:
        """What is wrong with a submitted form, field by field; empty where it can be taken, or was taken before.

        Nothing is written. Who may not submit it is not told here what would be wrong with it.
        """
        case = self._case(inbox_key, request)
        form = ACTS.get(request.act) if request.act else None
        if case is None or request.act is None or not isinstance(form, Form):
            return {}
        if not case.may(request.act, case.audience, case.voice).allowed:
            return {}
        with self.db.reading() as conn:
            return {} if inbox.find(conn, inbox_key) else form.errors(case, conn)

    def catch_up(self, older_than: timedelta = timedelta(0)) -> int:
        """Apply what was received and not applied before a crash or while the database was locked. Returns how many.

        Parameters
        ----------
        older_than: leave alone what came more recently, because a listener may still be applying it. What came "later
            than now" was kept before the clock was put back, and does not wait for that time to come again.
        """
        now = self.clock()
        with self.db.reading() as conn:
            rows = inbox.unapplied(conn, study_ids=list(self.voices))
        left = [row for row in rows if not now - older_than < row.received_at <= now]
        for row in left:
            self.apply(row.inbox_key, from_payload(row.payload))
        return len(left)

    def apply(self, inbox_key: str, request: Request, respond: Respond | None = None) -> None:
        """Apply one request, once, and tell the person. Raises nothing that the next start would not repair."""
        try:
            if request.kind == COMMAND:
                self._command(Case(self, inbox_key, request, respond))
            else:
                self._act(inbox_key, request, respond)
        except StorageError as error:
            log.error("a request waits for the database", inbox_key=inbox_key, error=str(error))
            Case(self, inbox_key, request, respond).answer(replies.LATER)

    def _act(self, inbox_key: str, request: Request, respond: Respond | None) -> None:
        """A click or a submitted form: found, authorised at this moment, handed to its act."""
        case = self._case(inbox_key, request, respond)
        handler = ACTS.get(request.act) if request.act else None
        if case is None or request.act is None or handler is None:
            told = replies.UNKNOWN_ALERT if request.act else replies.NOT_UNDERSTOOD
            Case(self, inbox_key, request, respond).finish(told, Effect.UNKNOWN)
            return
        decision = case.may(request.act, case.audience, case.voice)
        if not decision.allowed:
            case.refuse(case.study_id, request.act, case.audience, decision)
            return
        case = replace(case, covering=decision.covering)
        if not isinstance(handler, Form):
            handler(case)
        elif request.kind == SUBMISSION:
            handler.submitted(case)
        else:
            handler.opened(case)

    def _command(self, case: Case) -> None:
        """The first word decides; without one, the menu."""
        words = case.request.text.split()
        word = words[0].lower() if words else "menu"
        if word in COMMANDS:
            COMMANDS[word].run(case)
            return
        near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.4)
        case.finish(replies.unknown_word(case.request.command, words[0], near))

    def _case(self, inbox_key: str, request: Request, respond: Respond | None = None) -> Case | None:
        """The request with what it is about; None where that is not known here."""
        if not request.delivery_key:
            known = request.study_id in self.voices and request.audience in set(Audience)
            return Case(self, inbox_key, request, respond) if known else None
        with self.db.reading() as conn:
            item = outbox.find(conn, request.delivery_key)
        return Case(self, inbox_key, request, respond, item) if item and item.study_id in self.voices else None

    def once(self, inbox_key: str, study_id: str | None, effect: Callable[[Connection], Done]) -> Done | None:
        """An effect and its inbox row in one transaction; None, and nothing written, where it was applied before."""
        try:
            with self.db.writing(study_id) as conn:
                done = effect(conn)
                if not inbox.applied(conn, inbox_key, outcome=done.effect, at=self.clock()):
                    raise _AppliedBefore
        except _AppliedBefore:
            return None
        return done

    def _study_of(self, conn: Connection, request: Request) -> str:
        item = outbox.find(conn, request.delivery_key) if request.delivery_key else None
        if item is not None:
            return item.study_id
        return request.study_id if request.study_id in self.voices else next(iter(self.voices))
