"""A report as a workbook: a first sheet with its stamps, then a sheet a table; the same report, the same bytes."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from bot.wording.document import Report, Row, Table

_FONT = "Calibri"
_HEAD, _TOTAL, _TITLE = Font(_FONT, bold=True), Font(_FONT, bold=True), Font(_FONT, bold=True, size=14)
_TINT = PatternFill("solid", fgColor="F3EFE9")
_UNDER = Border(bottom=Side("thin", color="5C5A57"))
_OVER = Border(top=Side("thin", color="5C5A57"))
_NUMBER = Alignment(horizontal="right", vertical="top")
_TEXT = Alignment(horizontal="left", vertical="top", wrap_text=True)
_WITHIN = Alignment(horizontal="left", vertical="top", wrap_text=True, indent=1)
_LETTERS = 7.5
"""Letters of a column for each part of its width."""

_FIXED = (1980, 1, 1, 0, 0, 0)
"""The only moment that every file in the archive bears: a resend is the same file."""

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def workbook(report: Report) -> bytes:
    """The report as XLSX."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    _stamps(first, report)
    for table in report.tables():
        _sheet(book.create_sheet(table.sheet), table, report)
    book.properties.title = f"{report.running}: {report.title}"
    book.properties.creator = "DSMBot"
    return _same_bytes(book, datetime.fromtimestamp(report.made_at, UTC))


def _stamps(sheet: Worksheet, report: Report) -> None:
    sheet.title = "About"
    _put(sheet, 1, 1, f"{report.mark} · {report.running}" if report.mark else report.running).font = _TITLE
    rows = [("Study", report.study), ("Title", report.title), ("", report.subtitle), *report.stamps]
    rows += [("", report.mark_line)] if report.mark_line else []
    rows += [("What changed" if number == 0 else "", line) for number, line in enumerate(report.said)]
    rows += [("Sheets" if number == 0 else "", f"{t.sheet}: {t.title}") for number, t in enumerate(report.tables())]
    for number, (label, value) in enumerate(rows, start=3):
        _put(sheet, number, 1, label).font = _HEAD
        _put(sheet, number, 2, value).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 18, 100
    _printed(sheet, report)


def _sheet(sheet: Worksheet, table: Table, report: Report) -> None:
    """Title, header row (frozen), rows, notes."""
    _put(sheet, 1, 1, f"{table.number} · {table.title}").font = _TITLE
    mark = f"{report.mark} · " if report.mark else ""
    stamped = f" · {report.checkable}" if report.checkable else ""
    _put(sheet, 2, 1, f"{mark}{report.running} · {report.study} · {report.short}{stamped}")
    for at, column in enumerate(table.columns, start=1):
        name = f"{column.group}: {column.name}" if column.group else column.name
        head = _put(sheet, 3, at, name)
        head.font, head.fill, head.border = _HEAD, _TINT, _UNDER
        head.alignment = Alignment(wrap_text=True, vertical="bottom", horizontal="right" if column.number else "left")
        sheet.column_dimensions[get_column_letter(at)].width = max(10, _LETTERS * 1.6 * column.width)
    for number, row in enumerate(table.rows, start=4):
        _row(sheet, number, row, table)
    below = len(table.rows) + 5
    for number, note in enumerate(table.notes if table.rows else (table.empty,), start=below):
        _put(sheet, number, 1, note)
    sheet.freeze_panes = "B4"
    if table.rows:
        sheet.auto_filter.ref = f"A3:{get_column_letter(len(table.columns))}{len(table.rows) + 3}"
    _printed(sheet, report)


def _row(sheet: Worksheet, number: int, row: Row, table: Table) -> None:
    for at, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True), start=1):
        made = _put(sheet, number, at, _figure(cell) if column.number else cell)
        indent = at == 1 and row.look == "under"
        made.alignment = _NUMBER if column.number else _WITHIN if indent else _TEXT
        if row.look in ("head", "total"):
            made.font = _TOTAL
        if row.look == "total":
            made.border = _OVER


def _figure(cell: str | int) -> str | int | float:
    """A share that is written as text is a number in a workbook."""
    return float(cell) if isinstance(cell, str) and re.fullmatch(r"\d+\.\d", cell) else cell


def _put(sheet: Worksheet, row: int, column: int, value: str | int | float) -> Cell:
    """Write a value; text is always text, so that nothing that a record holds is a formula, a link or an error."""
    cell = sheet.cell(row=row, column=column)
    assert isinstance(cell, Cell)
    if isinstance(value, str):
        cell.value = _ILLEGAL.sub("", value)
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@", "\t", "\r")
    else:
        cell.value = value
        cell.number_format = "#,##0.0" if isinstance(value, float) else "#,##0"
    return cell


def _printed(sheet: Worksheet, report: Report) -> None:
    """A4, as wide as one page, the head of the report on each."""
    sheet.page_setup.paperSize, sheet.page_setup.orientation = 9, "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "3:3" if sheet.title != "About" else None
    head, foot = sheet.oddHeader, sheet.oddFooter
    assert head is not None
    assert foot is not None
    head.left.text = f"{report.mark} {report.running}".strip().replace("&", "&&")
    head.right.text = report.short.replace("&", "&&")
    foot.left.text = report.checkable.replace("&", "&&")
    foot.right.text = "Page &P of &N"


def _same_bytes(book: Workbook, made: datetime) -> bytes:
    """The archive with one date on every file in it, and the report's own as its time of making."""
    written, same = BytesIO(), BytesIO()
    book.save(written)
    stamp = f"{made:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(same, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb">\d{4}-\d\d-\d\dT[\d:]+Z<", b">" + stamp + b"<", content)
            entry = zipfile.ZipInfo(name, _FIXED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return same.getvalue()
