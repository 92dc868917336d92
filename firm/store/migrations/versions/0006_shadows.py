"""What challengers would have said, and how canaries fare."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "shadow_score",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("decision", "version"),
    )
    op.create_index("shadow_by_time", "shadow_score", ["workflow", "version", "decided_at"])
    op.create_table(
        "canary_tally",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("asked", "failed", "slow")),
        sa.PrimaryKeyConstraint("worker", "workflow", "version"),
    )
