"""Every table of timings, one after the other; nothing here is asserted in tests.

    python -m benchmarks [calibration] [exposure] [false_alarm] [joint] [ingest] [cycle] [clocks] [storm] [help]

A table alone takes options: `python -m benchmarks.ingest --rows 1000000`, `python -m benchmarks.cycle 1000`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

TABLES = ("calibration", "exposure", "false_alarm", "joint", "ingest", "cycle", "clocks", "storm", "help")


def main(arguments: Sequence[str]) -> int:
    """Print the tables named, or all. Returns 1 when any missed its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", metavar="table", help=f"one of {', '.join(TABLES)}; none = all")
    names: list[str] = parser.parse_args(arguments).tables
    if unknown := [name for name in names if name not in TABLES]:
        parser.error(f"no table {', '.join(map(repr, unknown))}: it is one of {', '.join(TABLES)}")
    missed = 0
    for name in names or TABLES:
        print(f"\n== {name}", flush=True)
        table: Callable[[Sequence[str]], int] = import_module(f"benchmarks.{name}").main
        missed |= table([])
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
