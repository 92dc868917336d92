"""How far each workflow is behind the log: one way to tell, for the metrics and for the monitor."""

from __future__ import annotations

import time
from collections.abc import Collection

from firm.store import SqlStore
from stream.advance import Advance, Lag


class Lags:
    """Remembers where each workflow stood when it was asked before."""

    def __init__(self, store: SqlStore, workflows: Collection[str]) -> None:
        self._store, self._workflows = store, workflows
        self._advance = Advance()

    def now(self, end: int, gone: int) -> dict[str, Lag]:
        """By workflow what truly waits for it.

        A workflow passes records of others without writing so: the group's place tells of those.

        Args:
            end: the offset after the log's last record.
            gone: the first that the workers' group has not gone past.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        offsets = self._store.offsets()
        reached = {slug: max(offsets.get(slug, -1) + 1, gone) for slug in self._workflows}
        return self._advance.look(time.monotonic(), end, reached)
