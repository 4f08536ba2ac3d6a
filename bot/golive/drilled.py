"""The last drill of a study: whether it passed, and whether it still speaks of the people and channels of today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.acting.drill import asked, channels, ways
from bot.config import Slack
from rules.model import Audience
from storage.schema import audit

VALID = timedelta(days=30)
"""A drill that ended longer ago says nothing of the phones that people carry today."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """How the last finished drill ended.

    Parameters
    ----------
    seq: of its audit entry.   at: when it ended, aware UTC.   body: of that entry (`bot.acting.drill.finish`).
    """

    seq: int
    at: datetime
    body: dict[str, Any]

    def confirmed(self) -> dict[tuple[str, Audience], str]:
        """Person and channel → when they pressed, as ISO 8601."""
        return {(one["user"], Audience(one["audience"])): one["at"] for one in self.body["confirmed"]}


def last_drill(conn: Connection, study_id: str) -> Drilled | None:
    """The last drill that ended, passed or not; None before any."""
    c = audit.c
    query = select(c.seq, c.at, c.body).where(c.study_id == study_id, c.kind == "drill_finished")
    row = conn.execute(query.order_by(c.seq.desc()).limit(1)).one_or_none()
    return Drilled(row.seq, row.at, row.body) if row else None


def shortcomings(last: Drilled | None, slack: Slack, now: datetime) -> Iterator[str]:
    """Why a drill does not show that today's roster can be reached; nothing where it does.

    Parameters
    ----------
    last: of `last_drill`.   slack: channels, people and second path as configured now.   now: aware UTC.
    """
    if last is None:
        yield "no drill was finished in this database"
        return
    if now - last.at > VALID:
        yield f"the last drill ended {(now - last.at).days} days ago; it counts for {VALID.days}"
    pressed = last.confirmed()
    reasons = {(one["user"], Audience(one["audience"])): one["reason"] for one in last.body["missing"]}
    for user, where in asked(slack):
        if (user, where) not in pressed:
            why = reasons.get((user, where), "came to the roster after the drill")
            yield f"{user} was not reached in the {where} channel: {why}"
    if last.body.get("channels") != channels(slack):
        yield "the channels are not those of the drill"
    if last.body.get("ways") != ways(slack):
        yield "the second path is not that of the drill"
    failed = {status: number for status, number in last.body["pages"].items() if status != "sent"}
    for status, number in sorted(failed.items()):
        yield f"test pages of the second path that were not taken: {number} {status}"
