"""Tell other processes at once that an alias moved or is to be moved, and listen for it.

A notice is part of the transaction that it tells of, so it comes exactly if that was committed. It
may be lost with a connection: whoever listens looks by itself from time to time as well.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from firm.store.parts import StorePart

CHANNEL = "headway_models"


def tell(connection: Connection, workflow: str) -> None:
    """Notify all who listen once this transaction is committed; SQLite cannot."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, workflow)))


class Notices(StorePart):
    """Listen for moved aliases, and have those who listen look."""

    def wake(self) -> None:
        """Somebody says that an alias moved: all who listen look whether it did."""
        with self._database.write() as connection:
            tell(connection, "")

    def listener(self) -> Listener:
        """One for a thread of its own."""
        url = make_url(self._database.engine.url)
        if not self._database.is_postgresql:
            return Listener(None)
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return Listener(plain)


class Listener:
    """A connection that waits; without PostgreSQL it only sleeps."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: float) -> bool:
        """Return as soon as an alias is said to have moved, or after so long; whether it was."""
        began = time.monotonic()
        try:
            if self._url is not None:
                for _ in self._listening(self._url).notifies(timeout=seconds, stop_after=1):
                    return True
        except psycopg.Error:
            self.close()
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        return False

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listening(self, url: str) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(url, autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self._connection
