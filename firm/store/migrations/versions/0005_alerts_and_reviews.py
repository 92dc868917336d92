"""Alerts of monitoring with how they are handled, the newest figures, and reviews."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _table(
        "alert",
        *(_text(n) for n in ("id", "workflow", "version", "kind", "about")),
        *(_text(n) for n in ("says", "matters", "todo", "owner")),
        _big("at"),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        _text("status"),
        sa.Column("times", sa.Integer(), nullable=False),
        _big("last_at"),
        _big("raised_at"),
        _text("person", nullable=True),
        _text("note", nullable=True),
        key=["id"],
    )
    op.create_index("alert_by_time", "alert", ["workflow", "at"])
    op.create_table(
        "alert_handling",
        sa.Column("seq", NUMBERED, primary_key=True, autoincrement=True),
        _text("alert"),
        _text("status"),
        _text("person"),
        _text("note"),
        _big("at"),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"]),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_handling_alert", "alert_handling", ["alert"])
    _table(
        "watched",
        _text("workflow"),
        _text("version"),
        _big("now"),
        _big("updated_at"),
        sa.Column("figures", sa.LargeBinary(), nullable=False),
        key=["workflow", "version"],
    )
    _table(
        "review",
        *(_text(n) for n in ("id", "workflow", "version")),
        _big("opened_at"),
        _text("status"),
        _text("challenger", nullable=True),
        sa.Column("comparison", sa.LargeBinary(), nullable=False),
        _text("person", nullable=True),
        _text("note", nullable=True),
        _big("closed_at", nullable=True),
        key=["id"],
    )


def _table(name: str, *columns: Any, key: list[str]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key))


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _big(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
