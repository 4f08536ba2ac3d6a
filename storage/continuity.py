"""When a record is another state of an event that is known already, although its row was renumbered or replaced.

A row's number is not an event: sources delete and re-enter rows, and renumber what is left. Where the source names
events itself (AESPID) its word counts; otherwise an event is followed by subject, coded term and onset.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.stored_records import Stored

Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A new or changed row as the source has it now.

    Parameters
    ----------
    record_key, event_key: as computed from the row alone.
    values: kept variables, empty ones left out.   before: what is stored under its key, None if nothing is.
    """

    record_key: str
    event_key: str
    values: Mapping[str, str]
    before: Stored | None


def identity(values: Mapping[str, str]) -> Identity | None:
    """Subject, coded term and onset; None where subject or term is missing, which could be anybody's."""
    subject, term = values.get("USUBJID", ""), values.get("AEDECOD", "")
    return (subject, term, values.get("AESTDTC", "")) if subject and term else None


def continued_events(
    rows: Sequence[Row], gone: Iterable[Stored], event_variable: str | None
) -> tuple[dict[str, str], int]:
    """Event keys of new and changed rows that differ from what the rows say by themselves.

    Parameters
    ----------
    rows: new and changed rows of AE.   gone: records deleted in the same batch.
    event_variable: names the event at the source; None = the row does.

    Returns
    -------
    Record key → event key; and how many events moved to another row, which tells that keys were renumbered.
    """
    variable = event_variable or ""
    kept: dict[str, str] = {}
    free: dict[Identity, list[str]] = defaultdict(list)  # events that no row continues yet
    looking: list[Row] = []
    for stored in sorted(gone, key=lambda item: item.record_key):
        _release(free, stored)
    for row in sorted(rows, key=lambda item: item.record_key):
        before, value = row.before, row.values.get(variable, "")
        if before and value == before.values.get(variable, "") and _same(row, before):
            kept[row.record_key] = before.event_key  # also where it had come from another row
        elif before is None or before.deleted or not value:
            looking.append(row)
            if before and not before.deleted:
                _release(free, before)
    moved = _claim(looking, free, kept)
    _settle(looking, kept, variable)
    own = {row.record_key: row.event_key for row in rows}
    return {key: event for key, event in kept.items() if event != own[key]}, moved


def _claim(looking: Sequence[Row], free: dict[Identity, list[str]], kept: dict[str, str]) -> int:
    """Give free events to rows that look like them. Returns how many moved to another row."""
    moved = 0
    for row in looking:
        who = identity(row.values)
        if who is not None and free[who]:
            kept[row.record_key] = free[who].pop(0)
            moved += row.before is None or row.before.event_key != kept[row.record_key]
    return moved


def _settle(looking: Sequence[Row], kept: dict[str, str], variable: str) -> None:
    """A corrected row keeps its event, unless another row continues it; a number used again names a new event."""
    taken = set(kept.values())
    for row in looking:
        before = row.before
        if row.record_key in kept or before is None or row.values.get(variable):
            continue
        if not before.deleted and before.event_key not in taken:
            kept[row.record_key] = before.event_key
        else:
            kept[row.record_key] = f"{row.record_key}~{before.revisions + 1}"


def _release(free: dict[Identity, list[str]], stored: Stored) -> None:
    who = identity(stored.values)
    if who is not None:
        free[who].append(stored.event_key)


def _same(row: Row, before: Stored) -> bool:
    """The row still speaks of what it spoke of: the same event, corrected, or the deleted one back again."""
    now, then = identity(row.values), identity(before.values)
    return now == then or (not before.deleted and (now is None or then is None))
