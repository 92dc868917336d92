"""Indexes that every decision pays for, and that no query or only few rows need."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody looks for a cause (an id follows from it), nor for an action that is not settled."""
    op.drop_index("ix_decision_cause", "decision")
    op.drop_index("action_by_settling", "action")
    settled = sa.text("settled_at IS NOT NULL")
    op.create_index(
        "action_by_settling",
        "action",
        ["workflow", "settled_at"],
        postgresql_where=settled,
        sqlite_where=settled,
    )
