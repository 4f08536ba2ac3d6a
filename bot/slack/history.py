"""Reading a channel or thread to see whether a message is there: paced, paged, and honest about not knowing.

Since 2025 some apps may read history once a minute, 15 messages at a time; `check` measures what this one may.
A reading that needs more pages than the pace allows goes on at the next call, where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from slack_sdk import WebClient

from bot.slack.directory import Identity
from bot.slack.limits import HISTORY_PAGE_LOW, HISTORY_SECONDS_LOW
from bot.slack.messages import keys_of
from bot.slack.outcomes import Fate, Outcome, attempt

PAGES_AT_ONCE = 20
"""Pages read in one call where the pace is quick."""

QUICK = 5.0
"""A pace of at most this many seconds a request is not waited for within one reading."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much history may be read: messages a page, seconds between requests. Low until `check` has measured."""

    page: int = HISTORY_PAGE_LOW
    seconds: float = HISTORY_SECONDS_LOW


class Reading(StrEnum):
    """How far a reading came."""

    WHOLE = "whole"
    LATER = "later"
    """Not finished for now: ask again at `again_at`."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Found:
    """What a reading found: delivery key, or name of a file → timestamps of this bot's messages, oldest first."""

    reading: Reading
    by_key: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    again_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or one thread in it."""

    channel_id: str
    thread_ts: str = ""


@dataclass
class _Unfinished:
    since: datetime
    cursor: str = ""
    seen: set[str] = field(default_factory=set)
    by_key: dict[str, set[str]] = field(default_factory=dict)


@dataclass
class History:
    """Reads places through one client.

    Parameters
    ----------
    client: without retry handlers.   pace: see `Pace`; replaced when it was measured.
    """

    client: WebClient
    pace: Pace = field(default_factory=Pace)
    _free_at: dict[str, datetime] = field(default_factory=dict)
    _unfinished: dict[Place, _Unfinished] = field(default_factory=dict)

    def read(self, place: Place, since: datetime, now: datetime, identity: Identity) -> Found:
        """Look through a place from `since` on.

        Parameters
        ----------
        since: oldest message of interest, with a margin for clocks that differ.   now: aware UTC.
        identity: only messages of this bot count.
        """
        going = self._unfinished.get(place)
        if going is None or going.since > since:
            going = self._unfinished[place] = _Unfinished(since)
        for _ in range(PAGES_AT_ONCE):
            free_at = self._free_at.get(self._method(place))
            if free_at is not None and now < free_at:
                return Found(Reading.LATER, again_at=free_at)
            if self.pace.seconds > QUICK:
                self._free_at[self._method(place)] = now + timedelta(seconds=self.pace.seconds)
            page = attempt(lambda: self._page(place, going))
            if page.fate is not Fate.DONE:
                return self._failed(place, page, now)
            if self._take(page.data, going, identity):
                del self._unfinished[place]
                return Found(Reading.WHOLE, {key: tuple(sorted(found)) for key, found in going.by_key.items()})
        return Found(Reading.LATER, again_at=now)

    def _page(self, place: Place, going: _Unfinished) -> Any:
        common: dict[str, Any] = {
            "channel": place.channel_id,
            "oldest": f"{going.since.timestamp():.6f}",
            "limit": self.pace.page,
            "include_all_metadata": True,
            "inclusive": True,
        }
        if going.cursor:
            common["cursor"] = going.cursor
        if place.thread_ts:
            return self.client.conversations_replies(ts=place.thread_ts, **common)
        return self.client.conversations_history(**common)

    def _failed(self, place: Place, page: Outcome, now: datetime) -> Found:
        if page.fate is Fate.RATE_LIMITED:
            again = now + timedelta(seconds=page.wait)
            self._free_at[self._method(place)] = again
            return Found(Reading.LATER, again_at=again, error=page.error)
        self._unfinished.pop(place, None)
        return Found(Reading.UNREADABLE, error=page.error)

    @staticmethod
    def _method(place: Place) -> str:
        return "conversations.replies" if place.thread_ts else "conversations.history"

    @staticmethod
    def _take(data: Mapping[str, Any], going: _Unfinished, identity: Identity) -> bool:
        """Note the keys of a page. True when nothing of interest can follow."""
        messages: Sequence[Mapping[str, Any]] = data.get("messages") or ()
        for message in messages:
            ts = str(message.get("ts") or "")
            if identity.wrote(message) and moment_of(ts) >= going.since:
                for key in keys_of(message):
                    going.by_key.setdefault(key, set()).add(ts)
        cursor = str((data.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor or cursor in going.seen:
            return True
        going.cursor = cursor
        going.seen.add(cursor)
        return False


def moment_of(ts: str) -> datetime:
    """The time in a message's `ts`; the beginning of time for what is none."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
