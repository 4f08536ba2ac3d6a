"""The picture of one subject's course: drawn within its sheet, the same for the same data, told in words."""

from __future__ import annotations

from datetime import date

import pytest

from bot.figures.subject import subject_figure
from bot.wording.subject_page import course_alt
from rules.columns import NO, UNKNOWN, YES
from rules.listing import CourseMark, Level, ListedEvent, SubjectCourse


def mark(term: str, day: int | None, end: int | None, grade: int, serious: Level = 0, related: Level = 0) -> CourseMark:
    event = ListedEvent("STS-014", "701", "r", "k", term, grade, serious, related, 0, 2, day, end, date(2026, 5, 1))
    return CourseMark("event", term, day, end, event)


def course(*events: CourseMark, today: int | None = 97) -> SubjectCourse:
    other = [CourseMark("dosing", "dosing", 1, 84), *(CourseMark("visit", "visit", day) for day in (1, 28, 84))]
    return SubjectCourse("STS-014", "701", 14, False, 84, today, (*events, *other))


MANY = tuple(mark(f"Term {n}", n, None, 1 + n % 5) for n in range(1, 41))


@pytest.mark.parametrize(
    "found",
    [
        course(mark("Rash", 12, 30, 2, NO, YES), mark("Hypersensitivity", 31, None, 3, YES, UNKNOWN)),
        course(mark("Headache", -3, 2, 0), mark("Undated", None, None, 1)),
        course(*MANY),
        course(today=None),
    ],
)
def test_it_is_drawn_whatever_the_course_and_twice_the_same(found: SubjectCourse) -> None:
    """Would catch a course without dates, or with forty events, that has no picture."""
    alt = course_alt(found)
    drawn = [subject_figure(found, title="t", subtitle="s", alt=alt).content for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith(b"\x89PNG")


def test_words_hold_every_event_or_say_how_many_they_show() -> None:
    """Would catch a description that stops in the middle, or that Slack refuses for its length."""
    few = course_alt(course(mark("Rash", 12, 30, 2, NO, YES)))
    assert "1 adverse event: Rash, grade 2, related, days 12–30." in few
    many = course_alt(course(*MANY))
    assert len(many) <= 1_000
    assert "40 adverse events" in many
    assert "of 40 events" in many
    assert "Visits: day 1, day 28 and day 84." in many
