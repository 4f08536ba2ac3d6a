"""`dsmbot slack manifest`."""

from __future__ import annotations

import sys

from bot.commands.guard import guarded
from bot.slack.manifest import manifest_yaml


@guarded
def run_manifest(*, suffix: str) -> int:
    """Print the manifest on stdout. Exit 0."""
    sys.stdout.write(manifest_yaml(suffix))
    return 0
