"""How long a boundary takes: calibration, and exact characteristics at nine rates, for designs of growing size.

    python -m benchmarks.calibration [--repeats 5]

A look after each subject, null rate .20, alpha .10; the fastest of the repeats is shown. Exit 1 when a design with
a limit (400 looks: 60 ms, 1,000 looks: 300 ms, both figures together) exceeds it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from rules.statistics import calibrate, operating_characteristics

DESIGNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pocock", {}),
    ("obrien_fleming", {}),
    ("wang_tsiatis", {"delta": 0.25}),
    ("beta_binomial", {"prior_a": 0.6, "prior_b": 2.4}),
    ("chen_chaloner", {"prior_a": 0.6, "prior_b": 2.4, "p1": 0.4, "nu": 0.2}),
    ("sprt", {"p1": 0.3}),
    ("max_sprt", {"min_events": 3}),
    ("posterior_cutoff", {"prior_a": 0.6, "prior_b": 2.4, "cutoff": 0.98}),
)
LIMITS = {20: None, 100: None, 400: 60.0, 1000: 300.0, 5000: None}
RATES = [step / 20 for step in range(1, 10)]


def fastest(repeats: int, work: Callable[[], object]) -> float:
    """Milliseconds of the fastest run."""
    return min(_once(work) for _ in range(repeats))


def _once(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when every limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(arguments).repeats
    kept = True
    print("looks  design            attained alpha  calibrate ms  nine rates ms  limit ms")
    for looks, limit in LIMITS.items():
        for method, parameters in DESIGNS:
            asked = {"null_rate": 0.2, "alpha": 0.1, "looks": range(1, looks + 1), **parameters}
            boundary = calibrate(method, **asked)
            runs = repeats if looks <= 1000 else 1
            calibrating = fastest(runs, lambda m=method, a=asked: calibrate(m, **a))  # type: ignore[misc]
            judging = fastest(runs, lambda b=boundary: operating_characteristics(b, RATES))  # type: ignore[misc]
            kept &= limit is None or calibrating + judging <= limit
            print(
                f"{looks:5d}  {method:16s}  {boundary.attained_alpha:14.6f}  {calibrating:12.1f}  {judging:13.1f}"
                f"  {limit or '–':>8}"
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
