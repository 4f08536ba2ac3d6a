"""Channels that refuse: rows are held, ops is told once, and the channel is tried again until it recovers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from bot.slack.line import Line
from bot.slack.outcomes import Fate
from bot.slack.posting import channel_verdict
from bot.telling.outgoing import queue_ops
from bot.views import OpsContent, OpsKind
from rules.model import Audience
from storage import outbox
from storage.outbox_rows import Item, Status

log = structlog.get_logger(__name__)

NEVER, EPOCH = datetime.max.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)

PROBE = timedelta(minutes=10)
"""How often the closed channel of a study with rules by arm is looked at."""

_PASSING = (Fate.NOT_SENT, Fate.UNKNOWN, Fate.RATE_LIMITED)
"""Outcomes of asking that say nothing about the channel."""

LOOK_FIRST = "held after an unknown outcome: looked up before it is sent again"
"""`last_error` of a held row that may already be in the channel."""


@dataclass
class _Trouble:
    since: datetime
    kind: OpsKind
    study_id: str
    again_at: datetime


@dataclass
class Troubles:
    """What is held, by lane (study and audience). Forgotten at a restart: ops is then told again, once."""

    line: Line
    probed: Collection[str] = ()
    _probe_at: datetime = EPOCH
    _by_lane: dict[str, _Trouble] = field(default_factory=dict)
    _rows: dict[int, datetime] = field(default_factory=dict)
    """Rows that are to blame themselves → when they are tried again."""

    def hold(
        self, item: Item, now: datetime, *, kind: OpsKind, reason: str, fix: str, whole_lane: bool, error: str = ""
    ) -> None:
        """Hold a row and tell ops, once a lane while the trouble lasts.

        Parameters
        ----------
        kind, reason, fix: what ops reads.   whole_lane: the channel is to blame, not this row: others wait too.
        error: what the row remembers, `reason` by default.
        """
        assert item.lease is not None
        channel = self._channel(item)
        known = self._by_lane.get(item.lane)
        since = known.since if known else now
        news = known is None and item.outbox_id not in self._rows
        with self.line.db.writing() as conn:
            outbox.mark_held(conn, item.outbox_id, item.lease, error=error or reason)
        if whole_lane:
            again = now + self.line.timing.held
            self._by_lane[item.lane] = _Trouble(since, kind, item.study_id, again)
            self.line.occupy(item.lane, again)
        else:
            self._rows[item.outbox_id] = now + self.line.timing.held
        self.line.tally.held += 1
        self.line.tally.problems.append(f"{channel}: {reason}. {fix}")
        if news:
            self._tell(item, kind, channel, reason, fix, since, now)

    def recovered(self, item: Item, now: datetime) -> None:
        """A post in this lane succeeded: what was held there follows, and ops is told."""
        self._rows.pop(item.outbox_id, None)
        known = self._by_lane.pop(item.lane, None)
        if known is None:
            return
        kind = OpsKind.CHANNEL_RELEASED if known.kind is OpsKind.CHANNEL_BLOCKED else OpsKind.OUTBOX_RECOVERED
        with self.line.db.writing() as conn:
            held = outbox.with_status(conn, Status.HELD, study_id=item.study_id)
            outbox.release(
                conn, [r.outbox_id for r in held if r.lane == item.lane and r.outbox_id not in self._rows], now
            )
        self._tell(item, kind, self._channel(item), "", "", now, now)

    def retry(self, now: datetime) -> None:
        """Let one held row of each lane, and each row held for itself, try again when its time has come.

        What an earlier process held is tried at once: a restart may be what mended it.
        """
        for study_id in self.line.studies:
            with self.line.db.reading() as conn:
                held = outbox.with_status(conn, Status.HELD, study_id=study_id)
            due = [row.outbox_id for row in held if now >= self._rows.get(row.outbox_id, NEVER)]
            first: dict[str, Item] = {}
            for row in sorted(held, key=lambda row: (row.priority, row.outbox_id)):
                if row.outbox_id not in self._rows:
                    first.setdefault(row.lane, row)
            due += [row.outbox_id for lane, row in first.items() if self._is_due(lane, row, now)]
            if due:
                with self.line.db.writing() as conn:
                    outbox.release(conn, due, now)

    def probe(self, now: datetime) -> None:
        """Look at the closed channel of studies with rules by arm, whether or not anything waits for it.

        What a closed side has to say is held silently while its channel is out of order: were ops told then, it would
        hear that there is something to say.
        """
        if now < self._probe_at:
            return
        self._probe_at = now + PROBE
        for study_id in self.probed:
            voice, lane = self.line.voices[study_id], f"{study_id}/{Audience.CLOSED}"
            channel = voice.channels.get(Audience.CLOSED, "")
            if not channel:
                continue
            channel_id = self.line.directory.channel_id(channel, now)
            verdict, asked = channel_verdict(self.line.directory, channel_id, Audience.CLOSED, voice)
            known = self._by_lane.get(lane)
            if verdict.allowed and known is not None and not self._held(study_id, lane):
                del self._by_lane[lane]
                self._say(study_id, OpsContent(OpsKind.CHANNEL_RELEASED, now, channel, since=now, number=1), now)
            elif not verdict.allowed and known is None and asked.fate not in _PASSING:
                self._by_lane[lane] = _Trouble(now, OpsKind.CHANNEL_BLOCKED, study_id, now + self.line.timing.held)
                reason = f"{verdict.reason} ({asked.error})" if asked.error else verdict.reason
                fix = asked.fix or verdict.fix
                blocked = OpsContent(OpsKind.CHANNEL_BLOCKED, now, channel, reason, fix, since=now, number=1)
                self._say(study_id, blocked, now)

    def _held(self, study_id: str, lane: str) -> bool:
        with self.line.db.reading() as conn:
            return any(row.lane == lane for row in outbox.with_status(conn, Status.HELD, study_id=study_id))

    def _is_due(self, lane: str, row: Item, now: datetime) -> bool:
        known = self._by_lane.get(lane)
        if known is None:
            self._by_lane[lane] = _Trouble(now, OpsKind.OUTBOX_HELD, row.study_id, now + self.line.timing.held)
            return True
        if known.again_at > now:
            return False
        known.again_at = now + self.line.timing.held
        return True

    def _channel(self, item: Item) -> str:
        return self.line.voice(item).channels.get(Audience(item.audience), f"the {item.audience} channel")

    def _tell(
        self, item: Item, kind: OpsKind, channel: str, reason: str, fix: str, since: datetime, now: datetime
    ) -> None:
        if self.line.quiet:
            return
        content = OpsContent(kind, now, subject=channel, reason=reason, fix=fix, since=since, number=1)
        self._say(item.study_id, content, now, queued=item.audience != Audience.OPS)

    def _say(self, study_id: str, content: OpsContent, now: datetime, *, queued: bool = True) -> None:
        log.warning(
            "delivery", kind=content.kind.value, channel=content.subject, reason=content.reason, fix=content.fix
        )
        if queued and Audience.OPS in self.line.voices[study_id].channels:
            with self.line.db.writing() as conn:
                queue_ops(conn, study_id=study_id, content=content, queued_at=now)
