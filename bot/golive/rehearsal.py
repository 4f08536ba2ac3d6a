"""A rehearsal of one configuration: its own rules over its own records in a practice workspace, told and counted.

Everything is real but the workspace, the database and the time: both are forgotten afterwards. Groups are dealt at
random, so that nothing of an allocation can be shown; what is for the board alone is posted there and not reported.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from bot.app import connect, now_utc, opened
from bot.config import Secrets, StudyConfig
from bot.demo.stage import QUICK, SimulatedTime, Stage
from bot.golive.rehearsed import SHOWN, Rehearsed, RuleRehearsed, Told
from bot.lookup.standing import MET, SINGLE
from bot.polling import Polled
from bot.practice import workspace_for
from bot.slack.history import Pace
from bot.study import Clock, Study, by_arm
from bot.views import Mode
from bot.workspace.server import RunningWorkspace, serve
from rules.model import Audience
from storage.alerts import open_alerts
from storage.findings import last_findings
from storage.outbox_rows import PAGES, Status
from storage.schedule import due_instants
from storage.schema import outbox

PATIENCE = 120.0
"""Seconds for the practice workspace to take everything."""


def rehearse(config: StudyConfig, now: datetime) -> Rehearsed:
    """Play a study's first evaluation, its next daily note and its next weekly summary.

    Parameters
    ----------
    config: as it is to go live.   now: aware UTC; the notes are taken at the times at which they will be due.
    """
    with _stage(config, now) as stage:
        polled = list(stage.look().polled)
        scheduled = {
            name: due_instants(str(schedule), config.plan.timezone, now, now + timedelta(days=9))[0]
            for name, schedule in (
                ("daily note", config.schedule.daily_note),
                ("weekly summary", config.schedule.open_summary),
            )
        }
        for due in sorted(scheduled.values()):
            stage.time.at = max(stage.time.at, due + timedelta(minutes=1))
            stage.look()
        stage.settle(PATIENCE)
        return _seen(stage, polled, scheduled)


@contextmanager
def _stage(config: StudyConfig, now: datetime) -> Iterator[Stage]:
    """The study over a database and in a workspace that are forgotten, without its second path: nobody is paged."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dsmbot-rehearsal-")))
        storage = config.storage.model_copy(update={"url": f"sqlite:///{folder / 'rehearsal.db'}"})
        slack = config.slack.model_copy(update={"paging": "none"})
        played = replace(config, storage=storage, slack=slack)
        workspace = serve(workspace_for([played], mark="rehearsal"), port=0)
        stack.callback(workspace.stop)
        simulated = SimulatedTime(now)
        secrets = Secrets(workspace.bot_token, workspace.app_token, api_url=workspace.base_url)
        clock = Clock(study=simulated.now, wall=now_utc)
        composed = stack.enter_context(opened([played], mode=Mode.REHEARSAL, secrets=secrets, clock=clock))
        connection = connect(composed, secrets, needs_socket=False, timing=QUICK, pace=Pace(page=100, seconds=0))
        stack.callback(connection.close)
        yield Stage(composed.studies[0], workspace, connection, simulated)


def _seen(stage: Stage, polled: Iterable[Polled], scheduled: Mapping[str, datetime]) -> Rehearsed:
    """Hold what the database says is due to people against what stands in the workspace."""
    study = stage.study
    visible = _visible(stage.workspace)
    c = outbox.c
    sides = [side.id for side in (study, study.closed) if side]
    posted = (c.study_id.in_(sides), c.kind.not_in((*PAGES, "file")), c.status != Status.SUPERSEDED.value)
    with study.database.reading() as conn:
        rows = conn.execute(select(outbox).where(*posted)).all()
        rules = list(_rules(conn, study, {row.alert_id for row in rows if row.delivery_key in visible}, rows))
    expected = Counter((Audience(row.audience), row.kind) for row in rows)
    actual = Counter((Audience(row.audience), row.kind) for row in rows if row.delivery_key in visible)
    return Rehearsed(
        rules=tuple(rules),
        messages=tuple(Told(*one, number, actual[one]) for one, number in sorted(expected.items()) if one[0] in SHOWN),
        closed_complete=all(actual[one] == number for one, number in expected.items() if one[0] not in SHOWN),
        failed=tuple(f"{one.source_id}: {one.reason}" for one in polled if one.outcome == "failed"),
        scheduled=scheduled,
    )


def _rules(
    conn: Connection, study: Study, told: Collection[int | None], rows: Sequence[Any]
) -> Iterator[RuleRehearsed]:
    """Each rule: how often today's records meet it, and how many of its alerts people were told."""
    findings, alerts = last_findings(conn, study.id), open_alerts(conn, study.id)
    lists = {(Audience(row.audience), row.kind) for row in rows if row.kind in ("group", "note")}
    for rule in study.config.rules:
        if getattr(rule, "retired", None):
            continue
        if rule.audience not in SHOWN or by_arm(rule):
            yield RuleRehearsed(rule.id, rule.audience, shown=False)
            continue
        met = sum(one.state in MET for (rule_id, _), one in findings.items() if rule_id == rule.id)
        mine = [one.alert_id for one in alerts if one.rule_id == rule.id and one.state in MET]
        alone = sum(one in told for one in mine)
        listing = (rule.audience, "note" if rule.kind in SINGLE else "group")
        listed = len(mine) - alone if listing in lists else 0
        yield RuleRehearsed(rule.id, rule.audience, met, alone + listed, listed)


def _visible(workspace: RunningWorkspace) -> set[str]:
    """Delivery keys of every message that stands in the workspace, replies included."""
    return {message.delivery_key() for message in workspace.workspace.store.all() if not message.deleted}
