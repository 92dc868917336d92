"""One group of decisions to PostgreSQL in one round trip and one transaction, from an event loop.

SQLAlchemy's own asyncio, and a cursor of psycopg's, cost more than all else that a score needs: the
statement is prepared once, and its parameters go to libpq as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import msgspec
import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Engine

from firm.audit import Chain, Head
from firm.decision import Action, Decision
from firm.errors import AuditBroken, StoreUnavailable
from firm.store.group_commit import Asked
from firm.store.postgres_group import STATEMENT, parameters
from firm.store.rows import read_decision

SECONDS = 10.0
"""A commit takes milliseconds; who has waited this long is told to try again."""
_NAME = b"group"
_FIRST_HEAD = "INSERT INTO audit_head VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_HEAD = "SELECT chain, seq, hash, seal FROM audit_head WHERE chain = %s"
_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresCommit:
    """Writes groups over one connection, which is made anew after anything has gone wrong.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
        AuditBroken: the end of the chain was removed.
    """

    def __init__(self, engine: Engine, audit_key: bytes, writer: str) -> None:
        _, self._address = engine.dialect.create_connect_args(engine.url)
        self._key = audit_key
        self._writer = writer
        self._connection: _Connection | None = None
        self._head = Chain(audit_key, writer).head()

    async def __call__(self, asked: Sequence[Asked]) -> list[Decision]:
        """Write a group in one transaction; give for each the decision that counts."""
        try:
            async with asyncio.timeout(SECONDS):
                connection = self._connection or await self._connect()
                return await self._write(connection, asked)
        except BaseException as error:
            await self.close()
            if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | TimeoutError):
                raise StoreUnavailable(
                    f"the database does not answer: {error or 'no answer in time'}; check that it "
                    "runs and that its URL is right"
                ) from error
            raise

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self) -> _Connection:
        connection = await psycopg.AsyncConnection.connect(**self._address, autocommit=True)
        self._connection = connection
        first = msgspec.structs.astuple(Chain(self._key, self._writer).head())
        await connection.execute(_FIRST_HEAD, first)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        self._head = await self._read_head(connection)
        connection.pgconn.send_prepare(_NAME, STATEMENT)
        await _answer(connection)
        return connection

    async def _read_head(self, connection: _Connection) -> Head:
        found = await (await connection.execute(_HEAD, (self._writer,), binary=True)).fetchone()
        if found is None:
            raise AuditBroken(f"chain {self._writer!r} has no head: its head row was removed")
        return Head(*found)

    async def _write(self, connection: _Connection, asked: Sequence[Asked]) -> list[Decision]:
        """Send those that are not known to be there, until all of them are new and written."""
        counts: dict[str, Decision] = {}
        for taken, _ in asked:
            counts.setdefault(taken.id, taken)
        fresh, written = dict(sorted(counts.items())), not asked
        while fresh and not written:
            todo = [one for taken, acts in asked if fresh.get(taken.id) is taken for one in acts]
            seen, written = await self._send(connection, list(fresh.values()), todo)
            counts |= seen
            fresh = {id_: taken for id_, taken in fresh.items() if id_ not in seen}
            if not seen and not written:
                self._head = await self._read_head(connection)
        return [counts[taken.id] for taken, _ in asked]

    async def _send(
        self, connection: _Connection, taken: Sequence[Decision], actions: Sequence[Action]
    ) -> tuple[dict[str, Decision], bool]:
        """The decisions that were there already, and whether these were written."""
        values, head = parameters(self._key, self._head, taken, actions)
        formats = list(repeat(Format.BINARY, len(values)))
        connection.pgconn.send_query_prepared(_NAME, values, formats, Format.BINARY)
        try:
            result = await _answer(connection)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != "decision_pkey":
                raise
            return {}, False  # somebody else has written one meanwhile: it is seen the next time
        rows = [(result.get_value(n, 0), result.get_value(n, 1)) for n in range(result.ntuples)]
        if rows == [(None, None)]:
            self._head = head
            return {}, True
        return {id_.decode(): read_decision(body) for id_, body in rows if id_ and body}, False


async def _results(connection: PGconn) -> list[PGresult]:
    """All that comes back; psycopg's own way of waiting takes longer than all else of a group."""
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[list[PGresult]] = loop.create_future()
    found: list[PGresult] = []

    def read() -> None:
        if finished.done():  # whoever waited has been given up
            return
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = connection.get_result()
                if result is None:
                    finished.set_result(found)
                    loop.remove_reader(socket)
                    return
                found.append(result)
        except Exception as error:
            finished.set_exception(error)
            loop.remove_reader(socket)

    socket = connection.socket
    loop.add_reader(socket, read)
    try:
        return await finished
    finally:
        loop.remove_reader(socket)


async def _answer(connection: _Connection) -> PGresult:
    """What PostgreSQL answers to what was sent; raises what it says is wrong."""
    result: PGresult
    if connection.pgconn.flush():  # more than a socket takes at once
        (result,) = await connection.wait(generators.execute(connection.pgconn))
    else:
        (result,) = await _results(connection.pgconn)
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise psycopg.errors.error_from_result(result)
    return result
