"""The first tables.

Written out rather than taken from `firm.store.tables`: a migration says what the tables were at
its time, whatever they become later.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBERED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _stream()
    _states()
    _inbox()
    _decisions()
    _actions()
    _outbox()
    _promotions()
    _audit()


def _stream() -> None:
    _table("stream", _text("workflow"), _big("epoch"), _big("watermark"), key=["workflow"])
    _table(
        "stream_offset",
        _text("workflow"),
        _big("partition"),
        _big("last_offset"),
        key=["workflow", "partition"],
    )


def _states() -> None:
    _table(
        "subject_state",
        _text("workflow"),
        _text("subject"),
        _big("partition", nullable=True),
        _big("offset", nullable=True),
        _big("event_time"),
        _bytes("blob"),
        key=["workflow", "subject"],
    )
    _table(
        "group_state",
        _text("workflow"),
        _text("group_id"),
        _bytes("blob"),
        key=["workflow", "group_id"],
    )


def _inbox() -> None:
    _table(
        "inbox",
        _text("workflow"),
        _text("event_id"),
        _text("fate"),
        _big("partition"),
        _big("offset"),
        _big("occurred_at"),
        key=["workflow", "event_id"],
    )
    _partial_index("inbox_answered", "inbox", "workflow", "fate = 'answered'")
    fates = [_big(fate) for fate in ("counted", "late", "duplicate", "rejected")]
    _table("tally", _text("workflow"), _big("day"), *fates, key=["workflow", "day"])
    _table(
        "dead_letter",
        _text("topic"),
        _big("partition"),
        _big("offset"),
        _text("workflow"),
        _text("kind"),
        _text("reason"),
        _bytes("payload"),
        _big("received_at"),
        _big("redriven_at", nullable=True),
        key=["topic", "partition", "offset", "workflow"],
    )


def _decisions() -> None:
    _table(
        "decision",
        *(_text(name) for name in ("id", "workflow", "subject", "cause", "origin")),
        _big("as_of"),
        sa.Column("probability", sa.Float(), nullable=False),
        _text("band"),
        sa.Column("late", sa.Boolean(), nullable=False),
        _text("model_version"),
        _big("decided_at"),
        _bytes("body"),
        key=["id"],
    )
    op.create_index("ix_decision_cause", "decision", ["cause"])
    op.create_index("decision_by_time", "decision", ["workflow", "as_of", "id"])
    op.create_index("decision_by_subject", "decision", ["workflow", "subject"])
    _table(
        "outcome",
        *(_text(name) for name in ("decision", "workflow", "event_id")),
        sa.Column("value", sa.Float()),
        _big("known_at"),
        sa.Column("revision", sa.Integer(), nullable=False),
        key=["decision"],
    )


def _actions() -> None:
    _table(
        "action",
        *(_text(name) for name in ("id", "decision", "workflow", "subject", "kind", "says")),
        _text("approval", nullable=True),
        _big("asked_at"),
        _text("status"),
        _text("reference", nullable=True),
        _text("failure", nullable=True),
        _big("settled_at", nullable=True),
        sa.ForeignKeyConstraint(["decision"], ["decision.id"]),
        key=["id"],
    )
    op.create_index("ix_action_decision", "action", ["decision"])
    op.create_index("action_by_status", "action", ["status", "workflow", "asked_at"])
    _table(
        "verdict",
        _text("action"),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        _text("person"),
        _text("reason"),
        _big("at"),
        sa.ForeignKeyConstraint(["action"], ["action.id"]),
        key=["action"],
    )


def _outbox() -> None:
    _table(
        "outbox",
        sa.Column("seq", NUMBERED, autoincrement=True, nullable=False),
        _text("kind"),
        _text("key"),
        _bytes("payload"),
        _big("sent_at", nullable=True),
        key=["seq"],
        sqlite_autoincrement=True,
    )
    _partial_index("outbox_pending", "outbox", "seq", "sent_at IS NULL")


def _promotions() -> None:
    _table(
        "promotion",
        sa.Column("seq", NUMBERED, autoincrement=True, nullable=False),
        *(_text(name) for name in ("workflow", "version", "uri", "sha256")),
        _big("size"),
        *(_text(name) for name in ("promoted_by", "approved_by", "why")),
        _big("at"),
        _bytes("gates"),
        key=["seq"],
        sqlite_autoincrement=True,
    )
    op.create_index("promotion_by_time", "promotion", ["workflow", "at"])


def _audit() -> None:
    _table(
        "audit_link",
        _text("chain"),
        _big("seq"),
        _big("at"),
        *(_text(name) for name in ("actor", "verb", "about", "digest")),
        _bytes("hash"),
        key=["chain", "seq"],
    )
    _table("audit_head", _text("chain"), _big("seq"), _bytes("hash"), _bytes("seal"), key=["chain"])


def _table(name: str, *parts: Any, key: list[str], **options: Any) -> None:
    op.create_table(name, *parts, sa.PrimaryKeyConstraint(*key), **options)


def _partial_index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(
        name, table, [column], postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _text(name: str, nullable: bool = False) -> Any:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _big(name: str, nullable: bool = False) -> Any:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable)


def _bytes(name: str) -> Any:
    return sa.Column(name, sa.LargeBinary(), nullable=False)
