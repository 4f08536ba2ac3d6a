"""What time alone brings: the silence of a source, a rule that cannot be judged, a call that nobody answered.

Everything here is derived from what is stored and queued under a key of its own, so that looking twice, from two
threads or after a crash, says it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from bot.access import RESPONSIBLE, Act, able_roles
from bot.config import Role
from bot.faults import fault_lines
from bot.outgoing import alert_key, key
from bot.recording import PRIORITY
from bot.standing import source_lines
from bot.study import Study
from bot.views import OpsContent, OpsKind, StepContent, Stored, stored_body, stored_from_body
from rules.model import Audience, Rule, State, Urgency
from storage import alerts, outbox
from storage.alert_records import OpenAlert, ResponseKind
from storage.findings import last_finding_id, last_findings
from storage.heads import read_head
from storage.schema import alert_version, response, source_state
from storage.schema import outbox as outbox_table
from storage.source_state import recent_warnings

OPS_PRIORITY = 5
_SOURCE_KINDS = (OpsKind.SOURCE_FAILED, OpsKind.SOURCE_STALE, OpsKind.SOURCE_RECOVERED)
SLOW = timedelta(minutes=10)
"""A notification that is due for longer than this is told to ops, and `/readyz` says so."""


@dataclass(frozen=True)
class Notice:
    """Something to queue once: its key, its words' content, and where it goes."""

    key: str
    content: Stored
    audience: Audience = Audience.OPS
    kind: str = "note"
    priority: int = OPS_PRIORITY
    alert_id: int | None = None
    alert_version: int | None = None
    thread_key: str | None = None
    broadcast: bool = False


def watch(study: Study, now: datetime) -> int:
    """Queue whatever has become due and was not said yet. Returns how many notices were queued."""
    with study.database.reading() as conn:
        wanted = [notice for notice in _notices(conn, study, now) if notice.audience in study.audiences]
        said = _already_said(conn, study.id, [notice.key for notice in wanted])
    fresh = [notice for notice in wanted if notice.key not in said]
    if fresh:
        with study.database.writing(study.id) as conn:
            for notice in fresh:
                queue(conn, study, notice)
    return len(fresh)


def _notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    if study.unblinded:
        yield from _unwatched(conn, study, now) if study.unwatched else _rule_notices(conn, study, now)
        yield from _calls(conn, study, now)
        return
    yield from _source_notices(conn, study, now)
    yield from _fault_notices(conn, study, now)
    yield from _doubts(conn, study, now)
    yield from _rule_notices(conn, study, now)
    yield from _outbox_notices(conn, study, now)
    yield from _calls(conn, study, now)


def _source_notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """A source that fails or goes stale is told once, again for another reason, and once when it has recovered."""
    query = select(source_state).where(source_state.c.study_id == study.id)
    rows = {row.source_id: row for row in conn.execute(query)}
    last_told = _last_told(conn, study.id)
    for line in source_lines(conn, study.config, now):
        row, told = rows.get(line.source_id), last_told.get(line.source_id)
        if row is None:
            continue
        if row.failing_since is not None:
            since = row.last_complete_at
            failed = OpsContent(OpsKind.SOURCE_FAILED, row.failing_since, line.source_id, row.reason, since=since)
            yield _ops(conn, study, failed, row.failing_since, _gist(row.reason))
        elif not line.current and row.last_complete_at is not None:
            stale = OpsContent(OpsKind.SOURCE_STALE, now, line.source_id, line.reason, since=row.last_complete_at)
            yield _ops(conn, study, stale, row.last_complete_at)
        elif line.current and told is not None and told.kind is not OpsKind.SOURCE_RECOVERED:
            yield _ops(conn, study, OpsContent(OpsKind.SOURCE_RECOVERED, now, line.source_id), told.kind, told.at)


def _gist(reason: str) -> str:
    """A reason without its numbers: a file that loses one row more is no news."""
    return re.sub(r"\d+", "", reason)


def _last_told(conn: Connection, study_id: str) -> dict[str, OpsContent]:
    """Source id → the last failure, staleness or recovery that ops was told of."""
    c = outbox_table.c
    mine = (c.study_id == study_id) & (c.audience == Audience.OPS.value) & (c.kind == "note")
    told: dict[str, OpsContent] = {}
    for body in conn.execute(select(c.content).where(mine).order_by(c.outbox_id.desc()).limit(500)).scalars():
        content = stored_from_body(body)
        if isinstance(content, OpsContent) and content.kind in _SOURCE_KINDS:
            told.setdefault(content.subject, content)
    return told


def _ops(conn: Connection, study: Study, content: OpsContent, *identity: object) -> Notice:
    return Notice(key(conn, study.id, "ops", content.kind, content.subject, *identity), content)


def _fault_notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """Doubtful records of the latest batch of each source: told when they are not those told last."""
    for source_id, digest, lines, total in fault_lines(conn, study.id):
        content = OpsContent(OpsKind.SOURCE_FAULTS, now, source_id, number=total, faults=lines)
        yield _ops(conn, study, content, digest)


def _doubts(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """What is doubtful about a source as a whole: the same sentence about the same source is told once."""
    for source_id, warning in recent_warnings(conn, study.id):
        if source_id in study.sources:
            yield _ops(conn, study, OpsContent(OpsKind.SOURCE_WARNING, now, source_id, warning), warning)


def _rule_notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """A rule that cannot be judged is told when that begins, and when its reason changes."""
    for rule in study.rules:
        finding = last_findings(conn, study.id, rule_id=rule.id, keys=[(rule.id, "study")]).get((rule.id, "study"))
        if finding is not None and finding.state is State.NOT_EVALUABLE:
            yield _rule_notice(
                conn, study, now, rule, finding.reason, last_finding_id(conn, study.id, rule.id, "study")
            )


def _unwatched(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """Rules by arm that cannot be judged at all: told to the closed channel, again after they were judged between."""
    judged = read_head(conn, study.id).evaluated_batch_no
    for rule in study.rules:
        yield _rule_notice(conn, study, now, rule, study.unwatched, study.unwatched, judged)


def _rule_notice(conn: Connection, study: Study, now: datetime, rule: Rule, reason: str, *identity: object) -> Notice:
    """Nobody watches a rule: told to ops; of a rule by arm, whose reason may tell an arm, to the closed channel."""
    audience = Audience.CLOSED if study.unblinded else Audience.OPS
    content = OpsContent(OpsKind.RULE_FAILED, now, rule.id, reason, audience=audience)
    return replace(_ops(conn, study, content, *identity), audience=audience)


def _outbox_notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """Messages that wait too long; those that are held are told by delivery itself."""
    age = outbox.oldest_open_age(conn, study.clock.wall(), study_ids=[study.id])
    if age is not None and age > SLOW:
        began = study.clock.wall() - age
        yield _ops(conn, study, OpsContent(OpsKind.OUTBOX_SLOW, now, since=began), began)


def _calls(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """The next role is called, in the alert's thread and aloud, for each step that passed without an answer.

    The steps count from when people were told, or from the withdrawal of an acknowledgement given by mistake. A
    crossing calls until somebody answers, also where its basis or its rule has changed since. A role that may not read
    the alert is not called: the role responsible for its audience is.
    """
    steps = study.config.slack.escalate
    if not steps:
        return
    withdrawn = _withdrawals(conn, study.id)
    for item in alerts.open_alerts(conn, study.id):
        met = item.ever_crossed or item.state is State.PROVISIONAL
        if item.acknowledgement is not None or not met or item.urgency is Urgency.ROUTINE:
            continue
        parent = alert_key(conn, study.id, item.rule_id, item.scope, item.episode)
        began = withdrawn.get(item.alert_id) or _told_at(conn, item, parent, now - steps[0].after)
        for number, step in enumerate(steps, start=1):
            if began is not None and began + step.after <= now:
                minutes, role = int(step.after.total_seconds() // 60), _called(step.to, item.audience)
                yield Notice(
                    key(conn, study.id, "escalation", item.rule_id, item.scope, item.episode, number, began),
                    StepContent("escalation", item.version, role=role.value, after_minutes=minutes),
                    audience=item.audience, kind="reply", priority=PRIORITY[item.urgency], alert_id=item.alert_id,
                    alert_version=item.version, thread_key=parent, broadcast=True,
                )  # fmt: skip


def _told_at(conn: Connection, item: OpenAlert, parent: str, latest: datetime) -> datetime | None:
    """When an alert that was opened by `latest` was first told: at its opening, or, where it was already true when
    monitoring began, with the change that its message was posted for; None where it was not told."""
    posted = outbox.find(conn, parent) if item.opened_at <= latest else None
    if posted is None:
        return None
    c = alert_version.c
    told = (c.alert_id == item.alert_id) & (c.version == posted.alert_version)
    return conn.execute(select(c.at).where(told)).scalar_one_or_none() or item.opened_at


def _called(role: Role, audience: Audience) -> Role:
    return role if role in able_roles(Act.WHY, audience) else RESPONSIBLE[audience]


def _withdrawals(conn: Connection, study_id: str) -> dict[int, datetime]:
    """Alert → when an acknowledgement of it was last taken back."""
    c = response.c
    mine = (c.study_id == study_id) & (c.kind == ResponseKind.WITHDRAWN.value)
    rows = conn.execute(select(c.alert_id, func.max(c.at)).where(mine).group_by(c.alert_id))
    return {row[0]: row[1] for row in rows}


def _already_said(conn: Connection, study_id: str, keys: list[str]) -> set[str]:
    if not keys:
        return set()
    query = select(outbox_table.c.delivery_key).where(outbox_table.c.study_id == study_id)
    return set(keys) & set(conn.execute(query.where(outbox_table.c.delivery_key.in_(keys))).scalars())


def queue(conn: Connection, study: Study, notice: Notice) -> int:
    """Queue a notice in the caller's transaction; the same key queues nothing twice. Returns its number."""
    values: dict[str, Any] = {
        "audience": notice.audience.value, "kind": notice.kind, "content": stored_body(notice.content),
        "priority": notice.priority, "alert_id": notice.alert_id, "alert_version": notice.alert_version,
        "thread_key": notice.thread_key, "broadcast": notice.broadcast,
    }  # fmt: skip
    return outbox.enqueue(conn, study_id=study.id, delivery_key=notice.key, created_at=study.clock.wall(), **values)
