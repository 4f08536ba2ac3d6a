"""Covers and handovers: one append-only table."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; its triggers are made afterwards."""
    op.create_table(
        "duty",
        sa.Column("duty_id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("study_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.Column("inbox_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("duty_id"),
        sa.UniqueConstraint("inbox_key", "about"),
    )
    op.create_index(op.f("ix_duty_study_id"), "duty", ["study_id"], unique=False)
