"""Every command line that is shown works, and every command and option that exists is shown.

Catches: a renamed option, a removed command, an example without its required argument, an undocumented command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import typer

from bot.cli import app
from tests.docs.pages import ROOT, blocks, code, inline_code, table

PROGRAM: Any = typer.main.get_command(app)
PREFIX = re.compile(r"^(?:sudo(?: -u \w+)? )?(?:env )?(?:[A-Z_]+=\S+ )*(?:\S*/)?dsmbot(?= |$)(?! \\)")


def leaves(command: Any = PROGRAM, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


LEAVES: Mapping[str, Any] = dict(leaves())


def find(words: list[str]) -> tuple[str, Any, list[str]]:
    """The command that words call, and what is left for it. Raises AssertionError for none."""
    command, path, rest = PROGRAM, [], list(words)
    while hasattr(command, "commands"):
        assert rest, f"'dsmbot {' '.join(path)}' needs one of: {', '.join(command.commands)}"
        assert rest[0] in command.commands, f"dsmbot has no command {' '.join([*path, rest[0]])!r}"
        path.append(rest.pop(0))
        command = command.commands[path[-1]]
    return " ".join(path), command, rest


def shown() -> list[tuple[str, str]]:
    """Command lines of dsmbot in fenced blocks and in the help of the commands themselves."""
    found = []
    for block in blocks("sh", "bat", ""):
        for line in block.text.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+", " ", line).strip()
            if match := PREFIX.match(line):
                found.append((str(block), line[match.end() :]))
    for path, command in LEAVES.items():
        for example in re.findall(r"Example: dsmbot (.*)", command.help or ""):
            found.append((f"help of {path}", example))
    return found


@pytest.mark.parametrize(("place", "line"), shown())
def test_command_line_parses(place: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0].split(" | ")[0], comments=True)
    if words in (["--version"], ["--help"]):
        return
    name, command, rest = find(words)
    command.make_context(name, rest)  # raises UsageError where an option or argument is wrong or missing


def test_every_command_has_an_example_in_its_help() -> None:
    without = [path for path, command in LEAVES.items() if "Example: dsmbot" not in (command.help or "")]
    assert without == []


@pytest.mark.parametrize(("place", "line"), [(p, c) for p, c in inline_code() if c.startswith("dsmbot ")])
def test_inline_command_exists(place: str, line: str) -> None:
    words = line.split()[1:]
    if words[0] in ("--version", "--help"):
        return
    _, command, rest = find([w for w in words if not w.startswith("…")])
    known = {option for parameter in command.params for option in parameter.opts}
    assert {w.split("=")[0] for w in rest if w.startswith("-")} <= known, f"{place}: {line}"


def test_the_table_of_operations_names_every_command_once() -> None:
    names = [code(row[0])[0].removeprefix("dsmbot ") for row in table("docs/operations.md", "command")]
    assert sorted(names) == sorted(LEAVES)


def test_every_option_is_mentioned_in_operations() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    missing = {
        f"{path} {option}"
        for path, command in LEAVES.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("-") and not re.search(rf"{re.escape(option)}\b", text)
    }
    assert missing == set()


def test_choices_named_in_operations_are_those_of_the_help() -> None:
    """`--scenario` and `--by` take words that the help lists; the table must list the same."""
    rows = {code(row[0])[0]: row[1] for row in table("docs/operations.md", "command")}
    for path, option in (("demo", "--scenario"), ("replay", "--by")):
        parameter = next(p for p in LEAVES[path].params if option in p.opts)
        words = re.findall(r"[a-z]+(?:-[a-z]+)?", parameter.help.split(":")[-1].replace(" or ", " "))
        for word in words:
            assert re.search(rf"\b{word}\b", rows[f"dsmbot {path}"]), f"{path} {option}: {word}"


def test_make_targets_exist() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    named = {c.split()[1] for _, c in inline_code() if c.startswith("make ")}
    named |= {w for b in blocks("sh") for w in re.findall(r"^make (\w+)", b.text, re.MULTILINE)}
    assert named - targets == set()
