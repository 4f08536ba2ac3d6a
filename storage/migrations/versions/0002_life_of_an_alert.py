"""What people do with an alert: particulars of a response, and where an alert stands after them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; what is there stays true: nobody was assigned, nothing was snoozed or decided before."""
    op.add_column("response", sa.Column("body", sa.Text(), nullable=False, server_default="{}"))
    for column in (
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("rearmed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("holding", sa.String(), nullable=False, server_default=""),
    ):
        op.add_column("alert_head", column)
