"""That a study went live: one audit entry, and whether it still speaks of the configuration of today."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.acting.drill import asked, channels, ways
from bot.config import StudyConfig
from bot.study import Study
from storage import audit
from storage.heads import lock_head
from storage.schema import audit as audit_table
from storage.schema import canonical

KIND = "went_live"


@dataclass(frozen=True, slots=True)
class WentLive:
    """The last such entry: its number, time and body."""

    seq: int
    at: datetime
    body: Mapping[str, Any]


def identity(config: StudyConfig) -> dict[str, str]:
    """Digests (SHA-256, hex) of what was approved: rules, people and channels, and the file as it was read."""
    slack = config.slack
    people = {"asked": [[user, where.value] for user, where in asked(slack)], "channels": channels(slack),
              "ways": ways(slack)}  # fmt: skip
    return {
        "rules": config.fingerprint(),
        "people": hashlib.sha256(canonical(people).encode()).hexdigest(),
        "file": hashlib.sha256(config.path.read_bytes()).hexdigest(),
    }


def last_went_live(conn: Connection, study_id: str) -> WentLive | None:
    """The last entry; None where the study never went live."""
    c = audit_table.c
    query = select(c.seq, c.at, c.body).where(c.study_id == study_id, c.kind == KIND).order_by(c.seq.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return WentLive(row.seq, row.at, row.body) if row else None


def unapproved(study: Study) -> str:
    """What `run` says before it watches; "" where rules, people and channels are those that were approved.

    The file may change otherwise (a comment, a health port) without being another configuration.
    """
    with study.database.reading() as conn:
        last = last_went_live(conn, study.config.id)
    if last is None:
        return f"{study.config.id} was never approved for live use: see dsmbot go-live."
    now = identity(study.config)
    changed = [name for name in ("rules", "people") if last.body["identity"][name] != now[name]]
    if not changed:
        return ""
    what = {"rules": "its rules", "people": "its people, channels or second path"}
    told = " and ".join(what[name] for name in changed)
    return f"{study.config.id} went live on {last.at:%d %b %Y}; {told} changed since: see dsmbot go-live."


def went_live(study: Study, body: Mapping[str, Any], now: datetime) -> None:
    """Append the entry."""
    with study.database.writing(study.id) as conn:
        audit.append(conn, lock_head(conn, study.id), at=now, actor="dsmbot", kind=KIND, body=dict(body))
