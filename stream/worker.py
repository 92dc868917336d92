"""The Faust application: one agent takes the records in batches, which every workflow reacts to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import faust
import structlog
from faust.types import AppT, EventT, StreamT

from firm.time import Micros
from stream.log import records
from stream.reactor import Reactor
from stream.reader import Record
from stream.topics import EVENTS, GROUP, LARGEST_MESSAGE_BYTES

BATCH = 500
WITHIN_SECONDS = 0.01
"""How long a batch waits for more: longer would only add to each event's latency."""

log = structlog.get_logger(__name__)


class Worker:
    """Runs all workflows in one process until it is told to stop.

    One agent feeds them all: what Faust does for each record costs more than most workflows do, and
    an agent for each of them would have it done once for each. A batch is done with when every
    workflow has committed it, each in a transaction of its own and in a thread of its own.

    Args:
        reactors: the reactor of each workflow by slug.
        committed: called after each committed batch; it wakes the relay.
        failed: called with what a workflow could not survive; the process has to end then, since
            its memory has run ahead of the database.
        now: the clock.
    """

    def __init__(
        self,
        bootstrap: str,
        reactors: Mapping[str, Reactor],
        *,
        committed: Callable[[], None],
        failed: Callable[[BaseException], None],
        now: Callable[[], Micros],
    ) -> None:
        self._bootstrap = bootstrap
        self._reactors = reactors
        self._committed = committed
        self._failed = failed
        self._now = now
        self.app = _app(bootstrap)
        topic = self.app.topic(EVENTS, value_type=bytes, value_serializer="raw")
        self.app.agent(topic, name="headway.workflows", concurrency=1)(self._react)

    def next_offset(self) -> int:
        """The first record that some workflow has not taken in yet."""
        return min(reactor.next_offset for reactor in self._reactors.values())

    async def start(self) -> None:
        """Take in what the log holds by now, then join the group and take in what comes.

        The group's offset may be ahead of the database's: without a newer record it would not show.
        """
        for reactor in self._reactors.values():
            await self._fetch(reactor)
        self.app.finalize()
        await self.app.start()

    async def stop(self) -> None:
        """Leave the group."""
        await self.app.stop()

    async def _react(self, stream: StreamT[bytes]) -> None:
        async for events in _batches(stream):
            batch = [_record(event) for event in events]
            try:
                await asyncio.gather(*(self._take(one, batch) for one in self._reactors.values()))
            except BaseException as error:
                self._failed(error)
                raise

    async def _take(self, reactor: Reactor, batch: Sequence[Record]) -> None:
        first, expected = batch[0].offset, reactor.next_offset
        if first > expected:
            log.warning("fetching records that the consumer passed over", first=expected, to=first)
            await self._fetch(reactor, first)
        await self._commit(reactor, batch)

    async def _fetch(self, reactor: Reactor, end: int | None = None) -> None:
        """Take in what has not been taken in before `end`, or before the log's end."""
        async for chunk in records(self._bootstrap, reactor.next_offset, end):
            await self._commit(reactor, [_fetched(record) for record in chunk])

    async def _commit(self, reactor: Reactor, batch: Sequence[Record]) -> None:
        await asyncio.to_thread(reactor.take, batch, self._now())
        self._committed()


def _app(bootstrap: str) -> AppT:
    return faust.App(
        GROUP,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        web_enabled=False,
        broker_session_timeout=9.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=LARGEST_MESSAGE_BYTES,
        stream_buffer_maxsize=4 * BATCH,
        topic_disable_leader=True,
        topic_allow_declare=False,
        cython_optimizations=True,
        loop=asyncio.get_running_loop(),
    )


def _batches(stream: StreamT[bytes]) -> AsyncIterator[Sequence[EventT[Any]]]:
    batches: AsyncIterator[Sequence[EventT[Any]]] = stream.take_events(  # type: ignore[attr-defined]  # missing in the interface, there in each stream
        BATCH, within=WITHIN_SECONDS
    )
    return batches


def _record(event: EventT[Any]) -> Record:
    message = event.message
    received_at = int(message.timestamp * 1_000_000)
    return Record(message.offset, received_at, message.value or b"", _traceparent(message.headers))


def _fetched(record: Any) -> Record:
    trace = _traceparent(record.headers)
    return Record(record.offset, record.timestamp * 1_000, record.value or b"", trace)


def _traceparent(headers: Any) -> str:
    found = dict(headers).get("traceparent") if headers else None
    return found.decode("latin-1") if found else ""
