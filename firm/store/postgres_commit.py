"""One group of decisions to PostgreSQL in two round trips, from an event loop.

It writes what `Decisions.record_all` writes. SQLAlchemy's own asyncio costs more than all else
that a score needs; so the statements are its, and psycopg sends them in a pipeline.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Engine, Table

from firm.audit import AuditEntry, Chain, Head
from firm.decision import Action, Decision
from firm.errors import StoreUnavailable
from firm.store.bulk import OnTaken, bulk_parameters, bulk_sql, fail, keep, replace
from firm.store.chains import link_row
from firm.store.group_commit import Asked
from firm.store.pgarray import register
from firm.store.rows import (
    Row,
    action_message,
    action_row,
    decision_message,
    decision_row,
    goes_out,
    read_decision,
)
from firm.store.tables import action, audit_head, audit_link, decision, outbox

SECONDS = 10.0
"""A commit takes milliseconds; who has waited this long is told to try again."""
_HEAD = "SELECT chain, seq, hash, seal FROM audit_head WHERE chain = %s FOR UPDATE"
_FIRST = "SELECT id, body FROM decision WHERE id = ANY(%s)"
_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresCommit:
    """Writes groups over one connection, which is made anew after anything has gone wrong.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """

    def __init__(self, engine: Engine, audit_key: bytes, writer: str) -> None:
        _, self._address = engine.dialect.create_connect_args(engine.url)
        self._key = audit_key
        self._writer = writer
        self._connection: _Connection | None = None

    async def __call__(self, asked: Sequence[Asked]) -> list[Decision]:
        """Write a group in one transaction; give for each the decision that counts."""
        try:
            async with asyncio.timeout(SECONDS):
                connection = self._connection = self._connection or await self._connect()
                return await self._write(connection, asked)
        except BaseException as error:
            await self.close()
            if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | TimeoutError):
                raise StoreUnavailable(
                    f"the database does not answer: {error or 'no answer in time'}; check that it "
                    "runs and that its URL is right"
                ) from error
            raise

    async def _connect(self) -> _Connection:
        connection = await psycopg.AsyncConnection.connect(**self._address)
        register(connection)
        first = [msgspec.structs.asdict(Chain(self._key, self._writer).head())]
        await _insert(connection, audit_head, first, keep)
        await connection.commit()
        return connection

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _write(self, connection: _Connection, asked: Sequence[Asked]) -> list[Decision]:
        first: dict[str, Decision] = {}
        for taken, _ in asked:
            first.setdefault(taken.id, taken)
        rows = {id_: decision_row(first[id_]) for id_ in sorted(first)}
        async with connection.pipeline():
            new = await _insert(connection, decision, list(rows.values()), keep, " RETURNING id")
            locked = await connection.execute(_HEAD, (self._writer,))
            written = {id_ for (id_,) in await new.fetchall()}
            head = Head(*(await locked.fetchall())[0])
            fresh = {id_: row for id_, row in rows.items() if id_ in written}
            todo = [
                action
                for taken, actions in asked
                if taken.id in fresh and first[taken.id] is taken
                for action in actions
            ]
            await self._write_rest(connection, head, fresh, todo)
            known = [id_ for id_ in rows if id_ not in fresh]
            before = await connection.execute(_FIRST, (known,)) if known else None
            await connection.commit()
            found = await before.fetchall() if before else []
        first |= {id_: read_decision(body) for id_, body in found}
        return [first[taken.id] for taken, _ in asked]

    async def _write_rest(
        self,
        connection: _Connection,
        head: Head,
        fresh: dict[str, Row],
        actions: Sequence[Action],
    ) -> None:
        """What goes with the decisions: their actions, their messages and their audit entries."""
        chain = Chain(self._key, self._writer, head)
        links = chain.extend(map(_entry, fresh.values()))
        messages = [decision_message(row) for row in fresh.values()]
        messages += [action_message(one) for one in actions if goes_out(one)]
        await _insert(connection, action, [action_row(one) for one in actions], keep)
        await _insert(connection, outbox, messages)
        await _insert(connection, audit_link, [link_row(link) for link in links])
        await _insert(connection, audit_head, [msgspec.structs.asdict(chain.head())], replace)


async def _insert(
    connection: _Connection,
    table: Table,
    rows: Sequence[Row],
    on_taken: OnTaken = fail,
    returning: str = "",
) -> Any:
    if not rows:
        return None
    text = bulk_sql(table, tuple(rows[0]), on_taken) + returning
    return await connection.execute(text.encode(), bulk_parameters(table, rows))


def _entry(row: Row) -> AuditEntry:
    digest = hashlib.sha256(row["body"]).hexdigest()
    return AuditEntry(
        row["decided_at"], f"model {row['model_version']}", "decided", row["id"], digest
    )
