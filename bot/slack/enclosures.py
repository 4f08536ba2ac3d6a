"""Pictures and files that go with an answer, made from a view alone; matplotlib is imported when one is drawn."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from bot.contents.prognosis import picture, prognosis
from bot.contents.questions import EventsContent, RuleContent, SubjectContent
from bot.contents.summary import SummaryContent
from bot.slack.handing import Enclosure
from bot.telling.summaries import FORMS
from bot.views import ClosedView, OpenView, Setting
from bot.wording import outlook
from bot.wording.listings import SHOWN_EVENTS
from bot.wording.phrases import MARK
from bot.wording.subject_page import course_alt
from bot.wording.summary import file_title
from bot.wording.text import as_cell, count, plain
from rules.columns import NO, UNKNOWN, YES

if TYPE_CHECKING:
    from rules.listing import ListedEvent

_LEVEL = {YES: "yes", UNKNOWN: "missing", NO: "no"}
_COLUMNS = ("subject", "site", "term", "grade", "serious", "related", "fatal", "emergent", "day", "end_day")


def enclosures(view: OpenView | ClosedView) -> tuple[Enclosure, ...]:
    """What follows this answer: a rule's boundary, a subject's course, the rest of a long list, a summary's files."""
    content = view.content
    if isinstance(content, RuleContent):
        return _rule(content, view.setting)
    if isinstance(content, SubjectContent):
        return (_subject(content, view.setting),)
    if isinstance(content, EventsContent) and len(content.events) > SHOWN_EVENTS:
        return (_events(content, view.setting),)
    if isinstance(content, SummaryContent):
        return _summary(view)
    return ()


def _summary(view: OpenView | ClosedView) -> tuple[Enclosure, ...]:
    from bot.reports.files import made  # so are typst and openpyxl
    from bot.wording.report import report

    document = report(view)
    return tuple(Enclosure(f"open-summary.{form}", file_title(view, form), made(document, form)) for form in FORMS)


def _title(text: str, setting: Setting) -> str:
    return " · ".join(filter(None, [MARK[setting.mode], text]))


def _rule(content: RuleContent, setting: Setting) -> tuple[Enclosure, ...]:
    found = prognosis(content.definition, content.finding) if content.finding else None
    if found is None:
        return ()
    drawn = picture(found, title=_title(outlook.title(found), setting), subtitle=outlook.subtitle(found))
    return (
        Enclosure(f"rule-{content.rule_id}.png", _title(f"Rule {content.rule_id}", setting), drawn.content, drawn.alt),
    )


def _subject(content: SubjectContent, setting: Setting) -> Enclosure:
    from bot.figures.subject import subject_figure  # matplotlib is slow to import and seldom needed

    course = content.course
    events = [mark.event for mark in course.marks if mark.event is not None]
    serious = sum(event.serious == YES for event in events)
    title = f"Subject {plain(course.usubjid)}: {count(len(events), 'adverse event')}, {serious} serious"
    subtitle = "The number in a mark is the grade, ? where it is missing. Dashed: no recorded end."
    drawn = subject_figure(course, title=_title(title, setting), subtitle=subtitle, alt=course_alt(course))
    return Enclosure("subject.png", _title(f"Subject {plain(course.usubjid)}", setting), drawn.content, drawn.alt)


def _events(content: EventsContent, setting: Setting) -> Enclosure:
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(_COLUMNS)
    table.writerows([as_cell(value) for value in _row(event)] for event in content.events)
    title = _title(f"All {count(len(content.events), 'adverse event')}", setting)
    return Enclosure("adverse-events.csv", title, file.getvalue().encode())


def _row(event: ListedEvent) -> tuple[object, ...]:
    levels = (_LEVEL[level] for level in (event.serious, event.related, event.death, event.emergent))
    return event.usubjid, event.site, event.term or "uncoded", event.grade or "missing", *levels, event.day, event.end
