"""Send a log into the stream, at full speed or at a pace, and wait until it has been taken in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer

from firm.errors import HeadwayError, StoreUnavailable
from firm.store import SqlStore
from headway.logs import Outgoing
from stream.topics import EVENTS, LARGEST_MESSAGE_BYTES

Progress = Callable[[int], None]
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02


class NotAdvancing(HeadwayError):
    """The stream has stopped taking in records."""

    kind = "not-advancing"
    retry = True


def send(
    bootstrap: str, events: Sequence[Outgoing], progress: Progress, per_second: float | None = None
) -> int:
    """Put the events into the log in their order; returns the offset after the last."""
    return asyncio.run(_send(bootstrap, events, progress, per_second))


def wait_until_taken(
    store: SqlStore, workflow: str, start: int, end: int, progress: Progress
) -> None:
    """Wait until a workflow has committed every record from `start` to before `end`.

    Raises:
        NotAdvancing: nothing was committed for PATIENCE_SECONDS.
    """
    last, since = start - 1, time.monotonic()
    while last + 1 < end:
        taken = _offset(store, workflow, last)
        if taken > last:
            progress(taken - last)
            last, since = taken, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            raise NotAdvancing(
                f"{workflow} has stood at offset {last} for {PATIENCE_SECONDS:g} s, the log ends "
                f"at {end}: look at the log of the worker"
            )
        else:
            time.sleep(POLL_SECONDS)


def _offset(store: SqlStore, workflow: str, last: int) -> int:
    """The offset taken in; while the database is away, the last that is known."""
    try:
        return store.offset(workflow)
    except StoreUnavailable:
        return last


async def _send(
    bootstrap: str, events: Sequence[Outgoing], progress: Progress, per_second: float | None
) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_request_size=LARGEST_MESSAGE_BYTES,
        linger_ms=0 if per_second else 5,
    )
    await producer.start()
    try:
        begun = time.monotonic()
        sent = []
        for place, event in enumerate(events):
            if per_second:
                await asyncio.sleep(max(0.0, begun + place / per_second - time.monotonic()))
            sent.append(await producer.send(EVENTS, event.payload, key=event.key))
            progress(1)
        results = await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return max((result.offset for result in results), default=-1) + 1
