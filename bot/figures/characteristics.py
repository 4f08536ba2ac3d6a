"""How often a design stops, and after how many subjects, at every true rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bot.figures.canvas import (
    ACCENT,
    INK,
    LINE,
    MUTED,
    SMALL,
    STOP,
    Picture,
    name,
    percent,
    rendered,
    sheet,
    whole,
    write,
)
from bot.figures.words import Row, characteristics_alt, share
from rules.statistics import Characteristics


def characteristics_figure(
    rows: Sequence[Row], *, null_rate: float, title: str, subtitle: str, form: str = "png"
) -> Picture:
    """Draw P(stop) over the true rate and, for designs that count subjects, the subjects observed below it.

    Parameters
    ----------
    rows: characteristics at rising rates, enough of them for a smooth curve.
    null_rate: marked, with the false alarm there.
    title, subtitle: written above; the subtitle names the design, also in the words.
    form: "png", "svg" or "pdf".
    """
    counting = [row for row in rows if isinstance(row, Characteristics)]
    figure, panels = sheet(title, subtitle, heights=(1.25, 1.0) if counting else (1.0,))
    rates = np.array([row.rate for row in rows])
    axes = panels[0]
    axes.set_xlim(rates[0], rates[-1])
    axes.set_ylim(0, 1)
    percent(axes.yaxis)
    percent(axes.xaxis)
    name(axes, y="trials that stop")
    stops = np.array([row.p_stop for row in rows])
    axes.plot(rates, stops, color=ACCENT, linewidth=2.6, zorder=5)
    for panel in panels:
        panel.axvline(null_rate, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
    _points(axes, rates, stops, null_rate)
    if counting:
        _subjects(panels[1], rates, counting)
    name(panels[-1], x="true rate of events per subject")
    return rendered(figure, form, characteristics_alt(rows, null_rate, subtitle))


def _points(axes: Axes, rates: NDArray[np.float64], stops: NDArray[np.float64], null_rate: float) -> None:
    """The false alarm, and the power at twice the null rate, on the curve."""
    false_alarm = float(np.interp(null_rate, rates, stops))
    axes.plot(null_rate, false_alarm, "D", color=STOP, markersize=9, zorder=7)
    above = 30 if false_alarm < 0.6 else -30
    write(axes, f"false alarm {share(false_alarm)}", (null_rate, false_alarm), (-10, above), color=STOP, ha="right")
    write(axes, f"null rate {share(null_rate)}", (null_rate, 1), (6, -4), fontsize=SMALL, color=INK, va="top")
    if 2 * null_rate <= rates[-1]:
        power = float(np.interp(2 * null_rate, rates, stops))
        axes.plot(2 * null_rate, power, "o", color=ACCENT, markersize=9, zorder=7)
        write(
            axes, f"{share(power)} at {share(2 * null_rate)}", (2 * null_rate, power), (12, -6), color=ACCENT, va="top"
        )


def _subjects(axes: Axes, rates: NDArray[np.float64], rows: Sequence[Characteristics]) -> None:
    """Mean subjects observed, and the middle half of all trials."""
    low, high = ([row.quantile_n(q) for row in rows] for q in (0.25, 0.75))
    mean = [row.expected_n for row in rows]
    axes.set_ylim(0, rows[0].looks[-1] * 1.08)
    whole(axes.yaxis, 5)
    name(axes, y="subjects observed until the trial stops or is complete")
    axes.fill_between(rates, low, high, color=LINE, linewidth=0, zorder=1)
    axes.plot(rates, mean, color=ACCENT, linewidth=2.6, zorder=5)
    at = int(len(rates) * 0.9)
    beside = next((k for k, n in enumerate(high) if n <= 0.75 * rows[0].looks[-1]), at)
    write(axes, "mean", (rates[at], mean[at]), (0, 8), color=ACCENT, ha="center")
    write(axes, "middle half of trials", (rates[beside], high[beside]), (6, 8), color=MUTED, fontsize=SMALL)
