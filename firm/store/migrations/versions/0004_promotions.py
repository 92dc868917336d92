"""Promotions become signed moves of several aliases, with proposals and registered versions.

A promotion from before is unsigned, so its version no longer decides: train and promote again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns."""
    for column in (
        sa.Column("alias", sa.Text(), nullable=False, server_default="champion"),
        sa.Column("kind", sa.Text(), nullable=False, server_default="promoted"),
        sa.Column("share", sa.Float(), nullable=False, server_default=sa.text("1.0")),
        sa.Column("after", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("signature", sa.Text(), nullable=False, server_default="none"),
        sa.Column("aligned_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("promotion", column)
    _table(
        "proposal",
        *(_text(name) for name in ("id", "workflow", "version", "alias")),
        sa.Column("share", sa.Float(), nullable=False),
        *(_text(name) for name in ("asked_by", "why")),
        _big("at"),
        _text("status"),
        _text("settled_by", nullable=True),
        _text("settled_why", nullable=True),
        _big("settled_at", nullable=True),
        key=["id"],
    )
    _table(
        "model_version",
        *(_text(name) for name in ("workflow", "version", "uri", "sha256")),
        _big("size"),
        _text("trained_by"),
        _big("at"),
        _bytes("gates"),
        _bytes("failed"),
        _text("signature"),
        key=["workflow", "version"],
    )
    _table(
        "serving_version",
        *(_text(name) for name in ("worker", "workflow", "version", "because")),
        _big("move"),
        _big("at"),
        key=["worker", "workflow"],
    )


def _table(name: str, *parts: Any, key: list[str]) -> None:
    op.create_table(name, *parts, sa.PrimaryKeyConstraint(*key))


def _text(name: str, nullable: bool = False) -> Any:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _big(name: str, nullable: bool = False) -> Any:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable)


def _bytes(name: str) -> Any:
    return sa.Column(name, sa.LargeBinary(), nullable=False)
