"""A load generator for one core: requests that were written before, over kept connections.

Closed loop (each connection asks again when it was answered) finds the throughput. Open loop (asks
at a fixed rate, whether or not it was answered) finds the latency: it is counted from the instant
at which a request was due, so that a server that stalls is not let off.
"""

from __future__ import annotations

import asyncio
import gc
import re
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import msgspec
import uvloop

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_LAST_CHUNK = b"0\r\n\r\n"
TICK_SECONDS = 0.001
"""What is due is sent once a tick. uvloop sleeps whole milliseconds: told to sleep for less it does
not sleep at all, and takes the core from the database that the server waits for."""


class Target(msgspec.Struct, frozen=True):
    """Where to send what: whole HTTP/1.1 requests, one after the other and round again."""

    port: int
    requests: Sequence[bytes]


class Sent(msgspec.Struct, frozen=True):
    """What came back: answers of 200 a second, their latency in milliseconds, and all others."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def request(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A POST of JSON as it goes over the wire."""
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", **(headers or {})}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in told.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def closed_loop(target: Target, connections: int, seconds: float) -> Sent:
    """As fast as the answers come."""
    return uvloop.run(_send(target, connections, seconds, None))


def open_loop(target: Target, connections: int, seconds: float, per_second: float) -> Sent:
    """So many a second; a request for which no connection is free waits, and its time counts."""
    return uvloop.run(_send(target, connections, seconds, per_second))


async def _send(target: Target, connections: int, seconds: float, per_second: float | None) -> Sent:
    run = _Run(target.port, cycle(target.requests))
    gc.collect()
    gc.disable()
    try:
        for _ in range(connections):
            await run.connect()
        start = time.perf_counter()
        if per_second is None:
            run.repeat = True
            while run.free:
                run.free.pop().ask(start)
        else:
            await run.at_rate(start, seconds, per_second)
        await asyncio.sleep(max(0.0, start + seconds - time.perf_counter()))
        run.repeat = False
        return run.sent(time.perf_counter() - start)
    finally:
        gc.enable()
        await run.close()


class _Run:
    """One measurement: who is free, what is due, and what came of it."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self._port = port
        self._ended = False
        self._again: set[asyncio.Task[None]] = set()
        self.requests = requests
        self.free: list[_Connection] = []
        self.all: list[_Connection] = []
        self.due: deque[float] = deque()
        self.latencies: list[float] = []
        self.failed = 0
        self.repeat = False

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)

    def lost(self, connection: _Connection, waited: bool) -> None:
        """Some servers close a connection after so many requests: it is made again."""
        if self._ended:
            return
        self.failed += waited
        self.all.remove(connection)
        if connection in self.free:
            self.free.remove(connection)
        task = asyncio.create_task(self.connect())
        self._again.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._again.discard(task)
        if self.repeat and self.free and task.exception() is None:
            self.free.pop().ask(time.perf_counter())

    async def at_rate(self, start: float, seconds: float, per_second: float) -> None:
        asked = 0
        while (passed := time.perf_counter() - start) < seconds:
            while asked < passed * per_second:
                self.ask(start + asked / per_second)
                asked += 1
            await asyncio.sleep(TICK_SECONDS)

    def ask(self, due: float) -> None:
        if self.free:
            self.free.pop().ask(due)
        else:
            self.due.append(due)

    def done(self, connection: _Connection, latency: float, well: bool) -> None:
        if well:
            self.latencies.append(latency)
        else:
            self.failed += 1
        if self.repeat:
            connection.ask(time.perf_counter())
        elif self.due:
            connection.ask(self.due.popleft())
        else:
            self.free.append(connection)

    async def close(self) -> None:
        """Close every connection, also those being made: a loop of uvloop that is closed before
        its transports are may never return."""
        self._ended = True
        await asyncio.gather(*self._again, return_exceptions=True)
        for connection in self.all:
            connection.close()
        await asyncio.gather(*(connection.closed for connection in self.all))

    def sent(self, seconds: float) -> Sent:
        failed = self.failed + len(self.due)  # what was never sent is not let off either
        if len(self.latencies) < 2:
            return Sent(0.0, float("inf"), float("inf"), failed)
        cuts = statistics.quantiles(self.latencies, n=100)
        per_second = len(self.latencies) / seconds
        return Sent(
            round(per_second, 1), round(cuts[49] * 1e3, 2), round(cuts[98] * 1e3, 2), failed
        )


class _Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._due = 0.0
        self._got = b""
        self._waits = False
        self._transport: Any = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._run.all.append(self)
        self._run.free.append(self)

    def ask(self, due: float) -> None:
        self._due, self._waits = due, True
        self._transport.write(next(self._run.requests))

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        if _is_whole(got):
            self._got, self._waits = b"", False
            self._run.done(self, time.perf_counter() - self._due, got[9:12] == b"200")

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)
        self._run.lost(self, self._waits)

    def close(self) -> None:
        self._transport.abort()


def _is_whole(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end)
    if length is None:
        return answer.endswith(_LAST_CHUNK)
    return len(answer) >= end + 4 + int(length[1])
