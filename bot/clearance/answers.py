"""What of an answer to a question may leave for Slack: subjects by alias where the study says so, findings cleared.

Listed events and courses hold coded facts and study days only, by construction (`rules.listing`). May not know who
asks: `bot.access` decides that, and uses this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.clearance.findings import alias, clear_finding
from bot.contents.questions import (
    AlertLine,
    AlertsContent,
    EventsContent,
    HomeContent,
    Question,
    RuleContent,
    SubjectContent,
)
from bot.views import Setting
from rules.listing import ListedEvent


def clear_question(content: Question, setting: Setting) -> Question:
    """The answer with nothing in it that Slack may not have."""
    if isinstance(content, AlertsContent):
        return replace(content, lines=_lines(content.lines, setting))
    if isinstance(content, HomeContent):
        clocks = tuple(replace(c, usubjid=alias(c.usubjid, setting), event_key="") for c in content.clocks)
        lines = {name: _lines(getattr(content, name), setting) for name in ("mine", "open")}
        return replace(content, clocks=clocks, **lines)  # type: ignore[arg-type]
    if isinstance(content, EventsContent):
        return replace(content, events=tuple(_event(event, setting) for event in content.events))
    if isinstance(content, SubjectContent):
        return _subject(content, setting)
    return _rule(content, setting)


def _lines(lines: Iterable[AlertLine], setting: Setting) -> tuple[AlertLine, ...]:
    return tuple(replace(line, subject=alias(line.subject, setting), scope=_scope(line, setting)) for line in lines)


def _scope(line: AlertLine, setting: Setting) -> str:
    """A scope that may name a subject is shown by alias; where it cannot be told, it is not shown."""
    if not setting.alias_salt or line.scope == "study":
        return line.scope
    return line.scope.replace(line.subject, alias(line.subject, setting)) if line.subject else ""


def _event(event: ListedEvent, setting: Setting) -> ListedEvent:
    return replace(event, usubjid=alias(event.usubjid, setting), record_key="", event_key="")


def _subject(content: SubjectContent, setting: Setting) -> SubjectContent:
    marks = tuple(replace(mark, event=mark.event and _event(mark.event, setting)) for mark in content.course.marks)
    course = replace(content.course, usubjid=alias(content.course.usubjid, setting), marks=marks)
    return replace(content, course=course, alerts=_lines(content.alerts, setting))


def _rule(content: RuleContent, setting: Setting) -> RuleContent:
    finding = content.finding and clear_finding(content.finding, content.audience, setting)
    subjects = {item.usubjid for item in content.finding.evidence if item.usubjid} if content.finding else set()
    scopes = []
    for scope in content.scopes:
        shown = scope
        for subject in subjects if setting.alias_salt else ():
            shown = shown.replace(subject, alias(subject, setting))
        scopes.append(shown)
    return replace(content, finding=finding, scopes=tuple(scopes), alerts=_lines(content.alerts, setting))
