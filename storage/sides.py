"""The two sides of a study: what open data give, and what rules by arm find.

The closed side is a history of its own beside the open one: its own head, audit chain, evaluations, alerts and
notifications, under an id that no configuration can spell. Whatever happens there moves no number, hash or order of
the open side (ADR 0007). Records belong to the study and lie under its own id.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, func, select, text

_CLOSED = "#closed"
_FIRST = -(2**62)
"""Row numbers of closed sides count up from here, those of open sides from 1."""


def closed_side(study_id: str) -> str:
    """The id under which the closed side of a study is stored."""
    return study_id + _CLOSED


def is_closed(side_id: str) -> bool:
    """Whether an id is that of a closed side."""
    return side_id.endswith(_CLOSED)


def study_of(side_id: str) -> str:
    """The study that a side belongs to, whose records it reads."""
    return side_id.removesuffix(_CLOSED)


def numbered(conn: Connection, column: Column[Any], side_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their numbers, where the database would give other ones if the closed side did not exist.

    Numbers of the open side are in its audit entries and in the keys of its messages, so that they must not tell
    how many rows a closed side has: its own rows are numbered below zero, and the first row of an open side after
    them is 1.

    Parameters
    ----------
    column: the autoincremented key.   side_id: whose rows they are.
    rows: to be inserted now, in the caller's writing transaction.
    """
    if not is_closed(side_id):
        last = conn.execute(select(func.max(column))).scalar_one() if conn.dialect.name == "sqlite" else None
        return [{**row, column.name: n} for n, row in enumerate(rows, 1)] if last is not None and last < 0 else rows
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('dsmbot closed side'))"))
    last = conn.execute(select(func.max(column)).where(column < 0)).scalar_one()
    return [{**row, column.name: n} for n, row in enumerate(rows, _FIRST if last is None else last + 1)]
