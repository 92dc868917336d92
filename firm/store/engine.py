"""The door to the database: one engine, and transactions that say what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from firm.errors import StoreUnavailable
from firm.store.pgarray import register

BUSY_SECONDS = 30
"""How long SQLite waits for another writer: longer than any batch, shorter than a health check."""
WRITES = {"headway_writes": True}


class Database:
    """PostgreSQL or SQLite behind the same transactions."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_postgresql = self.engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it waits for its turn before it reads anything."""
        with _answering(), self._connect(**WRITES) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction in which each statement sees what is committed by then."""
        with _answering(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction in which all statements see the same instant."""
        # SQLite reads like that anyway; asking for it would undo how transactions begin here.
        options = {"isolation_level": "REPEATABLE READ"} if self.is_postgresql else {}
        with _answering(), self._connect(**options) as connection, connection.begin():
            yield connection

    def _connect(self, **options: Any) -> Connection:
        return self.engine.connect().execution_options(**options)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "postgresql":
        engine = create_engine(url)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:
    register(connection)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and too late: SQLAlchemy begins them below.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("headway_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolExhausted) as error:
        raise StoreUnavailable(
            f"the database does not answer: {error}; check that it runs and that its URL is right"
        ) from error
