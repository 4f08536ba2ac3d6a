"""The sheet that every figure is drawn on: size, type, palette, and the way to bytes.

Object-oriented matplotlib only: no pyplot, no window, no state between figures. The palette is that of the practice
page. Colour never carries meaning alone: lines differ in style and weight, marks in shape, so that a grey print says
the same; what a line is, is written on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bot.figures.words import MEDIA_TYPES

PAPER, TINT, LINE = "#FFFFFF", "#F3EFE9", "#E3DFD9"
INK, MUTED, ACCENT, STOP = "#1D1C1D", "#5C5A57", "#0B5FA5", "#B3261E"

WIDTH, DPI = 7.5, 160
"""Inches and dots per inch: 1,200 pixels, in which `SMALL` is still read on a phone."""

TITLE, TEXT, SMALL = 15.5, 13.0, 12.0
"""Type sizes in points."""

LETTERS = 82
"""Letters of a subtitle on one line; there is room for two."""

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that every machine draws the same."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as people are sent it.

    Parameters
    ----------
    content: the file.   format: "png", "svg" or "pdf".   alt: what it shows, in words, made from the same data.
    """

    content: bytes
    format: str
    alt: str

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return MEDIA_TYPES[self.format]


def sheet(title: str, subtitle: str, *, heights: tuple[float, ...] = (1.0,)) -> tuple[Figure, list[Axes]]:
    """An empty figure with its title and one panel below the other, sharing their horizontal axis.

    Parameters
    ----------
    title: what to see, in a few words.   subtitle: which design, and its figures.
    heights: of the panels, in proportion.
    """
    height = 5.25 if len(heights) == 1 else 6.95
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(0.025, 1 - 0.14 / height, title, fontsize=TITLE, weight="bold", color=INK, va="top", family=FONT)
    below = fill(subtitle.replace(" %", "\u00a0%"), LETTERS)  # a figure and its sign stay together
    figure.text(0.025, 1 - 0.5 / height, below, fontsize=SMALL, color=MUTED, va="top", family=FONT)
    grid = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, left=0.095, right=0.955, bottom=0.62 / height, top=1 - 1.35 / height
    )
    grid.update(hspace=0.27)
    panels: list[Axes] = []
    for row in range(len(heights)):
        panels.append(figure.add_subplot(grid[row, 0], sharex=panels[0] if panels else None))
        _quiet(panels[-1], last=row == len(heights) - 1)
    return figure, panels


def _quiet(axes: Axes, *, last: bool) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=LINE, linewidth=0.9)
    axes.tick_params(axis="both", colors=MUTED, labelsize=SMALL, length=0, pad=6, labelbottom=last)
    axes.tick_params(axis="x", length=4 if last else 0, color=INK)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontfamily(FONT)


def whole(axis: Any, most: int = 8) -> None:
    """Ticks at whole numbers only: there are no half subjects."""
    axis.set_major_locator(MaxNLocator(nbins=most, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def percent(axis: Any) -> None:
    """Probabilities are written in per cent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def name(axes: Axes, *, x: str = "", y: str = "") -> None:
    """Name the axes: x below its end, y above its top, where nobody has to turn the head."""
    if x:
        axes.set_xlabel(x, fontsize=SMALL, color=MUTED, family=FONT, loc="right", labelpad=5)
    if y:
        axes.set_title(y, fontsize=SMALL, color=MUTED, family=FONT, loc="left", x=-0.08, pad=11)


def write(axes: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **style: Any) -> None:
    """Words on the drawing, a number of points away from a place in data coordinates, on a halo of paper."""
    given: dict[str, Any] = {
        "fontsize": TEXT,
        "color": INK,
        "family": FONT,
        "zorder": 9,
        "annotation_clip": False,
    } | style
    axes.annotate(
        text,
        at,
        xytext=shift,
        textcoords="offset points",
        path_effects=[withStroke(linewidth=3.5, foreground=PAPER)],
        **(given | style),
    )


def rendered(figure: Figure, form: str, alt: str) -> Picture:
    """The figure as bytes, its words in the file's own description and no date, so that the same data give the same.

    Parameters
    ----------
    figure: as drawn.   form: "png", "svg" or "pdf".   alt: what it shows, in words.
    """
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Description": alt, "Software": None},
        "svg": {"Description": alt, "Date": None, "Creator": None},
        "pdf": {"Subject": alt, "CreationDate": None, "Creator": None, "Producer": None},
    }
    file = BytesIO()
    figure.savefig(file, format=form, metadata=metadata[form], facecolor=PAPER)
    return Picture(file.getvalue(), form, alt)
