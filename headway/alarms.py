"""What a person has to look at: in the log of the process, and in the audit log for good."""

from __future__ import annotations

import structlog

from firm.audit import AuditEntry, digest
from firm.errors import HeadwayError
from firm.store import SqlStore
from headway.clock import now

LONGEST_WORDS = 500
log = structlog.get_logger(__name__)


def raise_alarm(store: SqlStore, actor: str, words: str) -> None:
    """Say it loudly; the log has it also where the database does not answer."""
    log.error("alarm", actor=actor, words=words)
    entry = AuditEntry(now(), actor, "raised alarm", words[:LONGEST_WORDS], digest(words))
    try:
        store.note(entry, "alarms")
    except HeadwayError as error:
        log.error("the alarm could not be kept", why=str(error))
