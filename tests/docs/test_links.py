"""Every link inside the project leads somewhere. Catches a moved page, a renamed heading, a lost picture."""

from __future__ import annotations

import itertools
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, prose

INTERNAL = [
    (page, number, target)
    for page in PAGES
    for number, target in links(page)
    if not urlsplit(target).scheme and not target.startswith("docs/images/")
]


@pytest.mark.parametrize(("page", "number", "target"), INTERNAL, ids=lambda value: str(getattr(value, "name", value)))
def test_link_resolves(page: Path, number: int, target: str) -> None:
    path, _, anchor = unquote(target).partition("#")
    place = (page.parent / path).resolve() if path else page
    assert place.exists(), f"{page.name}:{number}: {target} leads nowhere"
    assert ROOT in place.parents, f"{page.name}:{number}: {target} leads out of the project"
    if anchor:
        assert anchor in anchors(place), f"{page.name}:{number}: {place.name} has no heading #{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        found = ((page.parent / unquote(t).partition("#")[0]).resolve() for _, t in links(page))
        targets = (t / "README.md" if t.is_dir() else t for t in found)
        waiting += [t for t in targets if t.suffix == ".md" and t.exists() and t not in reached]
    assert {p.relative_to(ROOT).as_posix() for p in PAGES if p not in reached} == set()


def test_the_pictures_of_the_readme_exist() -> None:
    wanted = [ROOT / t for _, t in links(ROOT / "README.md") if t.startswith("docs/images/")]
    assert len(wanted) == 2, "one picture for light, one for dark"
    if not any(p.exists() for p in wanted):
        pytest.skip("docs/images is made by the browser test of the practice page; not made yet")
    for picture in wanted:
        assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", picture


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_one_title_and_no_heading_skips_a_level(page: Path) -> None:
    levels = [len(line) - len(line.lstrip("#")) for _, line in prose(page) if line.startswith("#")]
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
