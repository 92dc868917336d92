"""What was sent is kept for as long as declared, then removed, a little at a time."""

from __future__ import annotations

from firm.store import SqlStore
from firm.time import DAY
from headway.clock import now

BATCH = 1_000
MOST_BATCHES = 20
"""At most so many at a time: whoever decides meanwhile shares the database."""


class Retention:
    """Removes sent messages of the outbox, and settled deliveries of webhooks.

    Decisions, actions and the audit log are no part of it: they stay.

    Args:
        days: how long they are kept.
    """

    def __init__(self, store: SqlStore, days: float) -> None:
        self._store, self._days = store, days

    def clean(self) -> int:
        """Remove what is too old, batch by batch; returns how many."""
        before = now() - int(self._days * DAY)
        removed = 0
        for forget in (self._store.forget_sent, self._store.forget_deliveries):
            for _ in range(MOST_BATCHES):
                gone = forget(before, BATCH)
                removed += gone
                if gone < BATCH:
                    break
        return removed
