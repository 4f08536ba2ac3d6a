"""The statistics page is executed: every `>>>` session by doctest, each section from an empty namespace.

Catches: a figure that the code no longer gives, an example that needs another section, a name that was renamed.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/statistics.md"


def sections() -> Iterator[tuple[str, int, str]]:
    """Heading, first line and text of each part of the page that a `## ` heading begins; the lead goes first."""
    parts = re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    line = 0
    for part in parts:
        yield part.splitlines()[0].lstrip("# "), line, part
        line += part.count("\n")


def session(part: str) -> str:
    """The text with its fences emptied, so that a closing fence is never read as expected output."""
    return re.sub(r"^```\w*$", "", part, flags=re.MULTILINE)


EXECUTED = [(heading, line, part) for heading, line, part in sections() if ">>> " in part]


@pytest.mark.parametrize(("heading", "line", "part"), EXECUTED, ids=[heading for heading, _, _ in EXECUTED])
def test_what_is_printed_is_what_is_computed(heading: str, line: int, part: str) -> None:
    examples = doctest.DocTestParser().get_doctest(session(part), {}, heading, str(PAGE), line)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(
        examples, out=said.append
    )
    assert result.failed == 0, "".join(said)


def test_every_section_has_an_executed_example() -> None:
    without = [heading for heading, _, part in sections() if ">>> " not in part and "```" in part]
    assert without == []
