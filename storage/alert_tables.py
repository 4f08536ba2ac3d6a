"""The tables of alerts, their versions, and what people did with them; a part of `storage.schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.columns import CanonicalJson, RowId, UtcDateTime, metadata

alert = Table(
    "alert",
    metadata,
    Column("alert_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("audience", String, nullable=False),
    Column("urgency", String, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("already_true", Boolean, nullable=False, default=False),
    UniqueConstraint("study_id", "rule_id", "scope", "episode"),
)
"""Append-only: one row per episode; what it says is its latest `alert_version`."""

alert_version = Table(
    "alert_version",
    metadata,
    Column("alert_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", String, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("finding", CanonicalJson, nullable=False),
    Column("change", CanonicalJson, nullable=False),  # {"before":…, "after":…}
)
"""Append-only: every version of every alert, with the reason it was written."""

alert_head = Table(
    "alert_head",
    metadata,
    Column("alert_id", BigInteger, primary_key=True, autoincrement=False),
    Column("study_id", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("latest_episode", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),  # versions + responses: what a posted text must show
    Column("rule_version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("ever_crossed", Boolean, nullable=False),
    Column("acknowledged_by", BigInteger),  # response_id of the acknowledgement in force
    Column("reopened_at", UtcDateTime),  # calls count from here, where an acknowledgement or a snooze has ended
    Column("assignee", String),
    Column("snoozed_until", UtcDateTime),
    Column("decided_by", BigInteger),  # response_id of the last decision
    Column("rearmed", Boolean, nullable=False, default=False),  # met again after "continue past the boundary"
    Column("holding", String, nullable=False, default=""),  # holds in force, joined by a space
    Column("resolved", Boolean, nullable=False),
    Index("ix_alert_head_scope", "study_id", "rule_id", "scope"),
)
"""Mutable and rebuildable: where each alert stands, derived from its versions and responses."""

response = Table(
    "response",
    metadata,
    Column("response_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False),
    Column("alert_id", BigInteger, nullable=False, index=True),
    Column("alert_version", Integer, nullable=False),
    Column("kind", String, nullable=False),  # storage.alert_records.ResponseKind
    Column("user_id", String, nullable=False),
    Column("team_id", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("basis", String, nullable=False),  # digest of the finding the person was looking at
    Column("inbox_key", String, nullable=False, unique=True),
    Column("note", Text, nullable=False, default=""),  # the person's own words as JSON text, sealed on a closed side
    Column("body", CanonicalJson, nullable=False, default=dict),  # assignee, until, decision, scope
)
"""Append-only: what people did with an alert."""
