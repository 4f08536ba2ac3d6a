"""Where commands write: one JSON document on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """A console on stderr: progress, tables and problems never mix with JSON on stdout."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to stderr, as they are: no markup is read in them."""
    out = console()
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
