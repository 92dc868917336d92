"""Writing to the chains of the audit log, within the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from firm.audit import AuditEntry, Chain, Head, Link
from firm.store.bulk import insert_rows, keep, replace
from firm.store.tables import audit_head, audit_link


def append(connection: Connection, key: bytes, writer: str, entries: Iterable[AuditEntry]) -> None:
    """Extend a writer's chain; other threads and processes of that writer wait meanwhile."""
    chain = Chain(key, writer, _locked_head(connection, key, writer))
    write_links(connection, chain.extend(entries), chain.head())


def write_links(connection: Connection, links: Sequence[Link], head: Head) -> None:
    """Write the links and where their chain ends now."""
    insert_rows(connection, audit_link, [link_row(link) for link in links])
    insert_rows(connection, audit_head, [msgspec.structs.asdict(head)], replace)


def read_head(connection: Connection, chain: str) -> Head | None:
    """Where a chain ends, None for one that was never written."""
    found = connection.execute(_head_of(chain)).one_or_none()
    return Head(*found) if found else None


def _locked_head(connection: Connection, key: bytes, writer: str) -> Head:
    locked = _head_of(writer).with_for_update()
    found = connection.execute(locked).one_or_none()
    if found is None:
        empty = msgspec.structs.asdict(Chain(key, writer).head())
        insert_rows(connection, audit_head, [empty], keep)
        found = connection.execute(locked).one()
    return Head(*found)


def _head_of(chain: str) -> Select[Any]:
    columns = [audit_head.c[field] for field in Head.__struct_fields__]
    return select(*columns).where(audit_head.c.chain == chain)


def link_row(link: Link) -> dict[str, object]:
    """A link as it is kept."""
    entry = msgspec.structs.asdict(link.entry)
    return {"chain": link.chain, "seq": link.seq, **entry, "hash": link.hash}
