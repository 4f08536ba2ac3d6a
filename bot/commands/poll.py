"""`dsmbot poll`: one cycle now."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import by_arm
from bot.app import connect, load_studies, opened, secrets_of
from bot.commands.guard import guarded
from bot.commands.output import console, print_json, print_lines
from bot.config import ConfigError
from bot.cycle import Cycle, deliver, page, run_cycle
from bot.slack.preflight import refused_token
from bot.study import Study
from bot.views import Mode
from storage import outbox

PATIENCE = timedelta(seconds=90)
"""How long one poll waits for its messages to be delivered; what is not is sent by the next poll or by `run`."""


@guarded
def run_poll(config: list[Path] | None, *, as_json: bool) -> int:
    """Poll, evaluate, deliver. Exit 1 when a source failed or a delivery is held, 2 when nothing could be done."""
    configs, secrets = load_studies(config), secrets_of()
    refused = refused_token(secrets)
    if refused:
        raise ConfigError(refused)
    with opened(configs, mode=Mode.LIVE, secrets=secrets) as composed:
        connect(composed, secrets, needs_socket=False)
        reports = []
        for study in composed.studies:
            with console().status(f"{study.id}: polling, evaluating, delivering"):
                cycle = run_cycle(study, study.clock.study(), sources=study.sources.values())
                trouble = _drain(study, cycle)
            reports.append(_report(study, cycle))
            print_lines(f"{study.id} · {line}" for line in trouble)
    if as_json:
        print_json(reports[0] if len(reports) == 1 else {"studies": reports})
    print_lines(line for report in reports for line in _lines(report))
    failed = any(s["outcome"] == "failed" for r in reports for s in r["sources"])
    return 1 if failed or any(r["notifications"]["held"] for r in reports) else 0


def _drain(study: Study, cycle: Cycle) -> list[str]:
    """Deliver until nothing waits that could be sent now, within `PATIENCE`; what a person must mend, in words."""
    until, pause = study.clock.wall() + PATIENCE, threading.Event()
    trouble = dict.fromkeys(cycle.delivered.problems if cycle.delivered else ())
    while study.clock.wall() < until:
        with study.database.reading() as conn:
            if not outbox.counts(conn, study.id)["pending"]:
                break
        report = deliver(study)
        page(study)
        trouble |= dict.fromkeys(report.problems if report else ())
        pause.wait(0.2)
    _drain_apart(study, until)
    return list(trouble)


def _drain_apart(study: Study, until: datetime) -> None:
    """Deliver what the closed side has to say; however little that is, it takes as long."""
    if study.closed is None or study.closed.delivery is None:
        return
    least, pause = study.clock.wall() + study.closed.delivery.line.timing.apart, threading.Event()
    while (now := study.clock.wall()) < until:
        with study.database.reading() as conn:
            waiting = outbox.counts(conn, study.closed.id)["pending"]
        if not waiting and now >= least:
            return
        by_arm.speak(study)
        by_arm.page(study)
        pause.wait(0.2)


def _report(study: Study, cycle: Cycle) -> dict[str, Any]:
    with study.database.reading() as conn:
        notifications = outbox.counts(conn, study.id)
    recorded = cycle.recorded
    return {
        "study": study.id,
        "sources": [polled.document() for polled in cycle.polled],
        "alerts": {"opened": recorded.opened if recorded else 0, "updated": recorded.updated if recorded else 0},
        "notifications": notifications,
    }


def _lines(report: dict[str, Any]) -> list[str]:
    lines = []
    for source in report["sources"]:
        counted = ", ".join(f"{source[name]} {name}" for name in ("new", "changed", "deleted", "unchanged"))
        reason = f": {source['reason']}" if source["reason"] else ""
        lines.append(f"{report['study']} · {source['id']} {source['outcome']}{reason} · {counted}")
    alerts, sent = report["alerts"], report["notifications"]
    lines.append(
        f"{report['study']} · {alerts['opened']} alerts opened, {alerts['updated']} updated · "
        f"{sent['sent']} sent, {sent['pending']} pending, {sent['held']} held"
    )
    return lines
