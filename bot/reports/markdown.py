"""A report as Markdown: for a text editor, a diff, or a page of a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.wording.document import Chart, Figure, Part, Report, Table

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def markdown(report: Report) -> str:
    """The whole report, tables that are printed nowhere else included."""
    lines = [f"# {_safe(report.title)}", "", f"**{_safe(report.running)}** · {_safe(report.subtitle)}", ""]
    if report.mark_line:
        lines += [f"> **{_safe(report.mark_line)}**", ""]
    lines += [f"- {_safe(label)}: {_safe(value)}" for label, value in report.stamps]
    lines += ["", *(f"{_safe(line)}\n" for line in report.said)]
    for section in report.sections:
        lines += [f"## {_safe(section.title)}", ""]
        for part in section.parts:
            lines += [*_part(part), ""]
    return "\n".join(lines).rstrip() + "\n"


def _part(part: Part) -> Iterable[str]:
    if isinstance(part, str):
        return [_safe(part)]
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Figure):
        return [f"### {part.number} · {_safe(part.title)}", "", *(_safe(line) for line in (part.subtitle, *part.lines))]
    return _chart(part)


def _table(table: Table) -> Iterable[str]:
    yield f"### {table.number} · {_safe(table.title)}"
    yield ""
    if not table.rows:
        yield _safe(table.empty)
        return
    yield _row(f"{column.group}: {column.name}" if column.group else column.name for column in table.columns)
    yield "|" + "|".join("---:" if column.number else "---" for column in table.columns) + "|"
    for row in table.rows:
        cells = [f"{cell:,}" if isinstance(cell, int) else cell for cell in row.cells]
        yield _row([f"{' – ' if row.look == 'under' else ''}{cells[0]}", *cells[1:]])
    for note in table.notes:
        yield ""
        yield _safe(note)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_safe(cell) for cell in cells) + " |"


def _chart(chart: Chart) -> Iterable[str]:
    yield f"### {chart.number} · {_safe(chart.title)}"
    yield ""
    yield _safe(chart.alt)


def _safe(text: str) -> str:
    """Foreign text cannot become markup, a link or HTML."""
    return _MARKS.sub(r"\\\1", text.replace("\n", " "))
