"""Reporting clocks as rows, from stored findings: what App Home, the weekly summary and an event's alert show of them.

Pure. Judges nothing: due times and states are those of the finding, which is judged again at every moment at which
time alone would change them. May not word anything, nor decide who reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rules.model import Evidence, Finding


class Stands(StrEnum):
    """How a clock stands: it runs, people were warned, it is overdue; or it ended by a report, or with its doubt."""

    RUNNING = "running"
    WARNED = "warned"
    OVERDUE = "overdue"
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({Stands.RUNNING, Stands.WARNED, Stands.OVERDUE})
"""Clocks that nothing ended yet."""


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock of one event.

    Parameters
    ----------
    rule_id, event_key, usubjid: which rule, event and subject; `term` is the coded term, "" where it is not coded.
    name, limit: of the clock, as the protocol calls it: "Sponsor report", "24 h".
    started_at, due_at: from awareness until when, by the first possible moment (aware UTC).
    stands: see `Stands`.   ground: what started it: awareness, or the upgrade (seriousness, expectedness, causality).
    awareness: "recorded", "in part" (its time of day is missing) or "assumed" (not recorded).
    record: the event is "recorded", or was "downgraded" or "deleted" since, which ends no clock.
    missing: SDTM variables whose missing value was taken as the unsafe one.
    end_of_day: due with the end of the day before `due_at`, which is then a midnight.
    submitted_at: when the report was submitted; None while the clock is open.   late: certainly after it was due.
    submitted_day_only: of that report only the day is recorded.
    """

    rule_id: str
    event_key: str
    usubjid: str
    term: str
    name: str
    limit: str
    started_at: datetime
    due_at: datetime
    stands: Stands
    ground: str = "awareness"
    awareness: str = "recorded"
    record: str = "recorded"
    missing: tuple[str, ...] = ()
    end_of_day: bool = False
    submitted_at: datetime | None = None
    late: bool = False
    submitted_day_only: bool = False

    @property
    def open(self) -> bool:
        """Nothing ended it yet."""
        return self.stands in OPEN


def clock_rows(findings: Iterable[Finding]) -> tuple[ClockRow, ...]:
    """Every clock of every finding of kind `clock`, in order of due time; other findings have none.

    Parameters
    ----------
    findings: the last stored finding of each scope (`storage.findings.last_findings`), or that of an alert version.
        Where the rows are shown in Slack they are cleared by `bot.clearance.findings.clear_finding`: subjects by alias.
    """
    rows = [row for finding in findings for row in _rows(finding)]
    return tuple(sorted(rows, key=lambda row: (row.due_at, row.rule_id, row.event_key, row.name)))


def clocks_running(findings: Iterable[Finding]) -> tuple[ClockRow, ...]:
    """The clocks that nothing ended yet, the earliest due first; overdue ones lead by their nature."""
    return tuple(row for row in clock_rows(findings) if row.open)


def _rows(finding: Finding) -> Iterable[ClockRow]:
    if finding.details.get("counting") != "clocks" or not finding.evidence:
        return ()
    return [_row(finding, finding.evidence[0], told) for told in finding.details.get("clocks", ())]


def _row(finding: Finding, event: Evidence, told: Mapping[str, Any]) -> ClockRow:
    submitted = told.get("submitted_at")
    return ClockRow(
        rule_id=finding.rule,
        event_key=event.event_key,
        usubjid=event.usubjid,
        term=str(event.facts.get("AEDECOD", "")),
        name=str(told["name"]),
        limit=str(told["limit"]),
        started_at=datetime.fromisoformat(told["aware_at"]),
        due_at=datetime.fromisoformat(told["due_at"]),
        stands=Stands(told["stands"]),
        ground=str(told["ground"]),
        awareness=str(told["awareness"]),
        record=str(finding.details.get("record", "recorded")),
        missing=tuple(told.get("missing", ())),
        end_of_day=bool(told.get("end_of_day")),
        submitted_at=datetime.fromisoformat(submitted) if submitted else None,
        late=bool(told.get("late")),
        submitted_day_only=bool(told.get("submitted_day_only")),
    )
