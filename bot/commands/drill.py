"""`dsmbot drill`: can everybody on the roster be reached, in Slack and by the second path?"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bot.acting import drill
from bot.acting.drill import Outcome
from bot.app import Connection, Opened, connect, load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json, print_lines
from bot.commands.run import open_socket, practice_workspace, prepared
from bot.config import Secrets, StudyConfig
from bot.cycle import deliver, page
from bot.views import Mode
from bot.wording.text import count
from storage.outbox_rows import Status

LONGEST = 24 * 60.0


@guarded
def run_drill(config: list[Path] | None, *, wait: float, practice: bool, port: int, as_json: bool) -> int:
    """Ask everybody, wait, list who did not press. Exit 1 when somebody did not, or a test page was not taken."""
    if not 0 < wait <= LONGEST:
        raise BadInput(f"--wait {wait:g}: write minutes, more than 0 and at most {LONGEST:g}")
    configs, secrets, patience = load_studies(config), secrets_of(), timedelta(minutes=wait)
    if not practice:
        return _said(_drilled(configs, secrets, Mode.LIVE, patience), as_json=as_json)
    with practice_workspace(configs, port) as workspace:
        print_lines([f"Practice workspace, nothing here is real: {workspace.page_url}"])
        tokens = Secrets(workspace.bot_token, workspace.app_token, api_url=workspace.base_url)
        return _said(_drilled(configs, tokens, Mode.PRACTICE, patience), as_json=as_json)


def _drilled(configs: Sequence[StudyConfig], secrets: Secrets, mode: Mode, wait: timedelta) -> list[Outcome]:
    pace = prepared(configs, secrets)
    with opened(configs, mode=mode, secrets=secrets) as composed:
        connection = connect(composed, secrets, needs_socket=True, pace=pace)
        try:
            open_socket(connection)
            return _asked(composed, connection, wait)
        finally:
            connection.close()


def _asked(composed: Opened, connection: Connection, wait: timedelta) -> list[Outcome]:
    """Ask in every study at once, and wait until everybody has pressed or the time is over."""
    clock, pause = composed.studies[0].clock, threading.Event()
    began = clock.study()
    drills = {study.id: drill.begin(study, began, wait) for study in composed.studies}
    with console().status("Asking everybody") as shown:
        while True:
            for study in composed.studies:
                deliver(study)
                page(study)
            standing = []
            for study in composed.studies:
                with study.database.reading() as conn:
                    standing.append(drill.outcome(conn, study, drills[study.id]))
            shown.update(_progress(standing, began + wait - clock.study()))
            if all(one.passed for one in standing) or clock.study() >= began + wait:
                break
            pause.wait(0.5)
    connection.desk.catch_up()
    return [drill.finish(study, drills[study.id], clock.study()) for study in composed.studies]


def _progress(standing: Sequence[Outcome], left: timedelta) -> str:
    pressed = sum(len(one.confirmed) for one in standing)
    every = pressed + sum(len(one.missing) for one in standing)
    return f"{pressed} of {every} have pressed · {max(0, int(left.total_seconds())) // 60 + 1} min left"


def _said(ended: Sequence[Outcome], *, as_json: bool) -> int:
    if as_json:
        documents = [one.document() for one in ended]
        print_json(documents[0] if len(documents) == 1 else {"studies": documents})
    for one in ended:
        print_lines(_lines(one))
    print_lines(["The drill is over. Nobody was being watched meanwhile; start dsmbot run."])
    return 0 if all(one.passed for one in ended) else 1


def _lines(one: Outcome) -> list[str]:
    lines = [f"{one.study} · {user} in the {where} channel: {why}" for (user, where), why in one.listed()]
    failed = {status: number for status, number in one.pages.items() if status != Status.SENT.value}
    lines += [f"{one.study} · {count(number, 'test page')} {status}" for status, number in sorted(failed.items())]
    verdict, taken = "passed" if one.passed else "NOT passed", count(one.pages.get("sent", 0), "test page")
    pressed = f"{len(one.confirmed)} pressed, {len(one.missing)} did not"
    return [*lines, f"{one.study} · {verdict} · {pressed} · {taken} taken"]
