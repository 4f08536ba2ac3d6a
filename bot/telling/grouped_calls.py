"""Calls and reminders about alerts that were told in one group: one for all of them, in the group's thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.acting.covering import beside
from bot.study import Study
from bot.telling.due_calls import due_calls
from bot.telling.grouping import Waiting, calls_somebody, undecided, waiting_groups
from bot.telling.outgoing import PRIORITY, Notice, key
from bot.views import GroupedStored
from storage.alert_records import OpenAlert
from storage.duties import Cover


def group_calls(
    conn: Connection, study: Study, opened: Iterable[OpenAlert], now: datetime, standing_in: tuple[Cover, ...] = ()
) -> Iterator[Notice]:
    """What is due about every group, as far as its alerts have no message of their own.

    `standing_in`: the covers in force; who stands in for one whom a call or a reminder names is named beside them.
    """
    for group in waiting_groups(conn, study, opened):
        calling = [item for item in group.waiting if calls_somebody(item, now)]
        silent = [item for item in calling if item.acknowledgement is None]
        if silent:
            yield from _unanswered(conn, study, group, silent, now, standing_in)
        answered = [item for item in calling if item.acknowledgement is not None and undecided(item)]
        if answered:
            yield from _undecided(conn, study, group, answered, now, standing_in)


def began(silent: Sequence[OpenAlert]) -> datetime:
    """Since when nobody has acknowledged a group: the earliest of its alerts."""
    return min(item.reopened_at or item.opened_at for item in silent)


def _unanswered(
    conn: Connection,
    study: Study,
    group: Waiting,
    silent: Sequence[OpenAlert],
    now: datetime,
    standing_in: tuple[Cover, ...],
) -> Iterator[Notice]:
    since = began(silent)
    for call in due_calls(study, silent[0], since, now):
        minutes = int(call.waited.total_seconds() // 60)
        content = GroupedStored(
            group.stored.audience, "call", now, group.stored.urgency, total=len(silent), role=call.role.value,
            after_minutes=minutes, vacant=call.vacant, covering=beside(call.role, standing_in, study.config.slack),
        )  # fmt: skip
        mine = key(conn, study.id, "escalation", group.item.delivery_key, *call.identity, since)
        yield _reply(group, mine, content, broadcast=True)


def _undecided(
    conn: Connection,
    study: Study,
    group: Waiting,
    answered: Sequence[OpenAlert],
    now: datetime,
    standing_in: tuple[Cover, ...],
) -> Iterator[Notice]:
    done = min((item.acknowledgement for item in answered if item.acknowledgement), key=lambda given: given.at)
    times = (now - done.at) // study.config.slack.remind
    if times < 1:
        return
    minutes = int((now - done.at).total_seconds() // 60)
    content = GroupedStored(
        group.stored.audience, "reminder", now, group.stored.urgency, total=len(answered), after_minutes=minutes,
        acknowledged_by=done.user_id, acknowledged_at=done.at,
        covering=tuple(cover.person for cover in standing_in if cover.absent == done.user_id),
    )  # fmt: skip
    yield _reply(group, key(conn, study.id, "reminder", group.item.delivery_key, done.at, times), content)


def _reply(group: Waiting, mine: str, content: GroupedStored, *, broadcast: bool = False) -> Notice:
    return Notice(
        mine, content, group.stored.audience, "reply", PRIORITY[group.stored.urgency],
        thread_key=group.item.delivery_key, broadcast=broadcast,
    )  # fmt: skip
