"""Reporting clocks in words: what is due when, what it is counted from, and what has ended it.

A due time is the time of a duty, not of an event: it is shown to the minute where event dates are not shown at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.contents.clocks import ClockRow, Stands, clock_rows, clocks_running
from bot.views import AlertContent
from bot.wording.figures import event_facts, hangs_on
from bot.wording.phrases import LOOK, STOP
from bot.wording.text import safe
from bot.wording.times import length, moment, whole_day
from rules.model import Reason, State

CLOCK = "clock"
"""The kind of rule whose alerts are told here."""

_FROM = {
    "recorded": "recorded awareness",
    "in part": "the start of the recorded day of awareness",
    "assumed": "the earliest recorded time",
}
_TITLES: Mapping[State, tuple[str, str]] = {
    State.CROSSED: (STOP, "Report overdue"),
    State.PROVISIONAL: (LOOK, "Report would be overdue"),
    State.NEAR: (LOOK, "Report due soon"),
    State.PENDING: (LOOK, "Report running"),
}
_RECORD = {
    "downgraded": "The event was downgraded since: it would start none today. That ends none; a person must decide.",
    "deleted": "The event's record was deleted since. That ends no clock; a person must decide.",
}
_PLEASE = "Awareness time is missing; please record it."
_SUBMITS = "DSMBot submits nothing; a clock ends when its report is recorded in the source."
_FURTHER = "A further clock has begun."


def clock_line(row: ClockRow, timezone: str) -> str:
    """`Sponsor report: 24 h from recorded awareness, due Fri 15 May 2026 08:10 CDT (UTC−5)`."""
    upgrade = f" of the upgrade ({row.ground})" if row.ground not in ("awareness", "upgrade") else ""
    upgrade = " of the upgrade" if row.ground == "upgrade" else upgrade
    since = f"{safe(row.name)}: {safe(row.limit)} from {_FROM[row.awareness]}{upgrade}"
    due = due_time(row, timezone)
    if row.stands is Stands.SUBMITTED:
        return f"{since}, due {due}; {_submitted(row, timezone)}"
    if row.stands is Stands.WITHDRAWN:
        return f"{since}: not due, for what was missing is recorded now"
    return f"{since}, {'overdue since' if row.stands is Stands.OVERDUE else 'due'} {due}"


def due_time(row: ClockRow, timezone: str) -> str:
    """When it is due; the end of a day by the day that ends."""
    if not row.end_of_day:
        return moment(row.due_at, timezone)
    return f"the end of {whole_day(row.due_at - timedelta(minutes=1), timezone)}"


def _submitted(row: ClockRow, timezone: str) -> str:
    assert row.submitted_at is not None
    if row.submitted_day_only:
        return f"submitted {whole_day(row.submitted_at, timezone)}{', late' if row.late else ''}"
    late = f", {length(row.submitted_at - row.due_at)} late" if row.late else ", in time"
    return f"submitted {moment(row.submitted_at, timezone)}{late}"


def clock_notes(rows: tuple[ClockRow, ...], timezone: str) -> list[str]:
    """A sentence for each open clock of an event, and what is missing about awareness."""
    lines = [f"{clock_line(row, timezone)}." for row in rows if row.open]
    return [*lines, *([_PLEASE] if any(row.open and row.awareness == "assumed" for row in rows) else [])]


def clock_title(content: AlertContent) -> tuple[str, str]:
    """Shape and title of the parent message of a clock."""
    ended = "Report submitted" if content.finding.details.get("done") else "Not due on today's records"
    return _TITLES.get(content.finding.state, (LOOK, ended))


def change_title(content: AlertContent) -> tuple[str, str]:
    """Shape and title of the reply that tells one version of a clock's alert."""
    if content.reason is Reason.BASIS_CHANGED:
        return LOOK, "Basis changed"
    if content.reason is Reason.CONFIRMED:
        return STOP, "Confirmed: report overdue"
    return clock_title(content)


def clock_sentences(content: AlertContent, timezone: str) -> tuple[str, list[str]]:
    """The clock that matters most, and everything else that must be known of the event and its clocks."""
    finding = content.finding
    rows = clock_rows([finding])
    shown = clocks_running([finding]) or rows[-1:]
    first, *others = [f"{clock_line(row, timezone)}." for row in (*shown, *(r for r in rows if r not in shown))]
    doubts = [f"{s[0].upper()}{s[1:]}" for s in hangs_on(finding, as_treated=True) if "wareness" not in s]
    missing = [_PLEASE] if any(row.open and row.awareness == "assumed" for row in rows) else []
    record = _RECORD.get(str(finding.details.get("record")), "")
    return first, [f"{event_facts(finding, shown=True)}.", *others, *doubts, *missing, *filter(None, [record])]


def clock_meaning(content: AlertContent) -> list[str]:
    """What a reply adds to the clocks themselves."""
    return ([_FURTHER] if content.reason is Reason.MET_AGAIN else []) + [_SUBMITS]


def submits_nothing() -> str:
    """What DSMBot does not do about a clock."""
    return _SUBMITS
