"""A report as PDF: A4, tagged for screen readers (PDF/UA-1), readable in grey; the same report gives the same bytes.

The layout is `report.typ`, compiled by Typst with the fonts that come with it and with matplotlib: no font of the
machine is used, and nothing is fetched.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib
import typst

from bot.contents.summary import DrawnExposure
from bot.figures.boundary import boundary_figure
from bot.figures.canvas import Picture
from bot.figures.enrolment import enrolment_figure
from bot.figures.exposure import exposure_figure
from bot.wording.document import Chart, Enrolled, Figure, Part, Report, Table
from rules.statistics import Boundary, Course
from rules.statistics.exposure import ExposureBoundary

TEMPLATE = Path(__file__).parent / "report.typ"
STANDARD = "ua-1"


def pdf(report: Report) -> bytes:
    """The report as PDF.

    Raises
    ------
    typst.TypstError: the layout cannot be made, which no content should bring about.
    """
    compiled = _compiled(report, "pdf")
    assert isinstance(compiled, bytes)
    return compiled


def pages(report: Report, ppi: float = 110) -> list[bytes]:
    """Each page as PNG, for looking at."""
    compiled = _compiled(report, "png", ppi=ppi)
    return [compiled] if isinstance(compiled, bytes) else list(compiled or [])


def _compiled(report: Report, form: str, **options: Any) -> bytes | list[bytes] | None:
    with TemporaryDirectory(prefix="dsmbot-report-") as name:
        folder = Path(name)
        (folder / "main.typ").write_bytes(TEMPLATE.read_bytes())
        document = json.dumps(_document(report, folder), ensure_ascii=False)
        (folder / "report.json").write_text(document, encoding="utf-8")
        standard = {"pdf_standards": STANDARD, "timestamp": report.made_at} if form == "pdf" else {}
        compiler = typst.Compiler(
            str(folder / "main.typ"),
            root=str(folder),
            font_paths=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
            ignore_system_fonts=True,
        )
        return compiler.compile(format=form, **standard, **options)  # type: ignore[arg-type]


def _document(report: Report, folder: Path) -> dict[str, Any]:
    """What the template reads. Raises nothing: foreign text is text there, never markup."""
    made = datetime.fromtimestamp(report.made_at, UTC)
    return {
        "running": report.running,
        "study": report.study,
        "title": report.title,
        "subtitle": report.subtitle,
        "short": report.short,
        "checkable": report.checkable,
        "mark": report.mark,
        "mark_line": report.mark_line,
        "made": [made.year, made.month, made.day, made.hour, made.minute, made.second],
        "said": list(report.said),
        "stamps": [list(pair) for pair in report.stamps],
        "headlines": [{"number": h.number, "name": h.name, "line": h.line} for h in report.headlines],
        "sections": [
            {"title": section.title, "parts": [_part(part, folder) for part in section.parts if not _unprinted(part)]}
            for section in report.sections
        ],
    }


def _unprinted(part: Part) -> bool:
    return isinstance(part, Table) and part.only_sheet


def _part(part: Part, folder: Path) -> dict[str, Any]:
    if isinstance(part, str):
        return {"kind": "text", "text": part}
    if isinstance(part, Table):
        return _table(part)
    return _chart(part) if isinstance(part, Chart) else _figure(part, folder)


def _table(table: Table) -> dict[str, Any]:
    return {
        "kind": "table",
        "number": table.number,
        "title": table.title,
        "columns": [{"name": c.name, "group": c.group, "width": c.width, "number": c.number} for c in table.columns],
        "rows": [
            {"look": row.look, "cells": [f"{cell:,}" if isinstance(cell, int) else cell for cell in row.cells]}
            for row in table.rows
        ],
        "notes": list(table.notes),
        "empty": table.empty,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    bars = [{"name": b.name, "length": b.length, "dark": b.dark, "figure": b.figure} for b in chart.bars]
    return {
        "kind": "chart", "number": chart.number, "title": chart.title, "alt": chart.alt, "key": chart.key, "bars": bars,
    }  # fmt: skip


def _figure(figure: Figure, folder: Path) -> dict[str, Any]:
    picture = _picture(figure)
    name = f"{figure.number}.png"
    (folder / name).write_bytes(picture.content)
    return {
        "kind": "figure", "number": figure.number, "title": figure.title, "file": name, "alt": picture.alt,
        "lines": list(figure.lines),
    }  # fmt: skip


def _picture(figure: Figure) -> Picture:
    drawn, title, subtitle = figure.drawn, figure.title, figure.subtitle
    if isinstance(drawn, Enrolled):
        return enrolment_figure(drawn.months, drawn.planned, title=title, subtitle=subtitle)
    if isinstance(drawn, DrawnExposure):
        values = {field.name: getattr(drawn, field.name) for field in fields(ExposureBoundary)}
        boundary = ExposureBoundary(**values)
        return exposure_figure(boundary, title=title, subtitle=subtitle, path=(drawn.at, drawn.now), unit="days")
    design = Boundary(
        drawn.method, drawn.null_rate, drawn.alpha, drawn.looks, drawn.stop_at, None, drawn.attained_alpha
    )
    closed = tuple(not waiting for waiting in drawn.pending)
    course = Course(drawn.events, closed, (0.0,) * len(closed))
    return boundary_figure(design, title=title, subtitle=subtitle, course=course)
