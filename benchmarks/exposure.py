"""How long an exposure boundary takes: calibration, exact characteristics at nine rates, and whole simulated trials.

    python -m benchmarks.exposure [--repeats 5]

Null rate .20, alpha .10, a window of 84 days; the fastest of the repeats is shown. The simulation is of 20,000 trials
with a front-loaded hazard over two years' accrual. Exit 1 when 400 subjects (100 ms for calibration and rates
together) or 24 simulated subjects (2 s) exceed their limit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.calibration import RATES, fastest
from rules.statistics.exposure import calibrate_exposure, exposure_characteristics, simulated_alpha

DESIGNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("exposure_pocock", {}),
    ("exposure_wang_tsiatis", {"delta": 0.25}),
    ("exposure_gamma_poisson", {"shape": 1}),
    ("exposure_max_sprt", {"min_events": 3}),
)
LIMITS = {24: None, 100: None, 400: 100.0, 1000: None, 5000: None}
TRIALS = 20_000
SIMULATION_LIMIT = 2000.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when every limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(arguments).repeats
    kept = True
    print("subjects  design                  attained alpha  calibrate ms  nine rates ms  limit ms")
    for subjects, limit in LIMITS.items():
        for method, parameters in DESIGNS:
            kept &= _row(method, parameters, subjects, limit, repeats if subjects <= 1000 else 1)
    boundary = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=24, window=84)
    asked: dict[str, Any] = {"accrual": 730, "onset": "front_loaded", "trials": TRIALS}
    took = fastest(repeats, lambda: simulated_alpha(boundary, **asked))
    print(f"{TRIALS:,} whole trials of 24 subjects: {took:.0f} ms (limit {SIMULATION_LIMIT:.0f} ms)")
    return 0 if kept and took <= SIMULATION_LIMIT else 1


def _row(method: str, parameters: dict[str, Any], subjects: int, limit: float | None, repeats: int) -> bool:
    asked = {"null_rate": 0.2, "alpha": 0.1, "max_n": subjects, "window": 84, **parameters}
    boundary = calibrate_exposure(method, **asked)
    calibrating = fastest(repeats, lambda: calibrate_exposure(method, **asked))
    judging = fastest(repeats, lambda: exposure_characteristics(boundary, RATES))
    print(
        f"{subjects:8d}  {method:22s}  {boundary.attained_alpha:14.6f}  {calibrating:12.1f}  {judging:13.1f}"
        f"  {limit or '–':>8}"
    )
    return limit is None or calibrating + judging <= limit


if __name__ == "__main__":
    sys.exit(main())
