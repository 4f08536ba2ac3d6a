"""Concerns that people raise: one append-only table."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; its triggers are made afterwards."""
    op.create_table(
        "concern",
        sa.Column("concern_id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("ingest_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("usubjid", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inbox_key", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("concern_id"),
        sa.UniqueConstraint("ingest_id"),
        sa.UniqueConstraint("inbox_key"),
    )
    op.create_index(op.f("ix_concern_study_id"), "concern", ["study_id"], unique=False)
