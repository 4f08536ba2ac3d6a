"""Doubtful records for ops: by source, file, column and row, never by value."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from bot.views import FaultLine
from storage.schema import batch, canonical, fault

ROWS_SHOWN = 20
"""Row numbers listed per line; the total is always said."""


def fault_lines(conn: Connection, study_id: str) -> Iterator[tuple[str, str, tuple[FaultLine, ...], int]]:
    """Faults of the latest batch of each source.

    Yields
    ------
    source id, digest of its faults (equal faults, equal digest), one line per file, column and kind, total.
    """
    latest = select(func.max(batch.c.batch_no)).where(batch.c.study_id == study_id).group_by(batch.c.source_id)
    query = (
        select(fault)
        .join(batch, batch.c.ingest_id == fault.c.ingest_id)
        .where(batch.c.study_id == study_id, batch.c.batch_no.in_(latest))
        .order_by(fault.c.source_id, fault.c.file, fault.c.variable, fault.c.kind, fault.c.row_no)
    )
    rows: dict[str, dict[tuple[str, str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in conn.execute(query):
        rows[row.source_id][row.file, row.variable, row.kind].append(row.row_no)
    for source_id, found in rows.items():
        lines = tuple(
            FaultLine(source_id, file, variable, kind, tuple(numbers[:ROWS_SHOWN]), len(numbers))
            for (file, variable, kind), numbers in found.items()
        )
        text = canonical([[*key, numbers] for key, numbers in found.items()])
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        yield source_id, digest, lines, sum(line.total for line in lines)
