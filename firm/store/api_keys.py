"""Keys of the systems and people that call, and what was revoked before its time."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from firm.access import ApiKey, Caller
from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.store.bulk import insert_rows, keep
from firm.store.chains import append
from firm.store.parts import StorePart
from firm.store.tables import api_key, revocation
from firm.time import Micros


class Revocation(msgspec.Struct, frozen=True):
    """A key (by its id) or a login's token (by its `jti`) that opens nothing any more."""

    id: str
    by: str
    why: str
    at: Micros


class ApiKeys(StorePart):
    """Make, list and revoke keys; each is written into the audit log."""

    def add_key(self, made: ApiKey, writer: str) -> None:
        """Keep a key that was made."""
        with self._database.write() as connection:
            insert_rows(connection, api_key, [_row(made)])
            entry = AuditEntry(made.made_at, made.made_by, "made key", made.id, digest(made))
            append(connection, self._audit_key, writer, [entry])

    def api_keys(self) -> list[ApiKey]:
        """All keys that were ever made, oldest first, the revoked ones among them."""
        query = select(api_key).order_by(api_key.c.made_at, api_key.c.id)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def revoke(self, revoked: Revocation, writer: str) -> None:
        """Take a key or a token back; doing it again changes nothing."""
        with self._database.write() as connection:
            insert_rows(connection, revocation, [msgspec.structs.asdict(revoked)], keep)
            entry = AuditEntry(revoked.at, revoked.by, "revoked", revoked.id, digest(revoked))
            append(connection, self._audit_key, writer, [entry])

    def revoked(self) -> frozenset[str]:
        """The ids of all that was taken back."""
        with self._database.read() as connection:
            return frozenset(connection.execute(select(revocation.c.id)).scalars())


def _row(key: ApiKey) -> dict[str, Any]:
    return {**msgspec.structs.asdict(key), "caller": as_json(key.caller)}


def _key(row: Any) -> ApiKey:
    caller = msgspec.json.decode(row["caller"], type=Caller)
    return ApiKey(**{**row, "caller": caller})
