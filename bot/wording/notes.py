"""The scheduled note, the answer to `status`, and the starting state: silence must never be ambiguous.

The words "all quiet" are not used: nothing new does not mean safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bot.views import (
    ClosedView,
    OpenAlertLine,
    OpenView,
    RuleLine,
    SourceLine,
    StartingStateContent,
    StatusContent,
    WeekContent,
    scope_name,
)
from bot.wording.alerts import unescaped_lines
from bot.wording.duty import on_cover
from bot.wording.forms import DECISIONS
from bot.wording.phrases import FINE, LOOK, MARK, MARK_SENTENCE, STATE, STOP, marked
from bot.wording.said import Said
from bot.wording.text import SENTENCE, count, listed, mention, mentions, safe, unescaped, words
from bot.wording.times import hour, length, moment, zone
from rules.model import State

_MET = (State.CROSSED, State.PROVISIONAL)
_UNWATCHED = (State.NOT_EVALUABLE, State.BEYOND_DESIGN)
_NAMED = (State.PROVISIONAL, State.NEAR, State.BEYOND_DESIGN)
SHOWN = 10
"""Open alerts named in one note."""

NOTHING_NEW = "Nothing new does not mean safe."


def note(view: OpenView | ClosedView) -> Said:
    """The daily note, or the answer to `status` where no next note is named. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, StatusContent):
        raise TypeError(f"no status but {type(content).__name__}")
    failed = failures(content)
    shape, title = _title(content, failed)
    zone_name = view.setting.timezone
    lines = [
        *failed,
        _evaluated(content),
        *_states(content, zone_name),
    ]
    after = [on_cover(content.on_cover, view.setting), _records(content, zone_name)]
    foot = _foot(content, zone_name)
    late = [f"Late: this note was due {moment(content.due_at, zone_name)}."] if content.due_at else []
    study = safe(view.setting.study_id)
    return Said(
        text=marked(
            unescaped_lines([f"{title} · {study}.", *late, *lines, *_open(content), *after, *foot]), view.setting.mode
        ),
        head=f"{shape} {marked(unescaped(title), view.setting.mode)}",
        lines=tuple(filter(None, [*late, *lines, *_open(content, linked=True), *after])),
        meta=(*foot, *_record(content), *filter(None, [MARK[view.setting.mode]])),
    )


def failures(content: StatusContent) -> list[str]:
    """What could not be checked, the cause first; empty when everything could."""
    failed = [safe(problem, SENTENCE) for problem in content.problems]
    failed += [_stale(source) for source in content.sources if not source.current]
    failed += [
        f"{safe(line.rule_id)} {STATE[line.state]}: {safe(line.reason or 'no reason recorded', SENTENCE)}"
        for line in content.rules
        if line.state in _UNWATCHED
    ]
    if content.evaluated_at is None:
        failed.append("The rules have not been evaluated yet.")
    return failed


def _title(content: StatusContent, failed: list[str]) -> tuple[str, str]:
    still = f"{count(len(content.alerts), 'alert')} still open" if content.alerts else "no alert open"
    if failed:
        return LOOK, f"Could not check everything · {still}"
    if content.newly:
        return STOP, f"Checked: {count(len(content.newly), 'rule')} newly crossed · {still}"
    if content.changed:
        return LOOK, f"Checked: {count(len(content.changed), 'alert')} changed · {still}"
    return FINE, f"Checked: nothing new · {still}"


def _stale(source: SourceLine) -> str:
    reason = f": {safe(source.reason, SENTENCE)}" if source.reason else ""
    return f"Records from {safe(source.source_id)} are not current{reason}."


def _evaluated(content: StatusContent) -> str:
    judged = [line for line in content.rules if line.state not in _UNWATCHED and not _is_early(line)]
    newly = f"{listed(map(safe, content.newly))} newly crossed" if content.newly else "none newly crossed"
    changed = f" Changed since the last note: {listed(map(safe, content.changed))}." if content.changed else ""
    early = [_early(line) for line in content.rules if _is_early(line)]
    too_early = f" Too early to judge: {listed(early)}." if early else ""
    return f"{len(judged)} of {count(len(content.rules), 'rule')} evaluated, {newly}.{changed}{too_early}"


def _is_early(line: RuleLine) -> bool:
    """Outcomes are open that the rule needs; a reporting clock that runs is judged all the same."""
    return line.state is State.PENDING and line.clocks is None


def _early(line: RuleLine) -> str:
    needs = f", needs {line.needs}" if line.needs else ""
    return f"{safe(line.rule_id)} ({line.n_evaluable} evaluable{needs})"


def _states(content: StatusContent, timezone: str) -> list[str]:
    named = [line for line in content.rules if line.state in _NAMED and line.clocks is None]
    running = [line for line in content.rules if line.clocks and line.due_at]
    return [
        *(f"{safe(line.rule_id)} {STATE[line.state]}: {figures(line)}." for line in named),
        *(_running(line, content, timezone) for line in running),
    ]


def _running(line: RuleLine, content: StatusContent, timezone: str) -> str:
    """`Clocks: sponsor-report, 2 running, the first due Fri 15 May 2026 08:10 CDT (UTC−5).`"""
    assert line.due_at is not None
    due = "overdue since" if line.due_at <= content.at else "due"
    return f"Clocks: {safe(line.rule_id)}, {line.clocks} open, the first {due} {moment(line.due_at, timezone)}."


def figures(line: RuleLine) -> str:
    """`3 events, stops at 4 of 7`; `2 events` where no count can stop."""
    among = f" of {line.at_n}" if line.at_n else ""
    stops = f", stops at {line.stop_at}{among}" if line.stop_at is not None else ""
    return f"{count(line.events, 'event')}{stops}"


def _open(content: StatusContent, *, linked: bool = False) -> list[str]:
    """A line each open alert; `linked` where an address can be followed, which nobody wants read aloud."""
    shown = [_open_alert(alert, content, linked=linked) for alert in content.alerts[:SHOWN]]
    if len(content.alerts) > SHOWN:
        shown.append(f"Showing {SHOWN} of {len(content.alerts)} open alerts.")
    return shown


def _open_alert(alert: OpenAlertLine, content: StatusContent, *, linked: bool) -> str:
    """`Open: related-serious, acknowledged, no decision for 2 days → view`; nobody is mentioned."""
    scope = "" if alert.scope == "study" else f" ({safe(scope_name(alert.scope))})"
    view = f" → <{alert.link}|view>" if linked and alert.link else "."
    return f"Open: {safe(alert.rule_id)}{scope}, {_answered(alert, content)}{view}"


def _answered(alert: OpenAlertLine, content: StatusContent) -> str:
    if alert.decided_at is not None and not alert.asks_again:
        ago = length(content.at - alert.decided_at)
        return f"decided {ago} ago: {DECISIONS.get(alert.decision, safe(alert.decision)).lower()}, not resolved"
    seen = "not acknowledged" if alert.acknowledged_at is None else "acknowledged"
    if alert.asks_again:
        return f"{seen}, met again since it was decided to continue"
    if alert.acknowledged_at is None:
        age = content.at - alert.opened_at
        return f"not acknowledged for {length(age)}" if age >= timedelta(minutes=1) else "not acknowledged yet"
    return f"{seen}, no decision for {length(content.at - alert.acknowledged_at)}"


def _records(content: StatusContent, timezone: str) -> str:
    if not content.sources:
        return "Records: no source has been read yet."
    read = [_read(source, content, timezone) for source in content.sources]
    known = any(source.last_complete_at for source in content.sources)
    every = {1: "current", 2: "both current"}.get(len(read), "all current")
    said = [", ".join(read) + (f" {zone(content.at, timezone)}" if known else "")]
    said += [every] if all(source.current for source in content.sources) else []
    return f"Records: {', '.join(said)}."


def _read(source: SourceLine, content: StatusContent, timezone: str) -> str:
    if source.last_complete_at is None:
        return f"{safe(source.source_id)} never read completely"
    return f"{safe(source.source_id)} {hour(source.last_complete_at, timezone, beside=content.at, offset=False)}"


def _foot(content: StatusContent, timezone: str) -> list[str]:
    said = []
    if content.next_at and content.down_at:
        ops = mentions(content.ops) if content.ops else "the operators"
        down = hour(content.down_at, timezone, beside=content.next_at, offset=False)
        absent = f"None by {down}? Assume DSMBot is down and tell {ops}."
        said.append(f"Next note {moment(content.next_at, timezone)}. {absent}")
    else:
        said.append(f"As of {moment(content.at, timezone)}.")
    return [*said, NOTHING_NEW]


def _record(content: StatusContent) -> Iterable[str]:
    return [f"Record {content.seq:,} · {safe(content.digest[:4])}…"] if content.seq else []


def week(view: OpenView | ClosedView) -> Said:
    """The head of a week's thread of daily notes. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, WeekContent):
        raise TypeError(f"no week but {type(content).__name__}")
    day = moment(content.monday, view.setting.timezone)
    title = f"Daily notes{' by group' if content.by_group else ''}, week of {' '.join(day.split()[:4])}"
    meaning = (
        "One note a day in this thread: what was checked, what could not be, what is open. A missing note is news."
    )
    return Said(
        text=marked(f"{title} · {safe(view.setting.study_id)}. {meaning}", view.setting.mode),
        head=marked(title, view.setting.mode),
        lines=(meaning,),
        meta=tuple(filter(None, [MARK_SENTENCE[view.setting.mode]])),
    )


def starting_state(view: OpenView | ClosedView) -> Said:
    """What was already so when monitoring began, for one person to accept. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, StartingStateContent):
        raise TypeError(f"no starting state but {type(content).__name__}")
    study, timezone = safe(view.setting.study_id), view.setting.timezone
    title = "Monitoring began: this is the starting state"
    found = f"{count(content.events, 'adverse event')} of {count(content.subjects, 'subject')} were already recorded."
    crossed = f"Already met, each alerted on its own: {listed(map(safe, content.crossed))}." if content.crossed else ""
    if content.covered:
        covered = listed(map(safe, content.covered))
        crossed = f"{crossed} Already met by events recorded before, not alerted one by one: {covered}.".strip()
    if not crossed:
        crossed = "No rule was already met."
    who = mentions(content.mention) if content.mention else f"The {words(content.role)}"
    ask = f"{who}, please accept this starting state; nothing of it is alerted again."
    rules = [f"{safe(r.rule_id)}: {STATE[r.state]}, {figures(r)}." for r in content.rules if r.state not in _MET]
    return Said(
        text=marked(unescaped_lines([f"{title.upper()} · {study}.", found, crossed, ask]), view.setting.mode),
        head=f"{LOOK} {marked(title, view.setting.mode)}",
        lines=tuple(filter(None, [f"*{found}* {crossed}", *rules, ask])),
        meta=tuple(filter(None, [f"As of {moment(content.at, timezone)}.", MARK_SENTENCE[view.setting.mode]])),
        status=_accepted(content, timezone),
    )


def _accepted(content: StartingStateContent, timezone: str) -> str:
    if content.accepted_at is None:
        return "○ Not accepted yet"
    return f"● Accepted by {mention(content.accepted_by)} {hour(content.accepted_at, timezone, beside=content.at)}"
