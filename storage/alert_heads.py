"""Where each alert stands, derived from its history: the cache `alert_head` and how it is made anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from rules.model import State
from storage import sealing
from storage.alert_stands import stands
from storage.schema import alert, alert_head, alert_version, response


def rebuild_heads(conn: Connection, study_id: str) -> int:
    """Make `alert_head` anew from versions and responses. Returns the number of alerts."""
    derived = derived_heads(conn, study_id)
    conn.execute(delete(alert_head).where(alert_head.c.study_id == study_id))
    if derived:
        conn.execute(insert(alert_head), derived)
    return len(derived)


def derived_heads(conn: Connection, study_id: str) -> list[dict[str, Any]]:
    """Where each alert must stand according to its history: rows of `alert_head`, by alert."""
    rows = conn.execute(select(alert).where(alert.c.study_id == study_id).order_by(alert.c.alert_id)).all()
    ids = [row.alert_id for row in rows]
    last_episode: dict[tuple[str, str], int] = {}
    for row in rows:
        last_episode[row.rule_id, row.scope] = max(row.episode, last_episode.get((row.rule_id, row.scope), 0))
    versions = grouped(conn, select(alert_version).order_by(alert_version.c.version), alert_version.c.alert_id, ids)
    answers = grouped(conn, select(response).order_by(response.c.response_id), response.c.alert_id, ids)
    return [
        _derived_head(
            row, last_episode[row.rule_id, row.scope] == row.episode, versions[row.alert_id],
            [sealing.opened(conn, study_id, version.finding)["state"] for version in versions[row.alert_id]],
            answers.get(row.alert_id, []),
        )
        for row in rows
    ]  # fmt: skip


def _derived_head(
    row: Any, is_last: bool, versions: Sequence[Any], states: Sequence[str], answers: Sequence[Any]
) -> dict[str, Any]:
    return {
        "alert_id": row.alert_id,
        "study_id": row.study_id,
        "rule_id": row.rule_id,
        "scope": row.scope,
        "episode": row.episode,
        "latest_episode": is_last,
        "version": versions[-1].version,
        "revision": len(versions) + len(answers),
        "rule_version": versions[-1].rule_version,
        "state": states[-1],
        "ever_crossed": State.CROSSED.value in states,
        **stands(versions, answers).columns(),
    }


def standing_now(conn: Connection, alert_id: int) -> dict[str, Any]:
    """Columns of `alert_head` that people and versions move, by the alert's whole history."""
    v, r = alert_version.c, response.c
    spoken = select(v.version, v.at, v.reason).where(v.alert_id == alert_id).order_by(v.version)
    answers = select(response).where(r.alert_id == alert_id).order_by(r.response_id)
    return stands(conn.execute(spoken).all(), conn.execute(answers).all()).columns()


def grouped(conn: Connection, query: Select[Any], column: Any, ids: Sequence[int]) -> dict[int, list[Any]]:
    """Rows of a query by `alert_id`, in the order of the query, asked for in portions of 500 alerts."""
    groups: dict[int, list[Any]] = {}
    for start in range(0, len(ids), 500):
        for row in conn.execute(query.where(column.in_(ids[start : start + 500]))):
            groups.setdefault(row.alert_id, []).append(row)
    return groups
