"""One request at the desk: what every act, form and command is given, and the few things it may do.

A handler never acknowledges, retries or marks anything itself. It ends in exactly one of `finish`, `change`, `refuse`
or `shown`, each of which writes its effect together with the inbox row, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from bot.access import Act, Decision, authorise
from bot.acting import actions
from bot.acting.actions import By, Done, Effect
from bot.clearance.findings import RESTRICTED
from bot.slack.answers import Respond, show, tell
from bot.slack.inbound import Request
from bot.voice import Voice
from rules.model import Audience
from storage.duties import Cover, covers
from storage.outbox_rows import Item
from storage.sides import closed_side, study_of

if TYPE_CHECKING:
    from bot.slack.desk import Desk


@dataclass(frozen=True)
class Case:
    """A request, and the desk that it came to.

    Parameters
    ----------
    desk: reads and writes.   inbox_key: of the request.   respond: Bolt's, where a response URL came with it.
    item: the outbox row of the message that it is about, None for commands and for forms about no message.
    covering: the absent person whose role allowed it, once that was judged; "" where the person's own did.
    """

    desk: Desk
    inbox_key: str
    request: Request
    respond: Respond | None = None
    item: Item | None = None
    covering: str = ""

    @property
    def now(self) -> datetime:
        """The study's time, aware UTC."""
        return self.desk.clock()

    @property
    def by(self) -> By:
        """Who asks, when, looking at what."""
        it = self.request
        return By(
            it.user_id, it.team_id, self.now, self.inbox_key, it.version, it.basis, self.desk.wall(), self.covering
        )

    @property
    def study_id(self) -> str:
        """The study, or its closed side, whose message or form it is."""
        return self.item.study_id if self.item else self.request.study_id

    @property
    def audience(self) -> Audience:
        """Whose content the message or form is."""
        return Audience(self.item.audience if self.item else self.request.audience)

    @property
    def voice(self) -> Voice:
        """The voice of that study."""
        return self.desk.voices[self.study_id]

    def may(self, act: Act, audience: Audience, voice: Voice) -> Decision:
        """Whether the person may do this now: asked of Slack and the roster at this moment, never remembered."""
        account = self.desk.directory.account(self.request.user_id)
        return authorise(self.request.user_id, account, act, audience, voice.slack, self.covers(voice))

    def covers(self, voice: Voice) -> tuple[Cover, ...]:
        """Who stands in for whom at this moment."""
        with self.desk.db.reading() as conn:
            return covers(conn, study_of(voice.study_id), self.now)

    def finish(self, told: str, effect: Effect = Effect.SHOWN) -> None:
        """Nothing changes; the person is told a sentence."""
        self._tell(self.desk.once(self.inbox_key, None, lambda _: Done(effect, told)))

    def change(self, study_id: str, effect: Callable[[Connection], Done]) -> None:
        """Apply an effect once, in one transaction with the inbox row; delivery is woken, the person is told."""
        done = self.desk.once(self.inbox_key, study_id, effect)
        self.desk.wake.set()
        self._tell(done)

    def refuse(self, study_id: str, act: Act, audience: Audience, decision: Decision) -> None:
        """Record that the person may not, and tell them nothing but that."""
        assert decision.refusal is not None
        refusal, by = decision.refusal, self.by
        self._tell(
            self.desk.once(
                self.inbox_key, study_id, lambda conn: actions.refuse(conn, study_id, by, act, audience, refusal)
            )
        )

    def shown(self, study_id: str, audience: Audience, act: Act, about: str) -> None:
        """Record before showing that restricted content is shown; then `answer` or `open`."""
        side = closed_side(study_id)
        kept_by = side if audience is Audience.CLOSED and side in self.desk.voices else study_id
        by = self.by

        def record(conn: Connection) -> Done:
            if audience in RESTRICTED:
                actions.record_disclosure(conn, kept_by, by, act, about)
            return Done(Effect.SHOWN, "")

        self.desk.once(self.inbox_key, kept_by, record)

    def answer(self, text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> None:
        """Tell the person, and nobody else."""
        request = self.request
        tell(self.desk.client, request.user_id, request.channel_id, text, blocks=blocks, respond=self.respond)

    def open(self, view: Mapping[str, Any]) -> bool:
        """Open a modal. False when it could not be: the trigger lives three seconds."""
        return show(self.desk.client, self.request.trigger_id, view)

    def push(self, view: Mapping[str, Any]) -> bool:
        """Put a modal above the one that was clicked in. False when it could not be."""
        return show(self.desk.client, self.request.trigger_id, view, above=True)

    def _tell(self, done: Done | None) -> None:
        if done is not None and done.told:
            self.answer(done.told)
