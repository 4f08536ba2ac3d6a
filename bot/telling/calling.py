"""Who is called, and again, about an alert: until somebody acknowledges it, and until somebody decides.

Everything here is derived from what is stored and queued under a key of its own. After a downtime only the latest of
several missed repetitions is said, because five calls at once say no more than one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.access import RESPONSIBLE
from bot.acting.covering import beside
from bot.study import Study
from bot.telling.due_calls import due_calls, vacant
from bot.telling.grouped_calls import group_calls
from bot.telling.grouping import calls_somebody, undecided
from bot.telling.outgoing import PRIORITY, Notice, alert_key, key
from bot.views import StepContent
from storage import alerts, outbox
from storage.alert_records import OpenAlert
from storage.duties import Cover, covers
from storage.schema import alert_version
from storage.sides import study_of


def calls(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """Every call and reminder that is due about an open alert, or about a group. Routine alerts call nobody."""
    standing_in = covers(conn, study_of(study.id), now)
    opened = alerts.open_alerts(conn, study.id)
    alone = outbox.alerts_with_parent(conn, study.id)
    for item in opened:
        if item.alert_id not in alone or not calls_somebody(item, now):
            continue
        if item.acknowledgement is None:
            yield from _unanswered(conn, study, item, now, standing_in)
        elif undecided(item):
            yield from _undecided(conn, study, item, now, standing_in)
    yield from group_calls(conn, study, opened, now, standing_in)


def _unanswered(
    conn: Connection, study: Study, item: OpenAlert, now: datetime, standing_in: tuple[Cover, ...]
) -> Iterator[Notice]:
    """The next role is called, in the alert's thread and aloud, for each step that passed without an answer.

    The steps count from when people were told, or from when an acknowledgement last ceased to count (it was withdrawn,
    or the alert changed) or a snooze ended. A crossing calls until somebody answers, also where its basis or its rule
    has changed since.
    """
    steps = study.config.slack.escalate
    if not steps:
        return
    parent = alert_key(conn, study.id, item.rule_id, item.scope, item.episode)
    earliest = timedelta() if vacant(study, RESPONSIBLE[item.audience]) else steps[0].after
    began = item.reopened_at or told_at(conn, item, parent, now - earliest)
    if began is None:
        return
    for call in due_calls(study, item, began, now):
        minutes = int(call.waited.total_seconds() // 60)
        yield Notice(
            key(conn, study.id, "escalation", item.rule_id, item.scope, item.episode, *call.identity, began),
            StepContent(
                "escalation", item.version, role=call.role.value, after_minutes=minutes, vacant=call.vacant,
                covering=beside(call.role, standing_in, study.config.slack),
            ),
            audience=item.audience, kind="reply", priority=PRIORITY[item.urgency], alert_id=item.alert_id,
            alert_version=item.version, thread_key=parent, broadcast=True,
        )  # fmt: skip


def _undecided(
    conn: Connection, study: Study, item: OpenAlert, now: datetime, standing_in: tuple[Cover, ...]
) -> Iterator[Notice]:
    """Acknowledged and not decided: the person who acknowledged is reminded, at the configured interval."""
    done = item.acknowledgement
    assert done is not None
    times = (now - done.at) // study.config.slack.remind
    if times < 1:
        return
    parent = alert_key(conn, study.id, item.rule_id, item.scope, item.episode)
    minutes = int((now - done.at).total_seconds() // 60)
    away = tuple(cover.person for cover in standing_in if cover.absent == done.user_id)
    yield Notice(
        key(conn, study.id, "reminder", item.rule_id, item.scope, item.episode, done.at, times),
        StepContent("reminder", item.version, after_minutes=minutes, covering=away), audience=item.audience,
        kind="reply", priority=PRIORITY[item.urgency], alert_id=item.alert_id, alert_version=item.version,
        thread_key=parent,
    )  # fmt: skip


def told_at(conn: Connection, item: OpenAlert, parent: str, latest: datetime) -> datetime | None:
    """When people were first told of an alert that was opened by `latest`.

    At its opening, or, where it was already true when monitoring began, with the change that its message was posted
    for; None where nobody was told.
    """
    posted = outbox.find(conn, parent) if item.opened_at <= latest else None
    if posted is None:
        return None
    c = alert_version.c
    told = (c.alert_id == item.alert_id) & (c.version == posted.alert_version)
    return conn.execute(select(c.at).where(told)).scalar_one_or_none() or item.opened_at
