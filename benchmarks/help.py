"""How long `dsmbot --help` takes: the first thing that anybody does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LIMIT = 0.3


def main(arguments: Sequence[str] = ()) -> int:
    """Print the best of five, in seconds; 1 when over the limit."""
    del arguments
    command = shutil.which("dsmbot", path=str(Path(sys.executable).parent)) or "dsmbot"
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([command, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    print(f"dsmbot --help: best {min(times):.2f} s, worst {max(times):.2f} s (limit {LIMIT} s)")
    return int(min(times) > LIMIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
