"""The page of one person: what needs them now, and how the study stands for what they may read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from bot.access import GRID, Act
from bot.configuration.people import Role
from bot.contents.clocks import clocks_running
from bot.contents.questions import AlertLine, HomeContent
from bot.lookup.alerts import alert_lines
from bot.lookup.rule import rules_of
from bot.lookup.standing import ADVANCE, status_answer
from bot.study import Study
from bot.views import RuleLine
from rules.model import Audience, State
from storage.findings import last_findings

_STANDS = (State.CROSSED, State.PROVISIONAL, State.NOT_EVALUABLE, State.BEYOND_DESIGN)


def home_content(
    conn: Connection, study: Study, audience: Audience, now: datetime, roles: Collection[Role], user_id: str = ""
) -> HomeContent:
    """What one person's page says.

    Parameters
    ----------
    audience: the most that this person may read, decided before.   roles, user_id: of the person.
    """
    status = status_answer(conn, study, audience, now)
    lines = alert_lines(conn, study, audience)
    heard = {rule.id for rule in rules_of(study, audience)}
    clocks = clocks_running(f for f in last_findings(conn, study.id).values() if f.rule in heard)
    mine = tuple(line for line in lines if _waits(line, study, audience, roles, user_id))
    first = next((role for role in Role if role in roles), None)
    return HomeContent(
        audience, now, first.value if first else "", mine, tuple(line for line in lines if line not in mine),
        clocks=clocks, rules=tuple(sorted(status.rules, key=_nearness)), sources=status.sources,
        problems=status.problems,
        evaluated_at=status.evaluated_at, seq=status.seq, digest=status.digest,
    )  # fmt: skip


def _waits(line: AlertLine, study: Study, audience: Audience, roles: Collection[Role], user_id: str) -> bool:
    """It stands, nobody has acknowledged it, and one of these roles may; or it is this person's, and undecided."""
    if user_id and user_id in (line.assignee, line.acknowledged_by) and not line.decided:
        return True
    if line.acknowledged_at is not None or line.state not in _STANDS:
        return False
    about = next((rule.audience for rule in study.config.rules if rule.id == line.rule_id), audience)
    return any(about in GRID[role][Act.ACKNOWLEDGE] for role in roles)


def _nearness(line: RuleLine) -> tuple[int, float, str]:
    """Met first, then by how few events are missing to the boundary."""
    left = line.stop_at - line.events if line.stop_at is not None else 1_000
    return -ADVANCE[line.state], left, line.rule_id
