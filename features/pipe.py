"""One connection to Redis for all requests at once: the commands of one turn of the event loop go
out together, and the answers come back in their order. redis-py's asyncio client costs ten times
as much for each command."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any

import hiredis
from redis.connection import SSLConnection, parse_url

from features.errors import OnlineStoreUnavailable

TIMEOUT_SECONDS = 2.0
"""Redis answers within milliseconds; who has waited this long had better be told."""


class RedisPipe:
    """A connection that is made when it is needed, and made anew after it was lost.

    It belongs to one event loop. A command whose connection is lost, or that has not been answered
    in time, raises OnlineStoreUnavailable; the next one connects again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[_Connection] | None = None

    async def call(self, *command: bytes | str | int) -> Any:
        """The answer to one command."""
        connection = self._connection
        if connection is None or connection.lost:
            connection = await self._connect()
        return await connection.call(*command)

    async def close(self) -> None:
        """Give the connection back, also one that is still being made."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            await self._connection.end()

    async def _connect(self) -> _Connection:
        """One connection, however many ask for it at the same time."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._make())
        return await asyncio.shield(self._connecting)

    async def _make(self) -> _Connection:
        """Those who wait for it hear of it some turns of the loop later: until then, too, whoever
        asks must find it, or they would make another."""
        self._connection = await _open(self._url)
        return self._connection


async def _open(url: str) -> _Connection:
    told = parse_url(url)  # type: ignore[no-untyped-call]
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            connection = await _connected(told)
            await _introduce(connection, told)
    except (OSError, TimeoutError) as error:
        raise _away(str(error) or "no answer in time") from error
    return connection


async def _introduce(connection: _Connection, told: Any) -> None:
    """Say who we are and which database we mean."""
    try:
        if password := told.get("password"):
            user = [name] if (name := told.get("username")) else []
            await connection.call("AUTH", *user, password)
        if database := told.get("db"):
            await connection.call("SELECT", database)
    except BaseException:
        await connection.end()
        raise


async def _connected(told: Any) -> _Connection:
    loop = asyncio.get_running_loop()
    if path := told.get("path"):
        _, made = await loop.create_unix_connection(_Connection, path)
        return made
    secure = told.get("connection_class") is SSLConnection
    context = ssl.create_default_context() if secure else None
    host, port = told.get("host", "localhost"), told.get("port", 6379)
    _, made = await loop.create_connection(_Connection, host, port, ssl=context)
    return made


class _Connection(asyncio.Protocol):
    """The commands that wait for an answer, each with the time by which it must have come."""

    def __init__(self) -> None:
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[bytes] = []
        self._watch: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self._closed: asyncio.Future[None] = self._loop.create_future()

    def call(self, *command: bytes | str | int) -> asyncio.Future[Any]:
        if self.lost:  # nobody would ever answer
            raise _away("the connection was closed")
        answer = self._loop.create_future()
        self._waiting.append((self._loop.time() + TIMEOUT_SECONDS, answer))
        if self._watch is None:
            self._watch = self._loop.call_later(TIMEOUT_SECONDS, self._look)
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        return answer

    async def end(self) -> None:
        self.lost = True
        self._transport.close()
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            _, answer = self._waiting.popleft()
            if answer.done():  # whoever asked has gone
                continue
            if isinstance(reply, hiredis.ReplyError):
                answer.set_exception(_away(str(reply)))
            else:
                answer.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._watch is not None:
            self._watch.cancel()
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(_away(str(exc or "the connection was closed")))
        self._waiting.clear()
        self._closed.set_result(None)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        self._transport.write(b"".join(unsent))

    def _look(self) -> None:
        """Give the connection up if its oldest command has waited too long."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0][0] - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        self.lost = True
        self._transport.abort()


def _away(why: str) -> OnlineStoreUnavailable:
    return OnlineStoreUnavailable(
        f"the online store does not answer ({why}); see that Redis runs at the address in the "
        "settings and has memory left, then try again"
    )
