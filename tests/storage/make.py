"""Small true values for storage tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from rules.model import Audience, Evidence, Finding, Reason, Standing, State, Transition, Urgency
from storage import alerts, heads, outbox

STUDY = "STS-CALC"
NOW = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)


def minutes(number: float) -> datetime:
    """`NOW` plus minutes."""
    return NOW + timedelta(minutes=number)


def finding(rule: str = "tolerability", scope: str = "study", state: State = State.CROSSED, **values: Any) -> Finding:
    evidence = (Evidence("P-014", Standing.COUNTED, "P-014/3", "P-014/E3", "AE", facts={"AEDECOD": "Dermatitis"}),)
    return Finding(rule=rule, scope=scope, state=state, **{"events": 4, "evidence": evidence, **values})


def opening(episode: int = 1) -> Transition:
    return Transition(Reason.FIRST_CROSSING if episode == 1 else Reason.MET_AGAIN, episode, opens=True)


def change(reason: Reason = Reason.BASIS_CHANGED, episode: int = 1) -> Transition:
    return Transition(reason, episode, before={"events": 4}, after={"events": 3})


def write(conn: Connection, found: Finding | None = None, transition: Transition | None = None, **values: Any):
    """Write an alert version in this transaction, under the study's lock."""
    settings = {"rule_version": 1, "audience": Audience.OPEN, "urgency": Urgency.CRITICAL, "at": NOW, **values}
    head = heads.lock_head(conn, STUDY)
    return alerts.write_version(conn, head, finding=found or finding(), transition=transition or opening(), **settings)


def respond(conn: Connection, alert_id: int, key: str = "click-1", **values: Any):
    """Record a response in this transaction, under the study's lock."""
    settings = {
        "kind": alerts.ResponseKind.ACKNOWLEDGED, "alert_version": 1, "user_id": "U1", "team_id": "T1", "at": NOW,
        "basis": finding().digest(), **values,
    }  # fmt: skip
    return alerts.add_response(conn, heads.lock_head(conn, STUDY), alert_id=alert_id, inbox_key=key, **settings)


def queue(conn: Connection, key: str, **values: Any) -> int:
    """Queue an outbox row."""
    settings = {"audience": "open", "kind": "note", "content": {"say": key}, "priority": 5, "created_at": NOW}
    return outbox.enqueue(conn, **{"study_id": STUDY, "delivery_key": key, **settings, **values})


on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""A test about SQLite itself."""

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
"""A test about PostgreSQL itself."""
