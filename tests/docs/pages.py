"""Reading Markdown: pages, fenced blocks, inline code, links, headings and tables, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])

_FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and text, and where it begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """As an editor finds it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Every fenced block of these languages on every page."""
    return [block for page in PAGES for block in _blocks_of(page) if block.language in languages]


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Lines outside fenced blocks, with their numbers."""
    fenced = {n for b in _blocks_of(page) for n in range(b.line, b.line + b.text.count("\n") + 2)}
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if number not in fenced:
            yield number, line


def inline_code() -> list[tuple[str, str]]:
    """Every piece of inline code on every page: place, code."""
    return [
        (f"{page.relative_to(ROOT)}:{number}", code)
        for page in PAGES
        for number, line in prose(page)
        for code in _INLINE.findall(line)
    ]


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Targets of links and pictures, with their lines."""
    for number, line in prose(page):
        for markdown, html in _LINK.findall(line):
            yield number, markdown or html


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get where Markdown is shown as GitHub shows it."""
    found = (_HEADING.match(line) for _, line in prose(page))
    return {_slug(match[1]) for match in found if match}


def table(page: str, first_cell: str) -> list[list[str]]:
    """The rows below the table header that begins with `first_cell`, cells stripped of blanks."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(f"| {first_cell} |")), None)
    assert start is not None, f"{page} has no table that begins with {first_cell!r}"
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split(" | ")])
    return rows


def code(cell: str) -> list[str]:
    """Inline code in one cell of a table."""
    return _INLINE.findall(cell)


def _blocks_of(page: Path) -> list[Block]:
    found, begun, indent, language, held = [], 0, "", "", []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and not begun:
            begun, indent, language, held = number, fence[1], fence[2], []
        elif fence:
            found.append(Block(page, begun, language, "\n".join(held)))
            begun = 0
        elif begun:
            held.append(line.removeprefix(indent))
    assert not begun, f"{page}:{begun}: a fenced block that never ends"
    return found


def _slug(heading: str) -> str:
    text = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
