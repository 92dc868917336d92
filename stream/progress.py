"""Alive means advancing: a stream whose lag does not fall is not alive, whatever it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from firm.errors import HeadwayError
from stream.log import PARTITION

LOOK_SECONDS = 1.0
STALL_SECONDS = 15.0
"""Longer than a rebalance takes after a worker was killed (the session lasts 9 s)."""

log = structlog.get_logger(__name__)


class Stalled(HeadwayError):
    """Records wait, Kafka answers, and nothing is taken in."""

    kind = "stalled"
    retry = True


async def watch_progress(bootstrap: str, next_offset: Callable[[], int]) -> None:
    """Look for ever; returns only by raising Stalled.

    While Kafka is away nothing can be said, and nothing is.

    Args:
        next_offset: the first record that some workflow has not taken in yet.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        seen, since = next_offset(), time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            end = await _end(consumer)
            offset = next_offset()
            if end is None or offset >= end or offset != seen:
                seen, since = offset, time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                raise Stalled(
                    f"nothing was taken in for {STALL_SECONDS:g} s: the stream stands at offset "
                    f"{offset}, the log ends at {end}"
                )
    finally:
        await consumer.stop()


async def _end(consumer: AIOKafkaConsumer) -> int | None:
    try:
        async with asyncio.timeout(STALL_SECONDS / 3):
            ends = await consumer.end_offsets([PARTITION])
    except (KafkaError, TimeoutError):
        return None
    return int(ends[PARTITION])
