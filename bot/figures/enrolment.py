"""Subjects dosed so far, month by month, against the number that is planned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.figures.canvas import ACCENT, INK, SMALL, Picture, name, rendered, sheet, whole, write
from bot.figures.words import enrolment_alt

MOST_NAMES = 6
"""Months that are named below the axis."""


def enrolment_figure(
    months: Sequence[tuple[str, int]], planned: int, *, title: str, subtitle: str, form: str = "png"
) -> Picture:
    """Draw how many subjects had been dosed by the end of each month, and the number planned as a dashed line.

    Parameters
    ----------
    months: (its name, subjects so far), in order, at least one.   planned: subjects.
    title, subtitle: written above; the subtitle says what is counted, also in the words.   form: "png", "svg" or "pdf".
    """
    figure, (axes,) = sheet(title, subtitle)
    so_far = [number for _, number in months]
    places = np.arange(1, len(months) + 1)
    top = max(planned, so_far[-1]) * 1.14 + 0.7
    axes.set_xlim(0, len(months) + 0.35)
    axes.set_ylim(0, top)
    whole(axes.yaxis, 6)
    name(axes, y="subjects dosed")
    shown = places[:: -(-len(months) // MOST_NAMES)]
    axes.set_xticks(shown, [months[place - 1][0] for place in shown], fontsize=SMALL)
    axes.plot([0, len(months) + 0.35], [planned, planned], color=INK, linewidth=1.8, linestyle=(0, (5, 3)), zorder=3)
    left = planned >= 0.5 * top  # else the path crosses the line on this side
    end = 0.0 if left else len(months) + 0.35
    write(
        axes, f"planned: {planned:,}", (end, planned), (4 if left else -4, 5), va="bottom",
        ha="left" if left else "right", weight="bold",
    )  # fmt: skip
    axes.plot(np.append(0, places), np.append(0, so_far), color=ACCENT, linewidth=2.2, zorder=5)
    if len(months) <= 36:
        axes.plot(places, so_far, "o", color=ACCENT, markersize=6, zorder=6)
    low = so_far[-1] < 0.85 * top
    write(
        axes, f"{so_far[-1]:,} dosed", (len(months), so_far[-1]), (0, 8 if low else -10), color=ACCENT, ha="right",
        va="bottom" if low else "top",
    )  # fmt: skip
    return rendered(figure, form, enrolment_alt(months, planned, subtitle))
