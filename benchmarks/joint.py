"""How long the false alarm of all rules of a study takes: whole simulated trials against the rules of STS-CALC.

    python -m benchmarks.joint [--trials 100000] [--workers 2]

Trials of 24 subjects under the null scenario of config.yaml; every rule replayed whenever anything becomes known.
Prints the figures with their Monte-Carlo errors, and the same on one worker. Exit 1 when 100,000 trials take more than
10 s, or when the number of workers changes a figure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.app import load_studies
from rules.statistics.joint import JointResult, joint

CONFIG = Path(__file__).parent.parent / "config.yaml"
SUBJECTS = 24
LIMIT = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when the limit is kept and every number of workers gives the same figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    (study,) = load_studies([CONFIG])
    assert study.null_scenario is not None
    scenario = replace(study.null_scenario.scenario(study.plan), n=SUBJECTS)
    results: list[JointResult] = []
    for workers in (options.workers, 1):
        began = time.perf_counter()
        results.append(joint(study.rules, scenario, trials=options.trials, seed=1, workers=workers))
        took = time.perf_counter() - began
        kept = workers == 1 or took <= LIMIT * options.trials / 100_000
        told = f"{options.trials:,} trials of {SUBJECTS} subjects, {len(study.rules)} rules"
        print(f"{told}, {workers} workers: {took:.2f} s")
        if not kept:
            return 1
    result = results[0]
    print("\nrule or action           false alarm  Monte-Carlo error")
    for alarm in (*result.rules, *result.actions, result.any):
        print(f"{alarm.name:22s}  {alarm.probability:12.4f}  {alarm.error:17.5f}")
    for rule, reason in result.not_included.items():
        print(f"{rule:22s}  not included: {reason}")
    return 0 if results[0] == results[1] else 1


if __name__ == "__main__":
    sys.exit(main())
