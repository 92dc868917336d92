"""The tables. Times are microseconds since 1970 in UTC; blobs are bytes that Headway encoded."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only in a column of the type INTEGER.
NUMBERED = BigInteger().with_variant(Integer, "sqlite")


def _key(name: str, kind: type[Text] | type[BigInteger] = Text) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _time(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


stream = Table(
    "stream",
    metadata,
    _key("workflow"),
    Column("epoch", BigInteger, nullable=False),
    Column("watermark", BigInteger, nullable=False),
)

stream_offset = Table(
    "stream_offset",
    metadata,
    _key("workflow"),
    _key("partition", BigInteger),
    Column("last_offset", BigInteger, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    _key("workflow"),
    _key("event_id"),
    Column("fate", Text, nullable=False),
    Column("partition", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    _time("occurred_at"),
)
Index(
    "inbox_answered",
    inbox.c.workflow,
    postgresql_where=text("fate = 'answered'"),
    sqlite_where=text("fate = 'answered'"),
)

subject_state = Table(
    "subject_state",
    metadata,
    _key("workflow"),
    _key("subject"),
    Column("partition", BigInteger),
    Column("offset", BigInteger),
    _time("event_time"),
    Column("blob", LargeBinary, nullable=False),
)

group_state = Table(
    "group_state",
    metadata,
    _key("workflow"),
    _key("group_id"),
    Column("blob", LargeBinary, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    _key("id"),
    Column("workflow", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("origin", Text, nullable=False),
    _time("as_of"),
    Column("probability", Float, nullable=False),
    Column("band", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("model_version", Text, nullable=False),
    _time("decided_at"),
    Column("body", LargeBinary, nullable=False),
    Index("decision_by_time", "workflow", "as_of", "id"),
    Index("decision_by_subject", "workflow", "subject"),
    Index("decision_by_record", "workflow", "decided_at"),
)

# No foreign key: a workflow that declares a new trigger settles old entries without a decision.
outcome = Table(
    "outcome",
    metadata,
    _key("decision"),
    Column("workflow", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("value", Float),
    _time("known_at"),
    Column("revision", Integer, nullable=False),
    _time("recorded_at", nullable=True),
    Index("outcome_by_record", "workflow", "recorded_at"),
)

# No foreign key: an action is written in the statement of its decision, and each of a group would
# look it up, and lock it, once more.
action = Table(
    "action",
    metadata,
    _key("id"),
    Column("decision", Text, nullable=False, index=True),
    Column("workflow", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("approval", Text),
    _time("asked_at"),
    Column("status", Text, nullable=False),
    Column("reference", Text),
    Column("failure", Text),
    _time("settled_at", nullable=True),
    Column("withheld", Text),
)
Index(
    "action_waiting",
    action.c.workflow,
    action.c.asked_at,
    postgresql_where=text("status = 'waiting'"),
    sqlite_where=text("status = 'waiting'"),
)
Index(
    "action_by_settling",
    action.c.workflow,
    action.c.settled_at,
    postgresql_where=text("settled_at IS NOT NULL"),
    sqlite_where=text("settled_at IS NOT NULL"),
)

verdict = Table(
    "verdict",
    metadata,
    Column("action", Text, ForeignKey("action.id"), primary_key=True),
    Column("agreed", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _time("at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", NUMBERED, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("about", Text, nullable=False),
    _time("sent_at", nullable=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("due_at", BigInteger, nullable=False, server_default=text("0")),
    sqlite_autoincrement=True,
)
Index(
    "outbox_sent",
    outbox.c.sent_at,
    postgresql_where=text("sent_at IS NOT NULL"),
    sqlite_where=text("sent_at IS NOT NULL"),
)
Index(
    "outbox_pending",
    outbox.c.seq,
    postgresql_where=text("sent_at IS NULL"),
    sqlite_where=text("sent_at IS NULL"),
)

webhook = Table(
    "webhook",
    metadata,
    _key("id"),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("workflows", LargeBinary, nullable=False),
    Column("bands", LargeBinary, nullable=False),
    Column("made_by", Text, nullable=False),
    _time("made_at"),
    Column("seal", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    _time("paused_until"),
    _time("removed_at", nullable=True),
)

# No foreign keys: the log tells what was sent, whatever becomes of the subscriber.
webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("seq", NUMBERED, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("webhook", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    _time("made_at"),
    _time("due_at"),
    Column("answer", Text),
    _time("settled_at", nullable=True),
    Index("webhook_delivery_by_status", "webhook", "status", "seq"),
    sqlite_autoincrement=True,
)
Index(
    "webhook_delivery_settled",
    webhook_delivery.c.settled_at,
    postgresql_where=text("settled_at IS NOT NULL"),
    sqlite_where=text("settled_at IS NOT NULL"),
)

tally = Table(
    "tally",
    metadata,
    _key("workflow"),
    _key("day", BigInteger),
    Column("counted", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
)

# The workflow belongs to the key: two of them may refuse the same record. It is empty where the
# record was refused before any workflow saw it.
dead_letter = Table(
    "dead_letter",
    metadata,
    _key("topic"),
    _key("partition", BigInteger),
    _key("offset", BigInteger),
    _key("workflow"),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    _time("received_at"),
    _time("redriven_at", nullable=True),
)

promotion = Table(
    "promotion",
    metadata,
    Column("seq", NUMBERED, primary_key=True, autoincrement=True),
    Column("workflow", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("promoted_by", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("at"),
    Column("gates", LargeBinary, nullable=False),
    # Defaults of the rows from before a promotion was one of several moves, and signed.
    Column("alias", Text, nullable=False, server_default="champion"),
    Column("kind", Text, nullable=False, server_default="promoted"),
    Column("share", Float, nullable=False, server_default=text("1.0")),
    Column("after", BigInteger, nullable=False, server_default=text("0")),
    Column("signature", Text, nullable=False, server_default="none"),
    _time("aligned_at", nullable=True),
    Index("promotion_by_time", "workflow", "at"),
    sqlite_autoincrement=True,
)

proposal = Table(
    "proposal",
    metadata,
    _key("id"),
    Column("workflow", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("at"),
    Column("status", Text, nullable=False),
    Column("settled_by", Text),
    Column("settled_why", Text),
    _time("settled_at", nullable=True),
)

model_version = Table(
    "model_version",
    metadata,
    _key("workflow"),
    _key("version"),
    Column("uri", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("trained_by", Text, nullable=False),
    _time("at"),
    Column("gates", LargeBinary, nullable=False),
    Column("failed", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
)

# No foreign keys: both are written behind what decides, and say nothing of it.
shadow_score = Table(
    "shadow_score",
    metadata,
    _key("decision"),
    _key("version"),
    Column("workflow", Text, nullable=False),
    Column("probability", Float, nullable=False),
    _time("decided_at"),
    Index("shadow_by_time", "workflow", "version", "decided_at"),
)

canary_tally = Table(
    "canary_tally",
    metadata,
    _key("worker"),
    _key("workflow"),
    _key("version"),
    Column("asked", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("slow", BigInteger, nullable=False),
)

serving_version = Table(
    "serving_version",
    metadata,
    _key("worker"),
    _key("workflow"),
    Column("version", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("move", BigInteger, nullable=False),
    _time("at"),
)

audit_link = Table(
    "audit_link",
    metadata,
    _key("chain"),
    _key("seq", BigInteger),
    _time("at"),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    _key("chain"),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    _key("id"),
    Column("caller", LargeBinary, nullable=False),
    Column("made_by", Text, nullable=False),
    _time("made_at"),
    _time("expires_at", nullable=True),
    Column("seal", Text, nullable=False),
)

# No foreign key: the tokens of a login are revoked too, and they stand in no table.
revocation = Table(
    "revocation",
    metadata,
    _key("id"),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("at"),
)

alert = Table(
    "alert",
    metadata,
    _key("id"),
    Column("workflow", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("matters", Text, nullable=False),
    Column("todo", Text, nullable=False),
    Column("owner", Text, nullable=False),
    _time("at"),
    Column("evidence", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("times", Integer, nullable=False),
    _time("last_at"),
    _time("raised_at"),
    Column("person", Text),
    Column("note", Text),
    Index("alert_by_time", "workflow", "at"),
)

alert_handling = Table(
    "alert_handling",
    metadata,
    Column("seq", NUMBERED, primary_key=True, autoincrement=True),
    Column("alert", Text, ForeignKey("alert.id"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    _time("at"),
    sqlite_autoincrement=True,
)

watched = Table(
    "watched",
    metadata,
    _key("workflow"),
    _key("version"),
    _time("now"),
    _time("updated_at"),
    Column("figures", LargeBinary, nullable=False),
)

heard = Table(
    "heard",
    metadata,
    _key("source"),
    _key("type"),
    Column("offset", BigInteger),
    _time("at"),
)

review = Table(
    "review",
    metadata,
    _key("id"),
    Column("workflow", Text, nullable=False),
    Column("version", Text, nullable=False),
    _time("opened_at"),
    Column("status", Text, nullable=False),
    Column("challenger", Text),
    Column("comparison", LargeBinary, nullable=False),
    Column("person", Text),
    Column("note", Text),
    _time("closed_at", nullable=True),
)
