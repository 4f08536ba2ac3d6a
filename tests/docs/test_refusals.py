"""What operations.md quotes is what the program says. Catches a reworded message that nobody would find again."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, table

SOURCE = "\n".join(
    p.read_text(encoding="utf-8") for room in ("bot", "storage", "rules") for p in sorted((ROOT / room).rglob("*.py"))
)
QUOTED = [
    fragment.strip()
    for row in table("docs/operations.md", "it says")
    for quote in re.findall(r'"([^"]+)"', row[0])
    for fragment in quote.split("…")
    if len(fragment.strip()) > 5
]


@pytest.mark.parametrize("fragment", QUOTED)
def test_quoted_message_is_in_the_source(fragment: str) -> None:
    assert fragment in SOURCE


def test_something_is_quoted() -> None:
    assert len(QUOTED) >= 8
