"""Many rows in one statement, the same for both engines, with what to do when a key is taken.

PostgreSQL gets one array for each column and unnests them: one round trip, however many rows.
SQLite has no round trips, and takes the rows one by one in its `executemany`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from firm.store.pgarray import pg_array

Row = Mapping[str, Any]
Insert = postgresql.Insert | sqlite.Insert
OnTaken = Callable[[Table, Insert], Insert]


def fail(_table: Table, statement: Insert) -> Insert:
    """A taken key breaks the transaction: it can only be a programming error."""
    return statement


def keep(_table: Table, statement: Insert) -> Insert:
    """What was there first stays."""
    return statement.on_conflict_do_nothing()


def replace(table: Table, statement: Insert) -> Insert:
    """What comes last counts."""
    rest = [column.name for column in table.c if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in rest},
    )


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Row], on_taken: OnTaken = fail
) -> None:
    """Write the rows; all have the same columns."""
    if rows:
        statement = _statement(connection.dialect.name, table, tuple(rows[0]), on_taken)
        connection.execute(statement, _parameters(connection, table, rows))


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], key: Column[str]
) -> set[str]:
    """Write the rows whose key is free; return the keys of those that were written."""
    if not rows:
        return set()
    statement = _returning(connection.dialect.name, table, tuple(rows[0]), key)
    return set(connection.execute(statement, _parameters(connection, table, rows)).scalars())


def _parameters(connection: Connection, table: Table, rows: Sequence[Row]) -> Any:
    if connection.dialect.name != "postgresql":
        return rows
    return {name: pg_array(table.c[name].type, [row[name] for row in rows]) for name in rows[0]}


@lru_cache(maxsize=64)
def _statement(dialect: str, table: Table, columns: tuple[str, ...], on_taken: OnTaken) -> Insert:
    if dialect == "postgresql":
        insert = postgresql.insert(table).from_select(columns, _unnested(columns))
        return on_taken(table, insert)
    return on_taken(table, sqlite.insert(table))


@lru_cache(maxsize=16)
def _returning(
    dialect: str, table: Table, columns: tuple[str, ...], key: Column[str]
) -> ReturningInsert[str]:
    return _statement(dialect, table, columns, keep).returning(key)


def _unnested(columns: tuple[str, ...]) -> Any:
    arrays: list[BindParameter[Any]] = [bindparam(name) for name in columns]
    return select(func.unnest(*arrays).table_valued(*columns).render_derived())
