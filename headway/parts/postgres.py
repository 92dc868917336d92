"""The embedded PostgreSQL: one real server on a private Unix socket, also when we are root."""

import contextlib
import signal
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg
from psycopg import sql

from headway.parts.account import unprivileged
from headway.parts.postgres_data import USER, make_data, program, remove_stale_pid_file
from headway.parts.process import Command, plain_environment
from headway.parts.server import Server
from headway.parts.sockets import socket_folder

DATABASE = "headway"
SHARED_BUFFERS = "512MB"
"""Taken as it is used. The ids of decisions are random, so each touches pages all over the indexes:
with PostgreSQL's own 128 MB, a group of 30 read and wrote 140 of them from 300,000 decisions on."""
WAL_INIT_ZERO = "off"
"""The commit that begins a new file of the log would write 16 MB of zeros first: who decides waits
20 ms for it, once a second under load, until there are enough files to be used again."""
MAX_WAL_SIZE = "4GB"
"""A checkpoint comes when so much was logged, or after five minutes. With PostgreSQL's own 1 GB,
3,600 decisions a second bring one every 11 s, and each writes every page whole that is touched
next: three times the log, and commits that wait 50 to 150 ms while it ends."""
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "fsync": "on",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "shared_buffers": SHARED_BUFFERS,
    "max_wal_size": MAX_WAL_SIZE,
    "wal_init_zero": WAL_INIT_ZERO,
}


class Postgres(Server):
    """A PostgreSQL server with its data in `folder`/data and the database `headway`.

    It trusts whoever reaches its socket; only our own account (and root) can.
    """

    name: ClassVar[str] = "PostgreSQL"
    # A fast shutdown; SIGTERM would wait for every client to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._data = self.folder / "data"
        self._account = unprivileged()
        self._socket = socket_folder(self.folder)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `headway`. Stays the same over restarts."""
        return self._url(DATABASE)

    def start(self) -> None:
        """Start, with the database `headway` present."""
        super().start()
        self.create_database(DATABASE)

    def stop(self) -> None:
        """Stop it in good order, and remove the emptied socket folder."""
        super().stop()
        self._socket.remove()

    def create_database(self, name: str) -> str:
        """Make a database if it is not there yet, and give its SQLAlchemy URL."""
        present = "select from pg_database where datname = %s"
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        with self._connect() as connection, contextlib.suppress(psycopg.errors.DuplicateDatabase):
            if connection.execute(present, [name]).rowcount == 0:
                connection.execute(statement)
        return self._url(name)

    def _prepare(self) -> None:
        self._socket.make(self._account)
        if self._account:
            self._account.let_through(self._data)
            self._account.let_through(program("postgres"))
        if not self._data.exists():
            make_data(self._data, self._account, self._preparation)
        remove_stale_pid_file(self._data)

    def _command(self) -> Command:
        settings = [part for k, v in SETTINGS.items() for part in ("-c", f"{k}={v}")]
        return Command(
            arguments=(
                *(str(program("postgres")), "-D", str(self._data), "-k", str(self._socket.path)),
                *settings,
            ),
            marker=str(self._data),
            folder=self.folder,
            environment=plain_environment(),
            account=self._account,
        )

    def _ready(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._socket.path), user=USER, dbname="postgres", autocommit=True
        )

    def _url(self, database: str) -> str:
        host = quote(str(self._socket.path), safe="/")
        return f"postgresql+psycopg://{USER}@/{quote(database, safe='')}?host={host}"
