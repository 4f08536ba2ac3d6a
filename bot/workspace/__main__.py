"""Run a practice workspace in a process of its own: ``python -m bot.workspace --port 0 --state practice.json``.

Prints one JSON line with addresses and tokens on stdout, then serves until SIGINT or SIGTERM; with ``--state`` it
begins with the state of that file where there is one, and writes it at the end.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bot.workspace.errors import WorkspaceError
from bot.workspace.server import RunningWorkspace, Workspace, serve
from bot.workspace.state import MARKS


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Returns 0, or 2 where it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        workspace = Workspace(
            seed=options.seed,
            channels=_channels(options.channels) or None,
            study=options.study,
            timezone=options.timezone,
            mark=options.mark,
            rate_limits=options.rate_limits,
            ack_seconds=options.ack_seconds,
        )
        if options.state and options.state.exists():
            workspace.restore(options.state)
        running = serve(workspace, port=options.port)
    except WorkspaceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    sys.stdout.write(json.dumps(addresses(running)) + "\n")
    sys.stdout.flush()
    while not ended.wait(0.5):
        pass
    if options.state:
        workspace.snapshot(options.state)
    running.stop()
    return 0


def addresses(running: RunningWorkspace) -> dict[str, object]:
    """What another process needs to reach this workspace."""
    return {
        "base_url": running.base_url,
        "bot_token": running.bot_token,
        "app_token": running.app_token,
        "page_url": running.page_url,
        "origin": running.origin,
        "control_key": running.control_key,
        "port": running.port,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.workspace", description="A practice workspace on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port; a taken one gives the next")
    parser.add_argument("--seed", type=int, default=0, help="of the draws for faults")
    parser.add_argument("--channels", nargs="*", default=[], metavar="AUDIENCE=#NAME", help="open=#a closed=#b …")
    parser.add_argument("--study", default="STS-CALC", help="shown on the page")
    parser.add_argument("--timezone", default="America/Chicago", help="of the times on the page")
    parser.add_argument("--mark", choices=sorted(MARKS), default="practice", help="the band on every page")
    parser.add_argument("--state", type=Path, help="file to begin with and to write at the end")
    parser.add_argument("--rate-limits", action="store_true", help="one message a second and channel, as Slack has it")
    parser.add_argument("--ack-seconds", type=float, default=3.0, help="time the bot has to acknowledge")
    return parser


def _channels(given: Sequence[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in given]
    if wrong := [name for name, equals, channel in pairs if not (equals and channel)]:
        raise WorkspaceError(f"--channels takes AUDIENCE=#NAME; {', '.join(wrong)} has no name")
    return {audience: name for audience, _, name in pairs}


if __name__ == "__main__":
    raise SystemExit(main())
