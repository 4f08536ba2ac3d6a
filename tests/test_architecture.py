"""The rooms keep their walls: imports, purity, size and documentation, read from the source itself."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("rules", "storage", "bot")
SOURCES = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py") if "versions" not in p.parts)

ALLOWED_THIRD_PARTY = {
    "rules": {"numpy", "scipy", "pandas", "pyarrow", "pydantic", "pydantic_core"},
    "storage": {
        "sqlalchemy",
        "alembic",
        "psycopg",
        "pandas",
        "numpy",
        "pyarrow",
        "pyreadstat",
        "pydantic",
        "pydantic_core",
        "cryptography",
        "filelock",
        "structlog",
        "stamina",
        "packaging",
    },
    "bot": {
        "slack_bolt",
        "slack_sdk",
        "apscheduler",
        "sqlalchemy",
        "pandas",
        "numpy",
        "pydantic",
        "pydantic_core",
        "yaml",
        "typer",
        "rich",
        "structlog",
        "stamina",
        "prometheus_client",
        "starlette",
        "uvicorn",
        "websockets",
        "truststore",
        "filelock",
        "matplotlib",
        "openpyxl",
        "typst",
    },
}
"""Third-party roots a room may import. A new one is a decision: docs/architecture.md says why it is there."""

IMPURE = {"os", "pathlib", "socket", "urllib", "http", "subprocess", "sqlite3", "time", "secrets", "random", "tempfile"}
"""Standard modules that `rules/` may not import: they read a clock, an environment, a disk or a network."""


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imported_roots(tree: ast.Module) -> set[str]:
    roots: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.split(".")[0])
    return roots


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    outside = _imported_roots(_tree(path)) - set(sys.stdlib_module_names) - set(ROOMS) - {"__future__"}
    assert outside <= ALLOWED_THIRD_PARTY[room]


@pytest.mark.parametrize("path", [p for p in SOURCES if p.relative_to(ROOT).parts[0] == "rules"], ids=_name)
def test_rules_touch_no_clock_disk_or_network(path: Path) -> None:
    tree = _tree(path)
    assert not _imported_roots(tree) & IMPURE
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    forbidden = {"open", "print", "input", "datetime.now", "datetime.today", "date.today", "datetime.utcnow"}
    assert not calls & forbidden
    assert not [
        c
        for c in calls
        if c.startswith(("np.random.", "numpy.random.")) and not c.endswith(("default_rng", "Generator"))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_only_the_composition_root_reads_the_clock(path: Path) -> None:
    if _name(path) in {"bot/app.py", "bot/cli.py", "bot/workspace/clock.py"}:
        return
    calls = {ast.unparse(node.func) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)}
    assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "time.time", "dt.datetime.now"}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_public_name_is_documented(path: Path) -> None:
    tree = _tree(path)
    assert ast.get_docstring(tree), "a module says in a sentence what it holds"
    missing = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and "overload" not in [ast.unparse(decorator) for decorator in node.decorator_list]
    ]
    assert missing == []


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which may hold a whole table."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    documented = ast.get_docstring(function) is not None and first.end_lineno is not None
    return lines - (first.end_lineno - first.lineno + 1) if documented else lines


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_rooms_stay_small(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 320, "one idea each: split the module"
    long = [
        f"{node.name} {length}"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := _length(node)) > 50
    ]
    assert long == []


@pytest.mark.parametrize("room", [p.parent for p in SOURCES if p.name == "__init__.py"], ids=_name)
def test_every_folder_says_what_it_may_not_know(room: Path) -> None:
    text = ast.get_docstring(_tree(room / "__init__.py")) or ""
    assert re.search(r"\b(not|no|nothing|nobody)\b", text, re.IGNORECASE)
