"""Answers to `alerts` and `aes`: one line each, what does not fit counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.contents.questions import AlertLine, AlertsContent, EventsContent
from bot.views import ClosedView, OpenView, scope_name
from bot.wording.phrases import FINE, LOOK, MARK, STATE, STOP, URGENCY, marked
from bot.wording.said import Said
from bot.wording.text import count, listed, mention, safe, unescaped
from bot.wording.times import hour, length, moment
from rules.columns import NO, UNKNOWN, YES
from rules.listing import ListedEvent
from rules.model import State, Urgency

SHOWN_ALERTS, SHOWN_EVENTS = 20, 30
"""Lines of one answer; the rest is counted, and given as a file."""

_STANDS = (State.CROSSED, State.PROVISIONAL)
SAFE_SIDE = "A missing causality counts as related and a missing grade as reaching the threshold, as in the rules."


def alerts(view: OpenView | ClosedView) -> Said:
    """The list of alerts. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, AlertsContent):
        raise TypeError(f"no list of alerts but {type(content).__name__}")
    zone, mode = view.setting.timezone, view.setting.mode
    opened = [line for line in content.lines if not line.resolved]
    title = count(len(opened), "alert") + " open" + (f", {len(content.lines)} in all" if content.every else "")
    title = title if content.lines else "No alert" + ("" if content.every else " open")
    lines = [alert_line(line, content.at, zone) for line in content.lines[:SHOWN_ALERTS]]
    if len(content.lines) > SHOWN_ALERTS:
        lines.append(f"Showing {SHOWN_ALERTS} of {len(content.lines):,}.")
    foot = [f"As of {moment(content.at, zone)}.", "Nothing new does not mean safe."]
    plain = "; ".join(lines).replace("*", "").replace("; Showing", ". Showing")
    stop = "." if plain and not plain.endswith(".") else ""
    return Said(
        text=marked(f"{title} · {safe(view.setting.study_id)}. {plain}{stop} {' '.join(foot)}".strip(), mode),
        head=f"{_shape(opened)} {marked(title, mode)}",
        lines=tuple(lines),
        meta=(*foot, *filter(None, [MARK[mode]])),
    )


def _shape(opened: Sequence[AlertLine]) -> str:
    if any(line.state in _STANDS and line.acknowledged_at is None for line in opened):
        return STOP
    return LOOK if opened else FINE


def alert_line(line: AlertLine, at: datetime, zone: str) -> str:
    """`🛑 *related-serious* · subject P-014 · met, critical · open for 2 days · not acknowledged · no. 12`."""
    sign = FINE if line.resolved else STOP if line.urgency is Urgency.CRITICAL and line.state in _STANDS else LOOK
    about = f"subject {safe(line.subject)}" if line.subject else _scope(line.scope)
    if line.acknowledged_at is not None:
        seen = f"acknowledged by {mention(line.acknowledged_by)} {hour(line.acknowledged_at, zone, beside=at)}"
    else:
        seen = "" if line.resolved else "not acknowledged"
    age = f"opened {length(at - line.opened_at)} ago"
    state = f"{STATE[line.state]}, {URGENCY[line.urgency]}"
    parts = [f"*{safe(line.rule_id)}*", about, state, age, seen, *_done(line, at, zone)]
    return f"{sign} " + " · ".join(filter(None, [*parts, f"no. {line.alert_id}"]))


def _done(line: AlertLine, at: datetime, zone: str) -> list[str]:
    """What people did beyond acknowledging."""
    if line.resolved:
        return ["resolved"]
    said = ["decision recorded"] if line.decided else ["no decision yet"] if line.acknowledged_at else []
    said += [f"assigned to {mention(line.assignee)}"] if line.assignee else []
    rests = line.snoozed_until is not None and line.snoozed_until > at
    return [*said, *([f"snoozed until {hour(line.snoozed_until, zone, beside=at)}"] if rests else [])]  # type: ignore[arg-type]


def _scope(scope: str) -> str:
    return "" if scope in ("study", "") else safe(scope_name(scope))


def events(view: OpenView | ClosedView) -> Said:
    """The list of adverse events. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, EventsContent):
        raise TypeError(f"no list of events but {type(content).__name__}")
    zone, mode = view.setting.timezone, view.setting.mode
    which = f" ({', '.join(map(safe, content.filters))})" if content.filters else ""
    title = f"{count(len(content.events), 'adverse event')} in {count(content.subjects, 'subject')}"
    lines = [event_line(event) for event in content.events[:SHOWN_EVENTS]]
    if len(content.events) > SHOWN_EVENTS:
        lines.append(f"Showing {SHOWN_EVENTS} of {len(content.events):,}; all of them are in the file.")
    among = f"Of {count(content.total, 'event')} recorded; {count(content.treated, 'treated subject')}."
    unknown = SAFE_SIDE if any(_missing(event) for event in content.events) else ""
    foot = list(filter(None, [among, unknown, f"Data as of {moment(content.data_as_of, zone)}. Coded terms only."]))
    plain = "; ".join(lines).replace("*", "").replace("• ", "")
    stop = "." if plain and not plain.endswith(".") else ""
    return Said(
        text=marked(f"{title}{which} · {safe(view.setting.study_id)}. {plain}{stop} {' '.join(foot)}", mode),
        head=marked(unescaped(title), mode),
        lines=(*([f"*Filters:* {listed(map(safe, content.filters))}."] if content.filters else []), *lines),
        meta=(*foot, *filter(None, [MARK[mode]])),
    )


def event_line(event: ListedEvent, *, subject: bool = True) -> str:
    """`• P-014 · *Rash* · grade 3 · serious · related · day 12–20`."""
    who = [safe(event.usubjid)] if subject else []
    return "• " + " · ".join([*who, f"*{safe(event.term or 'uncoded')}*", *facts(event)])


def facts(event: ListedEvent) -> list[str]:
    """What is recorded of an event, in words; what is not is said, with what it counts as."""
    said = [f"grade {event.grade}" if event.grade else "grade missing"]
    said += {YES: ["serious"], UNKNOWN: ["seriousness missing"], NO: []}[event.serious]
    said += ["fatal"] if event.death == YES else []
    said.append({YES: "related", UNKNOWN: "causality missing", NO: "not related"}[event.related])
    return [*said, days(event.day, event.end)]


def days(day: int | None, end: int | None) -> str:
    """`day 12`, `days 12–20`, `day not exactly known`."""
    if day is None:
        return "day not exactly known"
    return f"days {_signed(day)}–{_signed(end)}" if end not in (None, day) else f"day {_signed(day)}"


def _signed(day: int | None) -> str:
    return f"{day}".replace("-", "−")


def _missing(event: ListedEvent) -> bool:
    return not event.grade or UNKNOWN in (event.related, event.serious)
