"""Groups of decisions to PostgreSQL, each in one statement and one transaction, from an event loop.

SQLAlchemy's own asyncio, and a cursor of psycopg's, cost more than all else that a score needs: the
statement is prepared once, and its parameters go to libpq as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import psycopg
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Engine

from firm.audit import Chain, Head
from firm.decision import Action, Decision
from firm.errors import AuditBroken, StoreUnavailable
from firm.store.group_commit import Asked
from firm.store.pipeline import Pipeline
from firm.store.postgres_group import STATEMENT, parameters
from firm.store.rows import read_decision

SECONDS = 10.0
"""A commit takes milliseconds; who has waited this long is told to try again."""
IN_FLIGHT = 2
"""Groups that are sent at a time: PostgreSQL commits one while the next is on its way to it."""
_NAME = b"group"
_FIRST_HEAD = "INSERT INTO audit_head VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
_HEAD = b"SELECT seq, hash, seal FROM audit_head WHERE chain = $1::text"
_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresCommit:
    """Writes groups over one connection, which is made anew after anything has gone wrong.

    A group is sent on the assumption that those on their way before it are written: that is where
    the chain is taken to end. If one is not, the gate of the statement stays shut for all behind
    it, and they are sent again from where the chain is found to end.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
        AuditBroken: the end of the chain was removed.
    """

    def __init__(self, engine: Engine, audit_key: bytes, writer: str) -> None:
        _, self._address = engine.dialect.create_connect_args(engine.url)
        self._key = audit_key
        self._writer = writer
        self._connection: _Connection | None = None
        self._pipeline: Pipeline | None = None
        self._head: Head | None = None
        self._stretch = 0
        """How often it was read where the chain ends."""
        self._sending = asyncio.Lock()

    async def __call__(self, asked: Sequence[Asked]) -> list[Decision]:
        """Write a group in one transaction; give for each the decision that counts."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._write(asked)
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            raise StoreUnavailable(
                f"the database does not answer: {error or 'no answer in time'}; check that it "
                "runs and that its URL is right"
            ) from error

    async def close(self) -> None:
        """Give the connection back; what is on its way over it fails."""
        connection, pipeline = self._connection, self._pipeline
        self._connection = self._pipeline = self._head = None
        if pipeline is not None:
            pipeline.close()
        if connection is not None:
            await connection.close()

    async def _connect(self) -> Pipeline:
        await self.close()
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                **self._address, autocommit=True
            )
            first = msgspec.structs.astuple(Chain(self._key, self._writer).head())
            await self._connection.execute(_FIRST_HEAD, first)
            await self._connection.execute("SET plan_cache_mode = force_generic_plan")
            self._pipeline = Pipeline(self._connection.pgconn)
            _checked(await self._pipeline.send(lambda to: to.send_prepare(_NAME, STATEMENT)))
        except BaseException:
            await self.close()
            raise
        return self._pipeline

    async def _write(self, asked: Sequence[Asked]) -> list[Decision]:
        """Send those that are not known to be there, until all of them are new and written."""
        counts: dict[str, Decision] = {}
        following: dict[str, Sequence[Action]] = {}
        for taken, acts in asked:
            counts.setdefault(taken.id, taken)
            following.setdefault(taken.id, acts)
        fresh, written = dict(sorted(counts.items())), not asked
        while fresh and not written:
            todo = [one for id_ in fresh for one in following[id_]]
            seen, written = await self._send(list(fresh.values()), todo)
            counts |= seen
            fresh = {id_: taken for id_, taken in fresh.items() if id_ not in seen}
        return [counts[taken.id] for taken, _ in asked]

    async def _send(
        self, taken: Sequence[Decision], actions: Sequence[Action]
    ) -> tuple[dict[str, Decision], bool]:
        """The decisions that were there already, and whether these were written."""
        pipeline: Pipeline | None = None
        try:
            async with self._sending:
                pipeline = self._pipeline
                if pipeline is None or pipeline.closed:
                    pipeline = await self._connect()
                before = self._head or await self._read_head(pipeline)
                values, self._head = parameters(self._key, before, taken, actions)
                answer, stretch = pipeline.send(partial(_run, values)), self._stretch
            result = await answer
        except BaseException:
            if pipeline is not None and pipeline is self._pipeline:
                await self.close()
            raise
        written = False
        try:
            seen, written = _read(result)
        finally:
            if not written and stretch == self._stretch:
                self._head = None
        return seen, written

    async def _read_head(self, pipeline: Pipeline) -> Head:
        """Where the chain ends, once it is known what became of all that is on its way."""
        await pipeline.drain()
        name = [self._writer.encode()]
        asked = pipeline.send(lambda to: to.send_query_params(_HEAD, name, result_format=1))
        found = _checked(await asked)
        if not found.ntuples:
            raise AuditBroken(f"chain {self._writer!r} has no head: its head row was removed")
        self._stretch += 1
        seq, last, seal = (found.get_value(0, column) or b"" for column in range(3))
        return Head(self._writer, int.from_bytes(seq, "big"), last, seal)


def _run(values: Sequence[bytes | None], connection: PGconn) -> None:
    formats = [Format.BINARY] * len(values)
    connection.send_query_prepared(_NAME, values, formats, Format.BINARY)


def _read(result: PGresult) -> tuple[dict[str, Decision], bool]:
    """The decisions that a group's statement has found there, and whether it has written."""
    try:
        _checked(result)
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name not in {"decision_pkey", "action_pkey"}:
            raise
        return {}, False  # somebody else has written one meanwhile: it is seen the next time
    rows = [(result.get_value(n, 0), result.get_value(n, 1)) for n in range(result.ntuples)]
    if rows == [(None, None)]:
        return {}, True
    return {id_.decode(): read_decision(body) for id_, body in rows if id_ and body}, False


def _checked(result: PGresult) -> PGresult:
    """A result; raises what PostgreSQL says is wrong."""
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise psycopg.errors.error_from_result(result)
    return result
