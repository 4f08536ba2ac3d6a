"""`dsmbot summary`: a file of any moment, and words for what cannot be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.bot.commands.site import CHANNELS, Site, event, events


@pytest.mark.parametrize(("name", "begins"), [("s.pdf", b"%PDF"), ("s.xlsx", b"PK"), ("s.md", b"# A study")])
def test_each_form(site: Site, name: str, begins: bytes) -> None:
    site.poll()
    target = site.folder / name
    done = site.run("summary", "--audience", "open", "--out", str(target), "--json")
    assert done.code == 0
    assert target.read_bytes().startswith(begins)
    assert done.json["adverse_events"]["any"] == {"subjects": 1, "events": 1, "doubtful": 0}
    assert done.json["populations"]["treated"] == 4
    assert done.json["bytes"] == len(target.read_bytes())
    assert "Open Session Report" in done.err


def test_the_numbers_are_those_of_poll_and_replay(site: Site) -> None:
    """Would catch two answers to one question."""
    site.write("ae.csv", events(event(1), event(2), event(2, 2)))
    site.poll()
    document = site.run("summary", "--out", str(site.folder / "s.md"), "--json").json
    replayed = site.run("replay", "--json").json
    told = {rule["rule"]: rule["events"] for rule in document["rules"]}
    assert told["any-event"] == next(f["events"] for f in replayed["findings"] if f["rule"] == "any-event") == 2
    assert document["adverse_events"]["any"]["subjects"] == told["any-event"]
    assert document["alerts_open"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--audience", "closed", "--out", "s.pdf"), "closed summaries, by group, are not in this release"),
        (("--audience", "everybody", "--out", "s.pdf"), "has no summary"),
        (("--out", "s.docx"), "ends in .pdf, .xlsx, .md"),
        (("--as-of", "2999-01-01", "--out", "s.pdf"), "is in the future"),
        (("--as-of", "1999-01-01", "--out", "s.pdf"), "before the study: monitoring began"),
        (("--as-of", "tomorrow", "--out", "s.pdf"), "is not a moment"),
        (("--out", "missing/s.pdf"), "No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused_in_words(site: Site, words: tuple[str, ...], said: str) -> None:
    site.poll()
    *options, name = words
    done = site.run("summary", *options, str(site.folder / name))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (site.folder / name).exists()


def test_nothing_to_sum_up(site_of: Callable[..., Site]) -> None:
    done = site_of().run("summary", "--out", "s.pdf")
    assert done.code == 2


def test_help_needs_neither_typst_nor_openpyxl() -> None:
    """Would catch a slow --help."""
    code = (
        "import sys; from typer.testing import CliRunner; from bot.cli import app; "
        "r = CliRunner().invoke(app, ['summary', '--help']); assert r.exit_code == 0, r.output; "
        "print([m for m in ('typst', 'openpyxl', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_closed_rule_and_its_alert_are_in_no_open_summary(site_of: Callable[..., Site]) -> None:
    """Would catch a closed rule's name or state in the open report."""
    closed = {
        "id": "board-only", "kind": "count", "title": "Board", "events": {}, "count": "subjects", "at_least": 1,
        "population": "treated", "action": "notify", "audience": "closed",
    }  # fmt: skip
    from tests.bot.commands.site import SERIOUS, subjects

    site = site_of(rules=[SERIOUS, closed])
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1)))
    site.poll()
    target = site.folder / "s.md"
    assert site.run("summary", "--out", str(target), "--json").json["alerts_open"] == 0
    assert "board-only" not in target.read_text(encoding="utf-8")
    assert CHANNELS["closed"]
