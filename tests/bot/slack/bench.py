"""A bench for Slack tests: a real database, a real practice workspace on a socket, a clock moved by hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from slack_sdk import WebClient

from bot.configuration.people import Slack
from bot.slack.delivery import Delivery, DeliveryReport, DeliveryTiming
from bot.slack.history import Pace
from bot.telling.outgoing import alert_key, key
from bot.views import Mode, OpsContent, OpsKind, Setting, StatusContent, StepContent, Stored, stored_body
from bot.voice import Voice
from bot.workspace import people as cast
from bot.workspace.server import RunningWorkspace, Workspace, serve
from rules.model import Audience, Evidence, Finding, Reason, Standing, State, Transition, Urgency
from storage import alerts, outbox
from storage.database import Database, open_database
from storage.findings import register_rule, store_evaluation
from storage.heads import advance_head, lock_head

STUDY = "STS-CALC"
START = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)
CHANNELS = {
    "open": "#sts-calc-safety",
    "closed": "#sts-calc-dsmb",
    "pharmacy": "#sts-calc-pharmacy",
    "ops": "#sts-calc-ops",
}
ROLES = {
    "investigator": [cast.INVESTIGATOR],
    "medical_monitor": [cast.MEDICAL_MONITOR],
    "pharmacist": [cast.PHARMACIST],
    "dsmb": [cast.DSMB_MEMBER],
    "operator": [cast.OPERATOR],
}
QUICK = Pace(page=200, seconds=0.0)

RULE = {
    "id": "tolerability",
    "kind": "boundary",
    "title": "Related application-site reaction, grade ≥ 2",
    "action": "pause_enrolment",
    "audience": "open",
    "urgency": "urgent",
    "design": {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1},
    "boundary": {
        "table": [[1, 1, None], [2, 3, 2], [4, 6, 3], [7, 10, 4]],
        "attained_alpha": 0.096,
        "critical_value": 0.9,
    },
}


def slack_block(**changes: Any) -> Slack:
    """The `slack:` block of the bench's study."""
    steps = [{"after": "30 min", "to": "medical_monitor"}, {"after": "2 h", "to": "investigator"}]
    body = {"channels": CHANNELS, "roles": ROLES, "escalate": steps, **changes}
    return Slack.model_validate_json(json.dumps(body))


def setting(**changes: Any) -> Setting:
    """The setting of the bench's study, live unless changed."""
    return Setting(**{"study_id": STUDY, "timezone": "America/Chicago", "mode": Mode.LIVE, **changes})


def crossed(events: int = 4, at_n: int = 7, **changes: Any) -> Finding:
    """A boundary crossed by `events` among the first `at_n`, with two pending inside and three after."""
    counted = [
        Evidence(
            f"STS-{i:03d}", Standing.COUNTED, f"STS-{i:03d}:{i}", f"STS-{i:03d}:E{i}", "AE",
            facts={"AEDECOD": "Application site dermatitis", "grade": 2, "related": True, "serious": False,
                   "study_day": 10 + i, "position": i, "crossing": True, "onset": "2026-05-10"},
        )
        for i in range(1, events + 1)
    ]  # fmt: skip
    pending = [
        Evidence(f"STS-{i:03d}", Standing.PENDING, facts={"position": i})
        for i in (*range(at_n - 1, at_n + 1), *range(at_n + 1, at_n + 4))
    ]
    values: dict[str, Any] = {
        "rule": "tolerability", "scope": "study", "state": State.CROSSED, "events": events, "n_evaluable": 5,
        "n_pending": 5, "n_overdue": 0, "stop_at": 4, "at_n": at_n, "first_crossed_on": date(2026, 5, 12),
        "known_at": START, "evidence": (*counted, *pending),
        "details": {"counting": "subjects", "crossed_study_day": 14, "entry_delay_days": 2},
    }  # fmt: skip
    return Finding(**{**values, **changes})


@dataclass
class Hand:
    """A clock moved by hand."""

    now: datetime = START


class Bench:
    """One study in one workspace.

    Parameters
    ----------
    folder: for the database.   hand: the clock.   timing, pace: of the delivery.
    """

    def __init__(
        self, folder: Path, hand: Hand, workspace: RunningWorkspace, *, timing: DeliveryTiming | None, pace: Pace
    ) -> None:
        self.hand = hand
        self.folder, self.running, self.timing, self.pace = folder, workspace, timing, pace
        self.voice = Voice(setting(), slack_block(), {"tolerability": "beta_binomial boundary on subjects."})
        self.db = self._open()
        self.delivery = self._delivery()

    @property
    def now(self) -> datetime:
        return self.hand.now

    @property
    def workspace(self) -> Workspace:
        return self.running.workspace

    def client(self, **more: Any) -> WebClient:
        options = {"retry_handlers": [], "timeout": 1, **more}
        return WebClient(token=self.running.bot_token, base_url=self.running.base_url, **options)

    def _open(self) -> Database:
        url = f"sqlite:///{self.folder / 'bench.db'}"
        return open_database(url, mode="practice", study_ids=[STUDY], now=self.now)

    def _delivery(self) -> Delivery:
        return Delivery(self.db, self.client(), {STUDY: self.voice}, timing=self.timing, pace=self.pace)

    def restart(self) -> None:
        """As after a crash: a new process with the same database."""
        self.db.close()
        self.db = self._open()
        self.delivery = self._delivery()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.hand.now += timedelta(seconds=seconds)

    def run(self, seconds: float = 0) -> DeliveryReport:
        """One delivery run, `seconds` later."""
        self.advance(seconds)
        return self.delivery.run_once(self.now)

    def run_for(self, seconds: float, step: float = 2.0) -> list[DeliveryReport]:
        """Runs every `step` seconds for a while."""
        return [self.run(step) for _ in range(int(seconds / step))]

    def alert(
        self, finding: Finding | None = None, *, audience: Audience = Audience.OPEN, urgency: Urgency = Urgency.URGENT,
        reason: Reason = Reason.FIRST_CROSSING, rule: dict[str, Any] | None = None, opens: bool = True,
        broadcast: bool = False, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None,
    ) -> str:  # fmt: skip
        """Write an alert version and queue its message; returns the delivery key of the message queued."""
        finding = finding or crossed()
        with self.db.writing(STUDY) as conn:
            head = lock_head(conn, STUDY)
            body = {"rule": {**(rule or RULE), "audience": audience.value}}
            number, head = register_rule(conn, head, finding.rule, fingerprint=str(body), body=body, now=self.now)
            stored = store_evaluation(
                conn, head, findings=[finding], rule_versions={finding.rule: number}, batch_no=0,
                data_cutoff=self.now, at=self.now, code_version="0.1.0",
            )  # fmt: skip
            step = Transition(reason, 1, opens=opens, broadcast=broadcast, before=before or {}, after=after or {})
            written = alerts.write_version(
                conn, stored.head, finding=finding, transition=step, rule_version=number, audience=audience,
                urgency=urgency, at=self.now,
            )  # fmt: skip
            parent = alert_key(conn, STUDY, finding.rule, finding.scope, 1)
            mine = parent if opens else key(conn, STUDY, "change", parent, written.version)
            outbox.enqueue(
                conn, study_id=STUDY, delivery_key=mine, audience=audience.value, kind="parent" if opens else "reply",
                content=stored_body(StepContent("alert" if opens else "change", version=written.version)),
                priority={Urgency.CRITICAL: 0, Urgency.URGENT: 3, Urgency.ROUTINE: 6}[urgency], created_at=self.now,
                alert_id=written.alert_id, alert_version=written.version, broadcast=broadcast,
                thread_key=None if opens else parent,
            )  # fmt: skip
            advance_head(conn, written.head, rules_fingerprint="x")
        return mine

    def note(self, text: str = "edc", *, audience: Audience = Audience.OPEN, priority: int = 8) -> str:
        """Queue a note of routine priority; returns its delivery key."""
        content: Stored = StatusContent(audience, self.now, problems=(text,))
        if audience is Audience.OPS:
            content = OpsContent(OpsKind.SOURCE_FAILED, self.now, subject=text, reason="the folder is missing")
        with self.db.writing(STUDY) as conn:
            mine = key(conn, STUDY, "note", text, audience)
            outbox.enqueue(
                conn, study_id=STUDY, delivery_key=mine, audience=audience.value, kind="note",
                content=stored_body(content), priority=priority, created_at=self.now,
            )  # fmt: skip
        return mine

    def posts(self, audience: str = "open") -> list[dict[str, Any]]:
        """What everybody sees in a channel, threads left out."""
        return self.running.messages(CHANNELS[audience])

    def item(self, delivery_key: str) -> outbox.Item:
        with self.db.reading() as conn:
            found = outbox.find(conn, delivery_key)
        assert found is not None
        return found

    def audited(self) -> list[str]:
        """Kinds of all audit entries, oldest first."""
        from sqlalchemy import select

        from storage.schema import audit

        with self.db.reading() as conn:
            return list(conn.execute(select(audit.c.kind).order_by(audit.c.seq)).scalars())

    def close(self) -> None:
        self.db.close()


@contextlib.contextmanager
def bench(
    folder: Path, *, timing: DeliveryTiming | None = None, pace: Pace = QUICK, **workspace: Any
) -> Iterator[Bench]:
    """A bench that is taken down at the end."""
    hand = Hand()
    with serve(Workspace(channels=CHANNELS, clock=lambda: hand.now, **workspace)) as running:
        made = Bench(folder, hand, running, timing=timing, pace=pace)
        try:
            yield made
        finally:
            made.close()
