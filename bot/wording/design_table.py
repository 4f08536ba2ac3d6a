"""A design as a page in the terminal: its boundary in runs of looks, its characteristics, when to use it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.figures.words import Row, runs, share
from bot.wording.designs import DESIGNS
from rules.statistics import Boundary, Characteristics
from rules.statistics.exposure import ExposureBoundary

ROWS = 12
"""Rows of a boundary before it is continued in a further column."""


def title(boundary: Boundary | ExposureBoundary) -> str:
    """The design and its figures in one line, also below the title of a figure."""
    name = DESIGNS[boundary.method].title
    wanted = f", alpha {share(boundary.alpha)}" if boundary.alpha is not None else ""
    return f"{name[0].upper()}{name[1:]}, null rate {share(boundary.null_rate)}{wanted}, attained {_attained(boundary)}"


def page(boundary: Boundary | ExposureBoundary, rows: Sequence[Row]) -> RenderableType:
    """Everything about a design on one page, for `rich`."""
    described = DESIGNS[boundary.method]
    steps = _looks(boundary) if isinstance(boundary, Boundary) else _exposures(boundary)
    return Group(
        Text(title(boundary), style="bold"),
        Text("\n".join(_facts(boundary)), style="dim"),
        Padding(steps, (1, 0, 0, 1)),
        Padding(_characteristics(rows), (1, 0, 1, 1)),
        _said({"When to use": described.when, "Paper": described.paper, "Holds": _holds(boundary)}),
    )


def _said(words: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in words.items():
        table.add_row(name, text)
    return table


def _attained(boundary: Boundary | ExposureBoundary) -> str:
    expected = getattr(boundary, "attained_alpha_expected", None)
    whole = share(boundary.attained_alpha, 2)
    return whole if expected is None else f"{whole} ({share(expected, 2)} over the expected exposure)"


def _facts(boundary: Boundary | ExposureBoundary) -> Iterator[str]:
    given = ", ".join(
        f"{name} {value:g}" for name, value in boundary.parameters.items() if isinstance(value, float | int)
    )
    if given:
        yield f"Parameters: {given}"
    if boundary.critical_value is not None:
        yield f"Critical value: {boundary.critical_value:.6g} (for information: the table decides)"
    if isinstance(boundary, ExposureBoundary):
        yield (
            f"{boundary.max_n} subjects, each followed for a window of {boundary.window:g}; "
            f"alpha calibrated over the {boundary.max_exposure} exposure"
        )


def _holds(boundary: Boundary | ExposureBoundary) -> str:
    if isinstance(boundary, ExposureBoundary):
        return f"{boundary.words}."
    return "if outcomes are recorded once and correctly; subjects in order of first dose, pending ones in their place."


def _looks(boundary: Boundary) -> Table:
    cells = [(f"{stop:,}", f"{a:,}" if a == b else f"{a:,} – {b:,}") for a, b, stop in runs(boundary)]
    return _columns("stop at", "of subjects", cells)


def _exposures(boundary: ExposureBoundary) -> Table:
    pairs = zip(boundary.events, boundary.up_to_exposure, strict=True)
    return _columns("stop at event", "up to exposure", [(f"{e:,}", f"{x:,.2f}") for e, x in pairs])


def _columns(first: str, second: str, cells: Sequence[tuple[str, str]]) -> Table:
    """Two columns, continued to the right where they would grow too long."""
    height = max(ROWS, math.ceil(len(cells) / 3))
    blocks = [cells[start : start + height] for start in range(0, len(cells), height)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for _ in blocks:
        table.add_column(first, justify="right", no_wrap=True)
        table.add_column(second, justify="right", no_wrap=True)
    for row in range(min(height, len(cells))):
        table.add_row(*(text for block in blocks for text in (block[row] if row < len(block) else ("", ""))))
    return table


def _characteristics(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    counting = all(isinstance(row, Characteristics) for row in rows)
    observed = ("E(n)", "n: quartiles") if counting else ("E(exposure)", "exposure: quartiles")
    for header in ("true rate", "P(stop)", *observed, "E(events)"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        chances = (share(value, 2, trim=False) for value in (row.rate, row.p_stop))
        table.add_row(*chances, *_observed(row), f"{row.expected_events:.2f}")
    return table


def _observed(row: Row) -> tuple[str, str]:
    if isinstance(row, Characteristics):
        return f"{row.expected_n:.2f}", " · ".join(f"{row.quantile_n(q):,}" for q in (0.25, 0.5, 0.75))
    quartiles = (row.quantile_exposure(q) for q in (0.25, 0.5, 0.75))
    return f"{row.expected_exposure:,.1f}", " · ".join(f"{value:,.0f}" for value in quartiles)
