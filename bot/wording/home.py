"""App Home: what needs this person now, then how the study stands, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.contents.clocks import ClockRow, Stands
from bot.contents.lines import RuleLine, SourceLine
from bot.contents.questions import AlertLine, HomeContent
from bot.views import ClosedView, OpenView
from bot.wording.clocks import clock_line
from bot.wording.listings import alert_line
from bot.wording.notes import NOTHING_NEW, figures
from bot.wording.phrases import ARMS_INVENTED, FINE, LOOK, MARK, MARK_SENTENCE, STATE, STOP, marked
from bot.wording.text import SENTENCE, count, safe, words
from bot.wording.times import hour, moment
from rules.model import Audience, State

SHOWN = 12
"""Alerts of each list, and rules; the rest is counted."""

_SIGN = {State.CROSSED: STOP, State.WITHIN: FINE}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page: its heading (plain text) and its lines (mrkdwn); `alerts`, one each, can be acted on."""

    head: str
    lines: tuple[str, ...] = ()
    alerts: tuple[AlertLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page: parts in order of importance, and small print."""

    parts: tuple[Part, ...]
    meta: tuple[str, ...]


def home(view: OpenView | ClosedView) -> Page:
    """The words of one person's page. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, HomeContent):
        raise TypeError(f"no page but {type(content).__name__}")
    zone, mode = view.setting.timezone, view.setting.mode
    mine = _mine(content, zone)
    others = _alerts(f"Open alerts: {len(content.open)} more", content.open, content, zone)
    clocks = (
        Part(f"Clocks running: {len(content.clocks)}", _some([_clock(row, zone) for row in content.clocks]))
        if content.clocks
        else None
    )
    troubles = Part("Could not be checked", tuple(safe(p, SENTENCE) for p in content.problems))
    parts = [mine, clocks, others, troubles if content.problems else None, _rules(content), _sources(content, zone)]
    judged = f"Rules evaluated {hour(content.evaluated_at, zone, beside=content.at)}." if content.evaluated_at else ""
    meta = [
        f"As of {moment(content.at, zone)}. {judged} {NOTHING_NEW}".replace("  ", " "),
        f"Your role: {words(content.role)}. This page is drawn for you, when you open it and after each click.",
        f"Record {content.seq:,} · {safe(content.digest[:4])}…" if content.seq else "",
        MARK_SENTENCE[mode], ARMS_INVENTED if view.audience is Audience.CLOSED and MARK[mode] else "",
    ]  # fmt: skip
    kept = [part for part in parts if part is not None]
    first = kept[0]
    title = marked(f"{view.setting.study_id} · {first.head}", mode)
    return Page((Part(title, first.lines, first.alerts), *kept[1:]), tuple(filter(None, meta)))


def _mine(content: HomeContent, zone: str) -> Part:
    if not content.mine:
        return Part("Nothing waits for you", ("No alert waits for your acknowledgement.",))
    part = _alerts(f"{count(len(content.mine), 'alert')} for you now", content.mine, content, zone)
    assert part is not None
    return part


def _alerts(head: str, alerts: Sequence[AlertLine], content: HomeContent, zone: str) -> Part | None:
    if not alerts:
        return None
    lines = tuple(alert_line(line, content.at, zone) for line in alerts[:SHOWN])
    more = (f"Showing {SHOWN} of {len(alerts):,}.",) if len(alerts) > SHOWN else ()
    return Part(head, (*lines, *more), tuple(alerts[:SHOWN]))


def _rules(content: HomeContent) -> Part:
    near = [line for line in content.rules if line.state is not State.WITHIN or line.events]
    quiet = len(content.rules) - len(near)
    lines = [_rule(line) for line in near[:SHOWN]]
    lines += [f"Showing {SHOWN} of {len(near):,}."] if len(near) > SHOWN else []
    lines += [f"{FINE} {count(quiet, 'other rule')}: no event counted."] if quiet else []
    return Part("Rules, and how far from their boundary", tuple(lines) or ("No rule of yours.",))


def _rule(line: RuleLine) -> str:
    left = ""
    if line.stop_at is not None and line.state not in (State.CROSSED, State.PROVISIONAL):
        left = f", {line.stop_at - line.events} away" if line.stop_at > line.events else ""
    return f"{_SIGN.get(line.state, LOOK)} *{safe(line.rule_id)}*: {figures(line)}{left} · {STATE[line.state]}"


def _sources(content: HomeContent, zone: str) -> Part:
    lines = tuple(_source(source, content, zone) for source in content.sources)
    return Part("Records", lines or ("No source has been read yet.",))


def _source(source: SourceLine, content: HomeContent, zone: str) -> str:
    if source.last_complete_at is None:
        return f"{LOOK} {safe(source.source_id)}: never read completely"
    at = hour(source.last_complete_at, zone, beside=content.at)
    stale = f", not current: {safe(source.reason, SENTENCE)}" if not source.current else ", current"
    return f"{FINE if source.current else LOOK} {safe(source.source_id)}: read {at}{stale}"


def _clock(row: ClockRow, zone: str) -> str:
    sign = STOP if row.stands is Stands.OVERDUE else LOOK
    return f"{sign} {safe(row.usubjid)} · *{safe(row.term or 'uncoded')}* · {clock_line(row, zone)}"


def _some(lines: Sequence[str]) -> tuple[str, ...]:
    more = (f"Showing {SHOWN} of {len(lines):,}.",) if len(lines) > SHOWN else ()
    return (*lines[:SHOWN], *more)
