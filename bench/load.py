"""Requests at a steady pace from a thread, with each answer's status, latency and version.

The pace does not wait for answers: a service that falls behind shows it in their latency. Only
when MOST_AT_ONCE are under way is no more sent; the rate that was reached then lies below the pace.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

PATIENCE_SECONDS = 30.0
MOST_AT_ONCE = 100


class Got(msgspec.Struct, frozen=True, gc=False):
    """One answer; `status` is 0 where none came.

    Attributes:
        sent_at: by the machine's clock, seconds since 1970.
        version: the model that decided, empty where the answer names none.
    """

    sent_at: float
    seconds: float
    status: int
    version: str


class Load:
    """Sends score requests in turn to several services while the block runs.

    Args:
        urls: the score routes.
        bodies: what is asked, in turn.
    """

    def __init__(
        self,
        urls: Sequence[str],
        bodies: Sequence[bytes],
        headers: Mapping[str, str],
        per_second: float,
    ) -> None:
        self._urls, self._bodies, self._per_second = urls, bodies, per_second
        self._headers = {**headers, "Content-Type": "application/json"}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), daemon=True)
        self.answers: list[Got] = []

    def __enter__(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop sending, and wait for what is under way."""
        self._stopped.set()
        self._thread.join()

    async def _send(self) -> None:
        asked = zip(itertools.cycle(self._urls), itertools.cycle(self._bodies), strict=False)
        async with (
            aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE),
                timeout=aiohttp.ClientTimeout(PATIENCE_SECONDS),
            ) as client,
            asyncio.TaskGroup() as under_way,
        ):
            places, start = asyncio.Semaphore(MOST_AT_ONCE), time.perf_counter()
            for number, (url, body) in enumerate(asked):
                wait = start + number / self._per_second - time.perf_counter()
                await asyncio.sleep(max(0.0, wait))
                await places.acquire()
                if self._stopped.is_set():
                    break
                task = under_way.create_task(self._ask(client, url, body))
                task.add_done_callback(lambda _: places.release())

    async def _ask(self, client: aiohttp.ClientSession, url: str, body: bytes) -> None:
        sent_at, start = time.time(), time.perf_counter()
        try:
            async with client.post(url, data=body) as answer:
                found = msgspec.json.decode(await answer.read()) if answer.ok else {}
                status, version = answer.status, found.get("model_version", "")
        except (aiohttp.ClientError, TimeoutError):
            status, version = 0, ""
        self.answers.append(Got(sent_at, time.perf_counter() - start, status, version))
