"""What a report says before it has a layout: sections of sentences, tables and figures; one for every file form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.contents.summary import Drawn, DrawnExposure

Cell = str | int
"""A number is written as one where the form knows numbers."""

Look = Literal["plain", "head", "under", "total"]
"""How a row reads: by itself, as the head of rows under it, as one of these, as a total."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it belongs to with its neighbours, its share of the width, numbers to the right."""

    name: str
    group: str = ""
    width: float = 1.0
    number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, one a column."""

    cells: tuple[Cell, ...]
    look: Look = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Parameters
    ----------
    sheet: its name in a workbook, at most 31 letters, and its number in the report: "T6".
    title: what it holds, with population and filter.   notes: what a reader must know, below it.
    empty: what stands in its place where it has no row.   only_sheet: not printed, because it is as long as the study.
    """

    sheet: str
    number: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    empty: str = "None."
    only_sheet: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what, its length and the dark part of it in parts of one, and the figure at its end."""

    name: str
    length: float
    figure: str
    dark: float = 0.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars with a title; `alt` says all of them in words."""

    number: str
    title: str
    bars: tuple[Bar, ...]
    alt: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Subjects dosed by the end of each month, (its name, how many so far), and how many are planned."""

    months: tuple[tuple[str, int], ...]
    planned: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: a boundary with the path of the trial, or enrolment; its alternative text is made with it."""

    number: str
    title: str
    subtitle: str
    drawn: Drawn | DrawnExposure | Enrolled
    lines: tuple[str, ...] = ()


Part = str | Table | Chart | Figure
"""A string is a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that is read first: the number, what it counts, and one line beside it."""

    number: str
    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report.

    Parameters
    ----------
    running: on every page.   mark: SIMULATED or REHEARSAL, "" for a live study.   mark_line: what that means.
    study, title, subtitle: on the first page.   headlines: of the first page.   said: its sentences, most urgent first.
    stamps: (label, value): what makes it checkable; short, checkable: those that stand on every page
    and sheet: of when, and of what.
    made_at: seconds since 1970, for the file's own date.
    """

    running: str
    study: str
    title: str
    subtitle: str
    stamps: tuple[tuple[str, str], ...]
    short: str
    headlines: tuple[Headline, ...]
    said: tuple[str, ...]
    sections: tuple[Section, ...]
    made_at: int
    mark: str = ""
    mark_line: str = ""
    checkable: str = ""

    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(part for section in self.sections for part in section.parts if isinstance(part, Table))
