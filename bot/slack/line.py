"""What all parts of delivery share: database, client, lookups, voices, waiting times, and the tally of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slack_sdk import WebClient

from bot.slack.directory import Directory
from bot.slack.history import History, Pace
from bot.slack.limits import POST_SECONDS
from bot.voice import Voice
from rules.model import Audience
from storage.database import Database
from storage.outbox_rows import Item

CRITICAL = 0
"""Priority of an outbox row that may rather be seen twice than not at all."""

LATE = timedelta(seconds=0.6)
"""A post that comes this much behind its turn counts as in time: somewhat more than between two looks of the loop."""


@dataclass(frozen=True, slots=True)
class DeliveryTiming:
    """How long delivery waits; the demo and tests shorten it.

    Parameters
    ----------
    settle, settle_critical: after an attempt of unknown outcome, how long a request may still be in flight.
    post: between two posts in one channel.   edit: between two edits in one channel.
    retry: after no connection, doubled up to `retry_most`.   held: between tries of a channel that refuses.
    margin: how far our clock and Slack's may differ.
    apart: how long `poll` waits for the closed side at least, so that its end does not tell whether that had news.
    """

    settle: timedelta = timedelta(seconds=60)
    settle_critical: timedelta = timedelta(seconds=15)
    post: timedelta = timedelta(seconds=POST_SECONDS)
    edit: timedelta = timedelta(seconds=1.2)
    retry: timedelta = timedelta(seconds=2)
    retry_most: timedelta = timedelta(seconds=60)
    held: timedelta = timedelta(seconds=60)
    margin: timedelta = timedelta(seconds=120)
    apart: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one run did.

    Parameters
    ----------
    sent: messages posted or found posted.   edited: parents edited.   adopted: of `sent`, found by looking.
    ambiguous: attempts whose outcome is unknown.   held: rows held.   deleted: second copies deleted.
    again_at: when there is something to do next, None = nothing waits.
    problems: what a person must mend, in words.
    """

    sent: int = 0
    edited: int = 0
    adopted: int = 0
    ambiguous: int = 0
    held: int = 0
    deleted: int = 0
    again_at: datetime | None = None
    problems: tuple[str, ...] = ()


@dataclass
class Tally:
    """A report in the making."""

    sent: int = 0
    edited: int = 0
    adopted: int = 0
    ambiguous: int = 0
    held: int = 0
    deleted: int = 0
    problems: list[str] = field(default_factory=list)

    def report(self, again_at: datetime | None) -> DeliveryReport:
        """The finished report."""
        return DeliveryReport(
            self.sent, self.edited, self.adopted, self.ambiguous, self.held, self.deleted, again_at,
            tuple(dict.fromkeys(self.problems)),
        )  # fmt: skip


@dataclass
class Line:
    """The shared state of one delivery.

    Parameters
    ----------
    db: open for writing.   client: a WebClient with `retry_handlers=[]`, else a dropped answer posts twice.
    voices: study id → voice.   timing: waiting times.   pace: of reading history.
    quiet: for a closed side: neither ops nor the log hears of its messages, because their number tells.

    Raises
    ------
    ValueError: the client retries by itself.
    """

    db: Database
    client: WebClient
    voices: Mapping[str, Voice]
    timing: DeliveryTiming = DeliveryTiming()
    pace: Pace = field(default_factory=Pace)
    tally: Tally = field(default_factory=Tally)
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.client.retry_handlers:
            raise ValueError("the client must be WebClient(retry_handlers=[]): its own retries post twice")
        self.directory = Directory(self.client)
        self.history = History(self.client, self.pace)
        self._free_at: dict[str, datetime] = {}
        self._due: dict[str, datetime] = {}

    @property
    def studies(self) -> tuple[str, ...]:
        """Studies this delivery speaks for."""
        return tuple(self.voices)

    def voice(self, item: Item) -> Voice:
        """The voice of a row's study."""
        return self.voices[item.study_id]

    def channel_of(self, item: Item, now: datetime) -> str:
        """Where a row belongs: its thread's channel, its own, or its audience's; "" where none is configured."""
        known = item.thread_channel_id or item.channel_id
        if known:
            return known
        reference = self.voice(item).channels.get(Audience(item.audience), "")
        return self.directory.channel_id(reference, now) if reference else ""

    def settle(self, item: Item) -> timedelta:
        """How long an attempt at this row may still be in flight."""
        return self.timing.settle_critical if item.priority == CRITICAL else self.timing.settle

    def occupy(self, what: str, until: datetime) -> None:
        """A lane or channel is to be left alone until then."""
        self._free_at[what] = max(until, self._free_at.get(what, until))

    def paced(self, lane: str, now: datetime) -> None:
        """A post begins in a lane: the next one may follow `timing.post` after this one was due.

        A loop that comes by a little late would else lose that little at every post; after a pause the count begins
        anew, so that nothing is caught up in a burst.
        """
        due = self._due.get(lane, now)
        self._due[lane] = (due if now - due <= LATE else now) + self.timing.post
        self.occupy(lane, self._due[lane])

    def busy(self, now: datetime) -> list[str]:
        """Lanes and channels to be left alone now."""
        self._free_at = {what: until for what, until in self._free_at.items() if until > now}
        return list(self._free_at)

    def next_free(self) -> datetime | None:
        """When the first of them is free again."""
        return min(self._free_at.values(), default=None)
