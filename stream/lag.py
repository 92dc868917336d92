"""What a monitor needs of Kafka: when records came, and who sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import Annotated

import msgspec
from aiokafka.errors import KafkaError

from stream.log import records

SECONDS = 10.0
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
"""What PostgreSQL can index, two of them together."""


class Sender(msgspec.Struct, frozen=True):
    """Of a CloudEvent, who sent it and of which type it is."""

    source: Named
    type: Named


class Came(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in the log, and when it came, milliseconds since 1970."""

    offset: int
    at: int


def came_at(bootstrap: str, offsets: Collection[int]) -> dict[int, int]:
    """When the records at these offsets came, milliseconds since 1970; they should lie close
    together, for all between them are read. Empty while Kafka does not answer."""
    if not offsets:
        return {}
    try:
        return asyncio.run(_came(bootstrap, set(offsets)))
    except (KafkaError, TimeoutError):
        return {}


class Senders:
    """Reads in the log who has sent something since it was asked last, from outside any group.

    Attributes:
        next: the offset of the first record that it has not read.
    """

    def __init__(self, bootstrap: str, start: int) -> None:
        self._bootstrap, self.next = bootstrap, start

    async def until(self, end: int) -> dict[Sender, Came]:
        """By sender the newest of its records before this offset. What cannot be read in time, or
        while Kafka is away, is read the next time."""
        found: dict[Sender, Came] = {}
        try:
            async with asyncio.timeout(SECONDS):
                async for chunk in records(self._bootstrap, self.next, end):
                    for record in chunk:
                        came = Came(record.offset, record.timestamp)
                        found.update((who, came) for who in _sender(record.value))
                    self.next = chunk[-1].offset + 1
        except (KafkaError, TimeoutError):
            pass
        return found


def _sender(payload: bytes | None) -> Iterator[Sender]:
    """None of what is no CloudEvent, or whose sender has a name that cannot be kept."""
    try:
        yield msgspec.json.decode(payload or b"", type=Sender)
    except msgspec.DecodeError:
        return


async def _came(bootstrap: str, offsets: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    async with asyncio.timeout(SECONDS):
        async for chunk in records(bootstrap, min(offsets), max(offsets) + 1):
            found |= {r.offset: r.timestamp for r in chunk if r.offset in offsets}
    return found
