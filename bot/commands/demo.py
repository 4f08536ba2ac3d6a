"""`dsmbot demo`: the simulated study in a practice workspace."""

from __future__ import annotations

import threading
from typing import Any

from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json
from bot.demo.script import BEGIN_DAY, Pacing, Script
from bot.demo.stage import Stage, set_up
from bot.slack.filing import FILE, sought
from bot.slack.messages import keys_of
from bot.telling.outgoing import alert_key
from bot.wording.text import count
from bot.workspace.errors import WorkspaceError
from storage import alerts, outbox
from storage.alert_records import ResponseKind, StoredAlert
from storage.sources.simulated_trial import SCENARIOS


@guarded
def run_demo(*, until_done: bool, scenario: str, seed: int, port: int, as_json: bool) -> int:
    """Play the script. Exit 0 when every count reconciles at the end, 1 when not."""
    if scenario not in SCENARIOS:
        raise BadInput(f"--scenario {scenario} does not exist. Choose {', '.join(SCENARIOS)}.")
    if seed < 0:
        raise BadInput("--seed must be 0 or more.")
    screen = console()

    def told(line: str) -> None:
        screen.print(line, markup=False, soft_wrap=True)

    try:
        with set_up(scenario=scenario, seed=seed, port=port, told=told, begin=BEGIN_DAY) as stage:
            told("Practice · every record here is simulated, nobody is being watched")
            if not until_done:
                told(f"Open {stage.workspace.page_url}")
            script = Script(stage, Pacing(until_done), told)
            script.play()
            result = outcome(stage)
            told(_closing(result))
            if as_json:
                print_json(result)
            if not until_done:
                told("The page stays open. Ctrl-C ends it. Next: dsmbot setup")
                _until_interrupted()
            return 0 if result["reconciled"] else 1
    except WorkspaceError as error:
        raise BadInput(str(error)) from error


def outcome(stage: Stage) -> dict[str, Any]:
    """What happened, and whether what is stored and what people see agree: the document of `demo --json`.

    Reconciled means: nothing waits or is held, no message is there twice, every queued message is in its channel.
    """
    study, counts = stage.study, stage.counts()
    with study.database.reading() as conn:
        opened = stage.open_alerts()
        stored = alerts.by_id(conn, [alert.alert_id for alert in opened]).values()
        acknowledged = [alert for alert in stored if _answered(alert)]
        sent = outbox.with_status(conn, outbox.Status.SENT, study_id=study.id)
        parents = {alert_key(conn, study.id, a.rule_id, a.scope, a.episode) for a in opened}
    visible = _visible(stage)
    doubled = len(stage.workspace.duplicates())
    in_place = all((item.channel_id, sought(item) if item.kind == FILE else item.ts) in visible for item in sent)
    alerted = parents <= {item.delivery_key for item in sent}
    rows = stage.source.trial.rows_known_by(stage.time.now())
    return {
        "days": stage.day - stage.began + 1,
        "polls": stage.polls,
        "records": sum(len(found) for found in rows.values()),
        "alerts": len(opened),
        "acknowledged": len(acknowledged),
        "notifications": counts,
        "duplicates_visible": doubled,
        "reconciled": in_place and alerted and not doubled and not counts["pending"] and not counts["held"],
    }


def _answered(alert: StoredAlert) -> bool:
    """Somebody acknowledged it and did not take that back; a later correction may have asked again since."""
    kinds = [response.kind for response in alert.responses]
    return kinds.count(ResponseKind.ACKNOWLEDGED) > kinds.count(ResponseKind.WITHDRAWN)


def _visible(stage: Stage) -> set[tuple[str, str]]:
    """Channel, and ts or name, of every message and file that people can see, threads included."""
    found: set[tuple[str, str]] = set()
    for reference in stage.study.config.slack.channels.values():
        channel = stage.workspace.workspace.channel(reference).id
        for message in stage.workspace.messages(reference):
            found.add((channel, str(message["ts"])))
            for reply in stage.workspace.thread(reference, message["ts"]):
                found |= {(channel, name) for name in (str(reply["ts"]), *keys_of(reply))}
    return found


def _closing(result: dict[str, Any]) -> str:
    sent = result["notifications"]
    verdict = "all counts reconciled" if result["reconciled"] else "COUNTS DO NOT RECONCILE"
    return (
        f"{result['days']} simulated days · {result['records']} records · {count(result['alerts'], 'alert')}, "
        f"{result['acknowledged']} acknowledged · {sent['sent']} messages sent, {sent['pending']} pending, "
        f"{sent['held']} held · {result['duplicates_visible']} duplicates visible · {verdict}"
    )


def _until_interrupted() -> None:
    ended = threading.Event()
    try:
        while not ended.wait(1):
            pass
    except KeyboardInterrupt:
        return
