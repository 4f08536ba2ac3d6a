"""What time alone brings: the silence of a source, a rule that cannot be judged, a call that nobody answered.

Everything here is derived from what is stored and queued under a key of its own, so that looking twice, from two
threads or after a crash, says it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.contents.faults import fault_lines
from bot.lookup.standing import source_lines
from bot.paging.due import pages
from bot.study import Study
from bot.telling.calling import calls
from bot.telling.holding import held_notices, note_broken
from bot.telling.lasting import Condition, lasting, of_the_process, of_the_second_path, slow_outbox, told
from bot.telling.outgoing import Notice, key, queue
from bot.views import OpsContent, OpsKind, stored_from_body
from rules.evaluate import STUDY
from rules.model import Audience, Finding, State
from storage.findings import last_findings
from storage.heads import read_head
from storage.schema import outbox as outbox_table
from storage.schema import source_state
from storage.source_state import recent_warnings

_SOURCE_KINDS = (OpsKind.SOURCE_FAILED, OpsKind.SOURCE_STALE, OpsKind.SOURCE_RECOVERED)
SLOW = timedelta(minutes=10)
"""A notification that is due for longer than this is told to ops, and `/readyz` says so."""


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
                note_broken(conn, study, notice, now)
    return len(fresh)


def _notices(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    if study.unblinded:
        last = told(conn, study.id, Audience.CLOSED)
        yield from lasting(conn, study, last, _rules(conn, study, now), now)
        yield from calls(conn, study, now)
        yield from pages(conn, study, now)
        yield from held_notices(conn, study, now)
        return
    yield from _source_notices(conn, study, now)
    yield from _fault_notices(conn, study, now)
    yield from _doubts(conn, study, now)
    last = told(conn, study.id, Audience.OPS)
    slow = slow_outbox(conn, study, now, SLOW)
    yield from lasting(conn, study, last, _rules(conn, study, now), now)
    yield from lasting(conn, study, last, of_the_process(study, now, slow), now)
    yield from lasting(conn, study, last, of_the_second_path(conn, study, now), now)
    yield from calls(conn, study, now)
    yield from pages(conn, study, now)
    yield from held_notices(conn, study, now)


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


def _rules(conn: Connection, study: Study, now: datetime) -> Iterator[Condition]:
    """Rules that cannot be judged: told to ops; by arm, where the reason may tell an arm, to the closed channel."""
    audience = Audience.CLOSED if study.unblinded else Audience.OPS
    judged = read_head(conn, study.id).evaluated_batch_no if study.unwatched else 0
    for rule in study.rules:
        reason = study.unwatched
        if not reason:
            finding = last_findings(conn, study.id, rule_id=rule.id, keys=[(rule.id, STUDY)]).get((rule.id, STUDY))
            reason = _unjudged(finding)
        failed = OpsContent(OpsKind.RULE_FAILED, now, rule.id, reason, audience=audience) if reason else None
        yield Condition(OpsKind.RULE_FAILED, rule.id, failed, judged)


def _unjudged(finding: Finding | None) -> str:
    """Why a rule as a whole could not be judged; "" where it could."""
    if finding is None or finding.state is not State.NOT_EVALUABLE:
        return ""
    return finding.reason or "no reason recorded"


def _already_said(conn: Connection, study_id: str, keys: list[str]) -> set[str]:
    if not keys:
        return set()
    query = select(outbox_table.c.delivery_key).where(outbox_table.c.study_id == study_id)
    return set(keys) & set(conn.execute(query.where(outbox_table.c.delivery_key.in_(keys))).scalars())
