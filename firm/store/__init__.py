"""The SQL side of the firm's ports: the same code on PostgreSQL and on SQLite."""

from __future__ import annotations

from firm.store.alerts import AlertRecord, Alerts
from firm.store.api_keys import ApiKeys, Revocation
from firm.store.audit_log import AuditLog
from firm.store.dead_letters import DeadLetter, DeadLetters
from firm.store.decisions import Decisions
from firm.store.engine import Database
from firm.store.following import Following, Told
from firm.store.governance import ActionRecord, Actions, Settled
from firm.store.group_commit import GroupCommit
from firm.store.heard import Heard, HeardSenders
from firm.store.migrate import migrate
from firm.store.notices import Listener, Notices
from firm.store.outbox import Outbox, OutboxRow
from firm.store.outcomes import KnownOutcome, Outcomes
from firm.store.promotions import Promotions
from firm.store.registrations import Registrations
from firm.store.reviews import Review, Reviews
from firm.store.served import Served, ServedVersions
from firm.store.shadows import CanaryTally, Shadows, ShadowScore
from firm.store.stream import Streams, StreamStore
from firm.store.tallies import Counts, Tallies, TallyBook
from firm.store.watched import Watched, WatchedFigures
from firm.store.webhooks import Tried, Webhooks

__all__ = [
    "ActionRecord",
    "AlertRecord",
    "CanaryTally",
    "Counts",
    "DeadLetter",
    "GroupCommit",
    "Heard",
    "KnownOutcome",
    "Listener",
    "OutboxRow",
    "Review",
    "Revocation",
    "Served",
    "Settled",
    "ShadowScore",
    "SqlStore",
    "StreamStore",
    "Tallies",
    "Told",
    "Tried",
    "Watched",
]


class SqlStore(
    Streams,
    Decisions,
    Outcomes,
    Actions,
    Registrations,
    Promotions,
    ServedVersions,
    Shadows,
    Notices,
    DeadLetters,
    Outbox,
    Webhooks,
    TallyBook,
    Following,
    Alerts,
    WatchedFigures,
    HeardSenders,
    Reviews,
    ApiKeys,
    AuditLog,
):
    """All that is kept, in one database. Safe to share between threads.

    Args:
        url: a SQLAlchemy URL, `postgresql+psycopg://...` or `sqlite:///file`.
        audit_key: the key of the audit chains; it must not lie in the same database.
    """

    def __init__(self, url: str, audit_key: bytes) -> None:
        super().__init__(Database(url), audit_key)

    def migrate(self) -> None:
        """Make or update the tables."""
        migrate(self._database)

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()
