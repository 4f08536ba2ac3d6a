"""`dsmbot design`: one design, its boundary, its exact characteristics; nothing is read but the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from bot.commands.design_options import Asked, said
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_json, print_lines
from bot.figures.words import MEDIA_TYPES, Row, form_of
from bot.wording.design_table import page, title
from rules.errors import DesignError
from rules.statistics import Boundary, Characteristics, operating_characteristics
from rules.statistics.exposure import ExposureBoundary

if TYPE_CHECKING:
    from bot.figures.canvas import Picture

MULTIPLES = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the null rate at which characteristics are shown where `--rates` says nothing; those below 1."""

CURVE = 121
"""Points of a drawn curve."""


@guarded
def run_design(asked: Asked, *, as_json: bool, plot: Path | None) -> int:
    """Compute, print and draw. Exit 2 for words and numbers that no design can have."""
    form = _form(plot)
    boundary = asked.boundary()
    rates = asked.true_rates(_multiples(boundary.null_rate, below=1))
    try:
        rows: tuple[Row, ...] = operating_characteristics(boundary, rates)
    except DesignError as error:
        raise BadInput(said(error)) from error
    if plot is not None:
        print_lines(_drawn(boundary, plot, form))
    if as_json:
        print_json(document(boundary, rows))
    else:
        Console(highlight=False).print(page(boundary, rows))
    return 0


def document(boundary: Boundary | ExposureBoundary, rows: tuple[Row, ...]) -> dict[str, Any]:
    """JSON values for `design --json`; the keys are a contract."""
    head = {
        "method": boundary.method,
        "null_rate": boundary.null_rate,
        "alpha": boundary.alpha,
        "attained_alpha": boundary.attained_alpha,
        "critical_value": boundary.critical_value,
    }
    if isinstance(boundary, Boundary):
        table: dict[str, Any] = {"looks": list(boundary.looks), "stop_at": list(boundary.stop_at)}
    else:
        table = {"events": list(boundary.events), "up_to_exposure": list(boundary.up_to_exposure)}
        if boundary.attained_alpha_expected is not None:
            head["attained_alpha_expected"] = boundary.attained_alpha_expected
    return {**head, **table, "oc": [_characteristics(row) for row in rows]}


def _characteristics(row: Row) -> dict[str, Any]:
    """One row; a boundary on exposure observes exposure and no number of subjects."""
    counted = {"rate": row.rate, "p_stop": row.p_stop, "expected_n": None, "expected_events": row.expected_events}
    if isinstance(row, Characteristics):
        return counted | {"expected_n": row.expected_n}
    return counted | {"expected_exposure": row.expected_exposure}


def _multiples(null_rate: float, *, below: float) -> list[float]:
    """The rates of `MULTIPLES`, written as a person would: .3, not .30000000000000004."""
    return [rate for m in MULTIPLES if (rate := float(f"{m * null_rate:.12g}")) < below]


def _form(plot: Path | None) -> str:
    if plot is None:
        return ""
    form = form_of(plot.name)
    if form is None:
        raise BadInput(f"--plot {plot}: figures are written as {', '.join(f'.{f}' for f in MEDIA_TYPES)}; "
                       f"for example {plot.with_suffix('.png') if plot.stem else 'boundary.png'}.")  # fmt: skip
    return form


def _drawn(boundary: Boundary | ExposureBoundary, plot: Path, form: str) -> list[str]:
    """Write the boundary, and the characteristics beside it; tell where, and what each shows."""
    try:
        pictures = _pictures(boundary, form)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise BadInput("--plot needs matplotlib, which is not installed here: pip install matplotlib") from error
    told = []
    for file, picture in zip((plot, plot.with_stem(f"{plot.stem}-characteristics")), pictures, strict=True):
        try:
            file.write_bytes(picture.content)
        except OSError as error:
            raise BadInput(f"--plot {file} cannot be written: {error.strerror}.") from error
        told.append(f"{file}: {picture.alt}")
    return told


def _pictures(boundary: Boundary | ExposureBoundary, form: str) -> tuple[Picture, Picture]:
    from bot.figures.boundary import boundary_figure
    from bot.figures.characteristics import characteristics_figure
    from bot.figures.exposure import exposure_figure

    subtitle = title(boundary)
    if isinstance(boundary, Boundary):
        drawn = boundary_figure(boundary, title="Stop when events reach the boundary", subtitle=subtitle, form=form)
    else:
        drawn = exposure_figure(boundary, title="Stop when an event comes too early", subtitle=subtitle, form=form)
    top = min(3.5 * boundary.null_rate, 1 - 0.005 * (1 - boundary.null_rate))  # a certain event has no hazard
    null, how_often = boundary.null_rate, "How often the design stops"
    points = sorted({*np.linspace(0, top, CURVE).tolist(), *_multiples(null, below=top)})
    rows: tuple[Row, ...] = operating_characteristics(boundary, points)
    return drawn, characteristics_figure(rows, null_rate=null, title=how_often, subtitle=subtitle, form=form)
