"""Statements to PostgreSQL over one connection of libpq, sent before those before are answered.

PostgreSQL goes on with the next one at once, and need not wait until an event loop has looked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult


class Pipeline:
    """The statements that wait for an answer, each a transaction of its own.

    It takes the connection over, and belongs to one event loop.
    """

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._socket = connection.socket
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[PGresult]] = deque()
        self._found: PGresult | None = None
        self.closed = False
        connection.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    def send(self, send: Callable[[PGconn], None]) -> asyncio.Future[PGresult]:
        """Send one statement; what is awaited is PostgreSQL's answer to it, also if it is an
        error.

        Raises:
            psycopg.OperationalError: also where it is awaited: the connection is lost, or closed.
        """
        send(self._connection)
        self._connection.pipeline_sync()
        self._write()
        answer: asyncio.Future[PGresult] = self._loop.create_future()
        self._waiting.append(answer)
        return answer

    async def drain(self) -> None:
        """Return when all that was sent has been answered."""
        if self._waiting:
            await asyncio.wait([self._waiting[-1]])

    def close(self, why: str = "the connection was closed") -> None:
        """Let the connection go; who still waits for an answer is told so."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(psycopg.OperationalError(why))
        self._waiting.clear()

    def _write(self) -> None:
        if self._connection.flush():  # more than the socket takes at once
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            self._connection.consume_input()
            ended = False
            while not self._connection.is_busy():
                result = self._connection.get_result()
                if result is not None:
                    self._take(result)
                elif ended:  # not only the statement: there is nothing more
                    return
                ended = result is None
        except psycopg.Error as error:
            self.close(str(error))

    def _take(self, result: PGresult) -> None:
        """One part of what comes back: a result, or the end of its transaction."""
        if result.status != ExecStatus.PIPELINE_SYNC:
            self._found = result
            return
        answer, found = self._waiting.popleft(), self._found
        self._found = None
        if found is not None and not answer.done():  # whoever asked may have been given up
            answer.set_result(found)
