"""One subject's course as a picture: adverse events above, dosing, dispensing and visits below, over study days."""

from __future__ import annotations

from matplotlib.axes import Axes

from bot.figures.canvas import (
    ACCENT,
    INK,
    LINE,
    MUTED,
    PAPER,
    SMALL,
    STOP,
    Picture,
    name,
    rendered,
    sheet,
    whole,
    write,
)
from rules.columns import NO, UNKNOWN, YES
from rules.listing import CourseMark, ListedEvent, SubjectCourse

MOST = 9
"""Adverse events drawn, the worst; the subtitle says how many there are."""

_LANES = (("visit", "seen"), ("dispensed", "dispensed"), ("dosing", "dosing"))
"""Lanes below the events, from the bottom up."""


def subject_figure(course: SubjectCourse, *, title: str, subtitle: str, alt: str, form: str = "png") -> Picture:
    """Draw one subject's course.

    A bar runs from onset to recorded end; one without an end runs to today and is open there. The number in the mark
    is the grade, "?" where it is missing. What has no exact day is not drawn, and the subtitle says so.

    Parameters
    ----------
    course: as listed.   title, subtitle: written above.   alt: what it shows, in words.   form: "png", "svg" or "pdf".
    """
    dated = [m.event for m in course.marks if m.event is not None and m.event.day is not None]
    worst = sorted(dated, key=lambda e: (e.serious == NO, -(e.grade or 5), e.day or 0))[:MOST]
    drawn = sorted(worst, key=lambda e: (e.day or 0, e.term), reverse=True)
    number = sum(m.event is not None for m in course.marks)
    left = f" Drawn: {len(drawn)} of {number} events." if len(drawn) < number else ""
    figure, (axes,) = sheet(title, subtitle + left)
    days = [d for m in course.marks for d in (m.day, m.end) if d is not None]
    last = max([course.today or 1, *days])
    first = min([1, *days])
    axes.set_xlim(first - 0.03 * (last - first + 1), last + 0.06 * (last - first + 1))
    axes.set_ylim(-0.7, len(_LANES) + max(len(drawn), 1) + 0.3)
    axes.set_yticks([])
    whole(axes.xaxis)
    name(axes, x="study day (first dose is day 1)")
    for lane, (kind, word) in enumerate(_LANES):
        _lane(axes, lane, word, [m for m in course.marks if m.kind == kind], last)
    axes.axhline(len(_LANES) - 0.3, color=INK, linewidth=0.9)
    for place, event in enumerate(drawn):
        _event(axes, len(_LANES) + place + 0.2, event, course.today or last)
    if not drawn:
        write(axes, "no adverse event with an exact day", (first, len(_LANES) + 0.2), (0, 0), color=MUTED)
    return rendered(figure, form, alt)


def _lane(axes: Axes, at: float, word: str, marks: list[CourseMark], last: int) -> None:
    left, right = axes.get_xlim()
    axes.plot([left, right], [at, at], color=LINE, linewidth=0.9, zorder=1)
    write(axes, word, (right, at), (0, 4), ha="right", va="bottom", color=MUTED, fontsize=SMALL)
    for mark in marks:
        if mark.day is None:
            continue
        if mark.kind == "dosing":
            axes.plot(
                [mark.day, mark.end or last], [at, at], color=ACCENT, linewidth=6, solid_capstyle="butt", zorder=4
            )
        else:
            axes.plot(mark.day, at, "|" if mark.kind == "visit" else "v", color=INK, markersize=9, mew=1.8, zorder=5)


def _event(axes: Axes, at: float, event: ListedEvent, today: int) -> None:
    assert event.day is not None
    colour, width = (STOP, 3.4) if event.serious == YES else (INK, 2.0)
    end = event.end if event.end is not None else today
    open_ = event.end is None
    style = (0, (4, 2)) if open_ else "solid"
    axes.plot([event.day, max(end, event.day)], [at, at], color=colour, linewidth=width, linestyle=style, zorder=4)
    axes.plot(event.day, at, "s", mfc=PAPER, mec=colour, mew=1.8, markersize=15, zorder=6)
    write(
        axes, f"{event.grade or '?'}", (event.day, at), (0, 0), ha="center", va="center", color=colour, fontsize=SMALL
    )
    words = [event.term or "uncoded", *(["serious"] if event.serious == YES else [])]
    words += {YES: ["related"], UNKNOWN: ["causality missing"], NO: []}[event.related]
    left, right = axes.get_xlim()
    late = event.day > left + 0.6 * (right - left)
    shift, side = ((-11, 3), "right") if late else ((11, 3), "left")
    write(axes, ", ".join(words), (event.day, at), shift, ha=side, va="bottom", color=colour, fontsize=SMALL)
