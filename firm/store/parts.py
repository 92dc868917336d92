"""What the parts of the store share: the database and the key of the audit chains."""

from __future__ import annotations

from firm.store.engine import Database


class StorePart:
    """One subject of the store; the parts are composed to `SqlStore`."""

    def __init__(self, database: Database, audit_key: bytes) -> None:
        self._database = database
        self._audit_key = audit_key
