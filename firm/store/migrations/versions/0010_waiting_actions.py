"""Of the actions, only those that wait for a person are looked for by their status."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Most actions wait for nobody, and are no longer written into an index for it."""
    op.drop_index("action_by_status", "action")
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "action_waiting",
        "action",
        ["workflow", "asked_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
