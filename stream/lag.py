"""What a monitor needs of Kafka: when records came, and who sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.log import PARTITION, records

SECONDS = 10.0


class Sender(msgspec.Struct, frozen=True):
    """Of a CloudEvent, who sent it and of which type it is."""

    source: str
    type: str


def came_at(bootstrap: str, offsets: Collection[int]) -> dict[int, int]:
    """When the records at these offsets came, milliseconds since 1970; they should lie close
    together, for all between them are read. Empty while Kafka does not answer."""
    if not offsets:
        return {}
    try:
        return asyncio.run(asyncio.wait_for(_came(bootstrap, set(offsets)), SECONDS))
    except (KafkaError, TimeoutError):
        return {}


class Senders:
    """Reads in the log who has sent something since it was asked last, from outside any group.

    Args:
        since: how far back it reads when it is asked first, milliseconds since 1970.
    """

    def __init__(self, bootstrap: str, since: int) -> None:
        self._bootstrap, self._since = bootstrap, since
        self._next: int | None = None

    async def until(self, end: int) -> dict[Sender, int]:
        """By sender when the newest of its records before this offset came, milliseconds since
        1970. What cannot be read while Kafka is away is read the next time."""
        found: dict[Sender, int] = {}
        try:
            async with asyncio.timeout(SECONDS):
                if self._next is None:
                    self._next = await _first_since(self._bootstrap, self._since, end)
                async for chunk in records(self._bootstrap, self._next, end):
                    found.update({who: r.timestamp for r in chunk for who in _sender(r.value)})
                    self._next = chunk[-1].offset + 1
        except (KafkaError, TimeoutError):
            pass
        return found


def _sender(payload: bytes | None) -> Iterator[Sender]:
    """None of what is no CloudEvent: that is in the dead letters."""
    try:
        yield msgspec.json.decode(payload or b"", type=Sender)
    except msgspec.DecodeError:
        return


async def _first_since(bootstrap: str, since: int, end: int) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        found = (await consumer.offsets_for_times({PARTITION: since}))[PARTITION]
        return end if found is None else int(found.offset)
    finally:
        await consumer.stop()


async def _came(bootstrap: str, offsets: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    async for chunk in records(bootstrap, min(offsets), max(offsets) + 1):
        found |= {r.offset: r.timestamp for r in chunk if r.offset in offsets}
    return found
