"""Why an action is withheld, and when an outcome was written down, so that it can be followed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the indexes by which a reader follows what is new."""
    op.add_column("action", sa.Column("withheld", sa.Text()))
    op.add_column("outcome", sa.Column("recorded_at", sa.BigInteger()))
    op.create_index("outcome_by_record", "outcome", ["workflow", "recorded_at"])
    op.create_index("decision_by_record", "decision", ["workflow", "decided_at"])
    op.create_index("action_by_settling", "action", ["workflow", "settled_at"])
