"""`dsmbot slack manifest`."""

from __future__ import annotations

import sys

from bot.commands.guard import BadInput, guarded
from bot.slack.manifest import manifest_yaml


@guarded
def run_manifest(*, suffix: str) -> int:
    """Print the manifest on stdout. Exit 0."""
    try:
        text = manifest_yaml(suffix)
    except ValueError as error:
        raise BadInput(f"--suffix: {error}") from error
    sys.stdout.write(text)
    return 0
