"""The marks that boundary drawings share: the region that stops, the path's end, a crossing."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bot.figures.canvas import ACCENT, INK, PAPER, STOP, TINT, write


def region(axes: Axes, edges: NDArray[np.float64], counts: NDArray[np.int64], top: float) -> None:
    """The staircase, and hatched above it where the trial stops.

    Parameters
    ----------
    edges: ends of the steps along the horizontal axis, shape (steps + 1,).
    counts: the count that stops on each step, shape (steps,).   top: end of the vertical axis.
    """
    x, y = np.repeat(edges, 2)[1:-1], np.repeat(counts, 2)
    axes.fill_between(x, y, top, facecolor=TINT, edgecolor=PAPER, hatch="///", linewidth=0, zorder=1)
    axes.plot(x, y, color=INK, linewidth=2.4, solid_joinstyle="miter", zorder=4)
    write(axes, "stop", (edges[0], top), (8, -10), va="top", weight="bold")
    if edges[0] > 0.03 * axes.get_xlim()[1]:
        write(axes, f"{counts[0]}", (edges[0], int(counts[0])), (-5, 0), ha="right", va="center")
    write(axes, f"{counts[-1]}", (edges[-1], int(counts[-1])), (0, 5), ha="right", va="bottom")


def crossing(axes: Axes, place: tuple[float, int], text: str) -> None:
    """A ring where the boundary was first met, and a thin line up to its words in the region that stops."""
    x, events = place
    axes.plot(x, events, "D", markersize=16, zorder=8, mfc="none", mec=STOP, mew=3)
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    height = max(0.8 * top, events + 0.1 * top)
    axes.plot([x, x], [events + 0.045 * top, height], color=STOP, linewidth=1.2, zorder=7)
    shift, side = ((6.0, 0.0), "left") if x < 0.5 * right else ((-6.0, 0.0), "right")
    write(axes, text, (x, height), shift, ha=side, va="top", color=STOP, weight="bold")


def beside(axes: Axes, text: str, place: tuple[float, int]) -> None:
    """Words about the end of the path where there is room: right of it, else in the corner that no path reaches."""
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    low = place[1] < 0.3 * top
    if place[0] < 0.6 * right:
        write(axes, text, place, (14, 0 if low else -14), color=ACCENT, va="center" if low else "top")
    elif low:
        write(axes, text, place, (0, 14), color=ACCENT, ha="right", va="bottom")
    else:
        write(axes, text, (right, 0), (-4, 10), color=ACCENT, ha="right", va="bottom")
