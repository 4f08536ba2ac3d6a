"""The table of what people raise under rules of kind `manual`; `storage.schema` offers it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from storage.columns import RowId, UtcDateTime, metadata

concern = Table(
    "concern",
    metadata,
    Column("concern_id", RowId, primary_key=True, autoincrement=True),
    Column("ingest_id", BigInteger, nullable=False, unique=True),  # of the batch that the concern closed
    Column("study_id", String, nullable=False, index=True),
    Column("rule_id", String, nullable=False),
    Column("usubjid", String, nullable=False),  # "" = the study as a whole
    Column("term", String, nullable=False),  # coded, "" = none
    Column("raised_by", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("inbox_key", String, nullable=False, unique=True),
    Column("note", Text, nullable=False, default=""),  # what the person wrote; it never leaves the database
)
"""Append-only: what people raised under rules of kind `manual`."""
