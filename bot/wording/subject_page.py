"""The answer to `subject ID`: a course in study days, coded words only, and the same in the words of its picture."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.questions import SubjectContent
from bot.views import ClosedView, OpenView
from bot.wording.listings import alert_line, days, event_line
from bot.wording.phrases import MARK, marked
from bot.wording.said import Said
from bot.wording.text import count, listed, safe, unescaped
from bot.wording.times import moment
from rules.listing import CourseMark, SubjectCourse

SHOWN = 25
"""Adverse events of one subject that are all shown."""


def subject(view: OpenView | ClosedView) -> Said:
    """One subject's course. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, SubjectContent):
        raise TypeError(f"no subject but {type(content).__name__}")
    zone, mode, course = view.setting.timezone, view.setting.mode, content.course
    title = f"Subject {safe(course.usubjid)}"
    events = [event_line(m.event, subject=False) for m in course.marks if m.event is not None]
    shown = events[:SHOWN] + ([f"Showing {SHOWN} of {len(events)}."] if len(events) > SHOWN else [])
    alerts = [alert_line(line, content.at, zone) for line in content.alerts]
    lines = [
        stands(course), *(alerts or ["No open alert counts this subject."]),
        f"*{count(len(events), 'adverse event')}*", *shown, *_other(course),
    ]  # fmt: skip
    foot = [f"Data as of {moment(content.data_as_of, zone)}. Study days: first dose is day 1. Coded terms only."]
    plain = " ".join([*lines, *foot]).replace("*", "")
    return Said(
        text=marked(f"{title} · {safe(view.setting.study_id)}. {plain}", mode),
        head=marked(unescaped(title), mode),
        lines=tuple(lines),
        meta=(*foot, *filter(None, [MARK[mode]])),
    )


def stands(course: SubjectCourse) -> str:
    """Where the subject is: dosed or not, seen through which day, today's day."""
    site = f"Site {safe(course.site)}. " if course.site else ""
    if not course.position:
        return f"{site}Not dosed on record."
    if course.first_dose_partial:
        return f"{site}Dosed; the first dose is recorded in part, so that study days are not known."
    seen = f"seen through day {course.through}" if course.through is not None else "not seen since"
    today = f", today is day {course.today}" if course.today is not None else ""
    return f"{site}No. {course.position} in order of first dose, {seen}{today}."


def _other(course: SubjectCourse) -> Iterable[str]:
    for kind, name in (("dosing", "Dosing"), ("dispensed", "Dispensed"), ("returned", "Returned"), ("visit", "Visits")):
        marks = [mark for mark in course.marks if mark.kind == kind]
        if marks:
            yield f"*{name}:* {listed([_days(mark) for mark in marks], limit=15)}."
    ended = [f"{safe(m.label)} {_days(m)}" for m in course.marks if m.kind == "disposition"]
    if ended:
        yield f"*Disposition:* {listed(ended)}."


def _days(mark: CourseMark) -> str:
    return days(mark.day, mark.end)


def course_alt(course: SubjectCourse) -> str:
    """What a drawing of this course shows, for a screen reader; at most 1,000 characters, more is counted."""
    events = [m.event for m in course.marks if m.event is not None]
    said = [unescaped(event_line(event, subject=False)).removeprefix("• ").replace(" · ", ", ") for event in events]
    other = [unescaped(line) for line in _other(course)]
    head = f"Timeline of subject {course.usubjid} in study days. {unescaped(stands(course))}"
    kept: list[str] = []
    for one in said:
        if len(" ".join([head, "; ".join([*kept, one]), *other])) + 80 > 1_000:
            break
        kept.append(one)
    more = f" Showing {len(kept)} of {len(said)} events." if len(kept) < len(said) else ""
    events_said = f" {count(len(said), 'adverse event')}: {'; '.join(kept)}.{more}" if said else " No adverse event."
    return f"{head}{events_said} {' '.join(other)}"[:1_000]
