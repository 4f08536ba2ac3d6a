"""The boundary on total exposure as a staircase, and the trial's events on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.figures.canvas import ACCENT, Picture, name, rendered, sheet, whole
from bot.figures.marks import beside, crossing, region
from bot.figures.words import counted, exposure_alt, figure_of
from rules.statistics.exposure import ExposureBoundary, replay_exposure


def exposure_figure(
    boundary: ExposureBoundary,
    *,
    title: str,
    subtitle: str,
    path: tuple[Sequence[float], float] | None = None,
    form: str = "png",
    unit: str = "",
) -> Picture:
    """Draw a boundary on total exposure and, where given, the trial's events at the exposure of their day.

    The trial stops where an event lifts the path to the staircase: it came too early.

    Parameters
    ----------
    boundary: the design.   title, subtitle: written above; the subtitle names the design, also in the words.
    path: total exposure at each event, and now, in the unit of the window.   form: "png", "svg" or "pdf".
    unit: what people call that unit, "" where it is not known.
    """
    figure, (axes,) = sheet(title, subtitle)
    times, now = path if path is not None else ((), 0.0)
    top = max(*boundary.events, len(times)) * 1.14 + 0.7
    axes.set_xlim(0, max(boundary.total_exposure, now))
    axes.set_ylim(0, top)
    whole(axes.yaxis, 6)
    name(axes, x=f"total exposure, {unit or 'in the unit of the window'}", y="events")
    edges = np.array([boundary.first_exposure, *boundary.up_to_exposure], dtype=np.float64)
    region(axes, edges, np.array(boundary.events), top)
    if path is not None:
        number = np.arange(len(times) + 1)
        reached = np.array([0.0, *times, now])
        axes.plot(np.repeat(reached, 2)[1:-1], np.repeat(number, 2), color=ACCENT, linewidth=2.2, zorder=5)
        axes.plot(times, number[1:], "o", color=ACCENT, markersize=7, zorder=6)
        at = replay_exposure(boundary, times, now).crossed_event
        if at is not None:
            crossing(axes, (times[at - 1], at), f"crossed at event {at}")
        beside(axes, f"{counted(len(times), 'event')} in {figure_of(now)}{unit and f' {unit}'}", (now, len(times)))
    return rendered(figure, form, exposure_alt(boundary, subtitle, path))
