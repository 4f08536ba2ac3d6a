"""`dsmbot run`: watch until stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.app import Connection, Opened, connect, load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_lines
from bot.config import ConfigError, Secrets, StudyConfig
from bot.golive.record import unapproved
from bot.health import HealthServer
from bot.health import serve as serve_health
from bot.loop import Loop
from bot.slack.history import Pace
from bot.slack.preflight import preflight
from bot.views import Mode

if TYPE_CHECKING:
    from bot.workspace.server import RunningWorkspace

log = structlog.get_logger(__name__)


@guarded
def run_forever(config: list[Path] | None, *, practice: bool, port: int) -> int:
    """Watch every study until SIGTERM or SIGINT. Exit 0 when stopped, 2 when it may not start or was taken over."""
    configs, secrets = load_studies(config), secrets_of()
    if not practice:
        return _watch(configs, secrets, Mode.LIVE)
    with practice_workspace(configs, port) as workspace:
        print_lines([f"Practice workspace, nothing here is real: {workspace.page_url}"])
        tokens = Secrets(workspace.bot_token, workspace.app_token, api_url=workspace.base_url,
                         allocation_key=secrets.allocation_key)  # fmt: skip
        return _watch(configs, tokens, Mode.PRACTICE)


@contextmanager
def practice_workspace(configs: Sequence[StudyConfig], port: int) -> Iterator[RunningWorkspace]:
    """A practice workspace for some studies, taken down at the end. Raises BadInput where it cannot be."""
    from bot.practice import workspace_for  # a live process starts without it
    from bot.workspace.errors import WorkspaceError
    from bot.workspace.server import serve

    try:
        workspace = serve(workspace_for(configs), port=port)
    except WorkspaceError as error:
        raise BadInput(str(error)) from error
    try:
        yield workspace
    finally:
        workspace.stop()


def _watch(configs: Sequence[StudyConfig], secrets: Secrets, mode: Mode) -> int:
    pace = prepared(configs, secrets)
    with opened(configs, mode=mode, secrets=secrets) as composed:
        if mode is Mode.LIVE:
            print_lines(f"Warning: {said}" for said in map(unapproved, composed.studies) if said)
        return _until_stopped(composed, connect(composed, secrets, needs_socket=True, pace=pace))


def prepared(configs: Sequence[StudyConfig], secrets: Secrets) -> Pace:
    """What would make a message go astray stops the start, before anything is polled; gives the pace of history.

    The database is opened afterwards: on PostgreSQL that ends another process, which must not be ended by one that
    cannot watch in its place.
    """
    found = preflight(configs, secrets, starting=True)
    print_lines(f"Warning: {warning}" for warning in found.warnings)
    if found.problems:
        raise ConfigError(found.problems)
    return found.pace


def _until_stopped(composed: Opened, connection: Connection) -> int:
    loop = Loop(
        composed.studies, connected=connection.connected, catch_up=connection.desk.catch_up,
        present=connection.present,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stopped.set())
    health = _health(loop, composed.studies[0].config.operations.health_port)
    try:
        connection.desk.catch_up()
        open_socket(connection)
        loop.start()
        print_lines([f"Watching {', '.join(s.id for s in composed.studies)} · health on 127.0.0.1:{health.port}"])
        _wait(loop.stopped)
    finally:
        loop.stop()
        connection.close()
        health.stop()
    if loop.fatal:
        print_lines([loop.fatal])
        return 2
    print_lines(["Stopped. Nobody is being watched until dsmbot runs again."])
    return 0


def open_socket(connection: Connection) -> None:
    """Open the socket, or refuse: without it nobody could press anything."""
    assert connection.link is not None
    try:
        connection.link.connect()
    except ConnectionError as error:
        raise BadInput(
            f"The socket to Slack cannot be opened ({error}): nobody could acknowledge, so nothing is monitored. "
            "Let wss:// to Slack through the firewall, and start again."
        ) from error


def _health(loop: Loop, port: int) -> HealthServer:
    try:
        return serve_health(loop.health, host="127.0.0.1", port=port)
    except OSError as error:
        raise BadInput(
            f"operations.health_port: port {port} on 127.0.0.1 cannot be used ({error.strerror}). Choose another, or 0 "
            "for any free one; if another dsmbot runs here, only one may watch a study."
        ) from error


def _wait(stopped: threading.Event) -> None:
    """Wait in short steps, so that a signal is heard at once."""
    while not stopped.wait(0.5):
        pass
