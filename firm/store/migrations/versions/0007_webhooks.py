"""Who is told of decisions, what was told, and when a message is tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBERED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and give each message of the outbox its next try."""
    op.create_table(
        "webhook",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "name", "url")),
        sa.Column("workflows", sa.LargeBinary(), nullable=False),
        sa.Column("bands", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("seq", NUMBERED, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("webhook", "decision", "key")),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("settled_at", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("webhook_delivery_by_status", "webhook_delivery", ["webhook", "status", "seq"])
    _index_set("webhook_delivery_settled", "webhook_delivery", "settled_at")
    op.add_column(
        "outbox", sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column(
        "outbox", sa.Column("due_at", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )
    _index_set("outbox_sent", "outbox", "sent_at")


def _index_set(name: str, table: str, column: str) -> None:
    """An index of the rows where the column is set."""
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], postgresql_where=where, sqlite_where=where)
