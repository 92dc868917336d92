"""How far the log reaches, and when its records came: what a monitor needs of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.log import PARTITION, records

SECONDS = 10.0


def end_of_log(bootstrap: str) -> int | None:
    """The offset after the last event; None while Kafka does not answer."""
    try:
        return asyncio.run(asyncio.wait_for(_end(bootstrap), SECONDS))
    except (KafkaError, TimeoutError):
        return None


def came_at(bootstrap: str, offsets: Collection[int]) -> dict[int, int]:
    """When the records at these offsets came, milliseconds since 1970; they should lie close
    together, for all between them are read. Empty while Kafka does not answer."""
    if not offsets:
        return {}
    try:
        return asyncio.run(asyncio.wait_for(_came(bootstrap, set(offsets)), SECONDS))
    except (KafkaError, TimeoutError):
        return {}


async def _end(bootstrap: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        return int((await consumer.end_offsets([PARTITION]))[PARTITION])
    finally:
        await consumer.stop()


async def _came(bootstrap: str, offsets: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    async for chunk in records(bootstrap, min(offsets), max(offsets) + 1):
        found |= {r.offset: r.timestamp for r in chunk if r.offset in offsets}
    return found
