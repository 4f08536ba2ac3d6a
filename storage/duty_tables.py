"""The table of who stands in for whom, and of alerts passed on; `storage.schema` offers it."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, UniqueConstraint

from storage.columns import CanonicalJson, RowId, UtcDateTime, metadata

duty = Table(
    "duty",
    metadata,
    Column("duty_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),  # a `storage.duties.DutyKind`
    Column("user_id", String, nullable=False),  # who asked
    Column("person", String, nullable=False),  # who stands in or takes over; "" where a cover ends
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=True),  # of a cover
    Column("about", String, nullable=False),  # delivery key of the message of a handover; else ""
    Column("alerts", CanonicalJson, nullable=False),  # alert ids of a handover
    Column("inbox_key", String, nullable=False),
    UniqueConstraint("inbox_key", "about"),
)
"""Append-only: covers, their ends, handovers and their acceptance."""
