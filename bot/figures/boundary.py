"""The boundary as a staircase, or as posts where looks are few, and the trial's path on it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bot.figures.canvas import ACCENT, INK, MUTED, PAPER, Picture, name, rendered, sheet, whole, write
from bot.figures.marks import beside, crossing, region
from bot.figures.words import boundary_alt, counted
from rules.statistics import Boundary, Course, replay

MANY = 200
"""Subjects beyond which single events are no longer marked: they would run into each other."""


def boundary_figure(
    boundary: Boundary, *, title: str, subtitle: str, course: Course | None = None, form: str = "png"
) -> Picture:
    """Draw a boundary on numbers of subjects and, where given, the events of the subjects dosed so far.

    Subjects stand in order of first dose, each half a step to both sides of its number; pending ones are open
    circles in their place. The trial stops where the path reaches the boundary at a look.

    Parameters
    ----------
    boundary: the design.   title, subtitle: written above; the subtitle names the design, also in the words.
    course: the trial's path.   form: "png", "svg" or "pdf".
    """
    figure, (axes,) = sheet(title, subtitle)
    dosed, known = (len(course), sum(course.events)) if course is not None else (0, 0)
    top = max([stop for stop in boundary.stop_at if stop is not None] + [known]) * 1.14 + 0.7
    axes.set_xlim(0, max(boundary.max_n, dosed) + 0.5)
    axes.set_ylim(0, top)
    whole(axes.xaxis)
    whole(axes.yaxis, 6)
    name(axes, x="subjects in order of first dose", y="events")
    every = boundary.looks == tuple(range(boundary.looks[0], boundary.max_n + 1)) and len(boundary.looks) > 1
    (_staircase if every else _posts)(axes, boundary, top)
    if course is not None and dosed:
        _path(axes, boundary, course)
    return rendered(figure, form, boundary_alt(boundary, subtitle, course))


def _staircase(axes: Axes, boundary: Boundary, top: float) -> None:
    looks = [(look, stop) for look, stop in zip(boundary.looks, boundary.stop_at, strict=True) if stop is not None]
    edges = np.array([look - 0.5 for look, _ in looks] + [boundary.max_n + 0.5])
    region(axes, edges, np.array([stop for _, stop in looks]), top)


def _posts(axes: Axes, boundary: Boundary, top: float) -> None:
    for look, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if stop is None:
            axes.plot([look, look], [0, top], color=MUTED, linewidth=1, linestyle=(0, (1, 3)), zorder=2)
            continue
        axes.plot([look, look], [stop, top], color=INK, linewidth=5, solid_capstyle="butt", zorder=4)
        write(axes, f"{stop}", (look, stop), (-8, 3), ha="right", va="bottom")
    first = next(look for look, stop in zip(boundary.looks, boundary.stop_at, strict=True) if stop is not None)
    write(axes, "stop", (first, top), (8, -10), va="top", weight="bold")


def _path(axes: Axes, boundary: Boundary, course: Course) -> None:
    n, events = len(course), np.cumsum(course.event)
    subject = np.arange(1, n + 1)
    edges = np.concatenate([[0], np.repeat(np.arange(n) + 0.5, 2), [n + 0.5]])
    axes.plot(edges, np.repeat(np.append(0, events), 2), color=ACCENT, linewidth=2.2, zorder=5)
    if n <= MANY:
        axes.plot(subject[course.event], events[course.event], "o", color=ACCENT, markersize=7, zorder=6)
    axes.plot(subject[course.pending], events[course.pending], "o", mfc=PAPER, mec=ACCENT, mew=1.6, ms=7, zorder=6)
    crossed = replay(boundary, course.event).first_look
    if crossed is not None:
        crossing(axes, (crossed, int(events[crossed - 1])), f"crossed at subject {crossed}")
    pending = int(course.pending.sum())
    told = f"{counted(int(events[-1]), 'event')} in {n} dosed"
    beside(axes, f"{told},\n{pending} pending (open circles)" if pending else told, (n, int(events[-1])))
