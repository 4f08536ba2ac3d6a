"""`python -m benchmarks`: every table of timings, one after the other. Nothing here is asserted in tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

TABLES = ("calibration", "exposure", "false_alarm", "joint", "ingest", "cycle", "clocks", "storm", "help")


def main(names: Sequence[str]) -> int:
    """Print the tables named, or all. Returns 1 when any missed its limit."""
    missed = 0
    for name in names or TABLES:
        print(f"\n== {name}", flush=True)
        table: Callable[[Sequence[str]], int] = import_module(f"benchmarks.{name}").main
        missed |= table([])
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
