"""The log of events as it stands in Kafka: read it again from any offset, outside any group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from firm.canonical import Canonicaliser
from firm.errors import BadEvent, HeadwayError
from firm.events import Position
from firm.react import Arrival
from stream.topics import EVENTS, LARGEST_MESSAGE_BYTES

PARTITION = TopicPartition(EVENTS, 0)


class LogCut(HeadwayError):
    """Records that are asked for are in the log no longer: somebody has cut its beginning off."""

    kind = "log-cut"


async def records(
    bootstrap: str,
    start: int = 0,
    end: int | None = None,
    partition: TopicPartition = PARTITION,
) -> AsyncIterator[list[ConsumerRecord]]:
    """The raw records from `start` to before `end` (or to the log's end), in chunks.

    Raises:
        LogCut: the log begins after `start`.
    """
    if end is not None and start >= end:
        return  # aiokafka cancels whoever stops a consumer that has asked for nothing yet
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        max_partition_fetch_bytes=LARGEST_MESSAGE_BYTES,
        auto_offset_reset="none",  # a record that is gone must not be waited for beyond the end
    )
    await consumer.start()
    try:
        consumer.assign([partition])
        if end is None:
            end = (await consumer.end_offsets([partition]))[partition]
        consumer.seek(partition, start)
        while start < end:
            fetched = await _fetched(consumer, partition, start)
            chunk = [r for r in fetched.get(partition, []) if r.offset < end]
            if chunk:
                start = chunk[-1].offset + 1
                yield chunk
    finally:
        await consumer.stop()


async def _fetched(
    consumer: AIOKafkaConsumer, partition: TopicPartition, start: int
) -> dict[TopicPartition, list[ConsumerRecord]]:
    try:
        found: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            partition, timeout_ms=1_000, max_records=2_000
        )
    except OffsetOutOfRangeError:
        begins = (await consumer.beginning_offsets([partition]))[partition]
        raise LogCut(
            f"record {start:,} of the topic {partition.topic!r} is asked for, which begins with "
            f"record {begins:,}: somebody has deleted records, or set a retention, and nothing can "
            "be computed without them; restore Kafka's data from a backup, or start a new copy "
            "(another HEADWAY_HOME) and replay the sources into it"
        ) from None
    return found


class KafkaEventLog:
    """The canonical events of the log, in the order in which they arrived (`firm.ports`)."""

    def __init__(self, bootstrap: str, canonicaliser: Canonicaliser) -> None:
        self._bootstrap = bootstrap
        self._canonicaliser = canonicaliser

    def read(self, start: int = 0) -> Iterator[Arrival]:
        """Every event from an offset on that can be read; what cannot is in the dead letters
        already."""
        with asyncio.Runner() as runner:
            chunks = records(self._bootstrap, start)
            while True:
                try:
                    chunk = runner.run(_next(chunks))
                except StopAsyncIteration:
                    return
                yield from self._arrivals(chunk)

    def _arrivals(self, chunk: list[ConsumerRecord]) -> Iterator[Arrival]:
        for record in chunk:
            try:
                event = self._canonicaliser.event(record.value or b"", record.timestamp * 1_000)
            except BadEvent:
                continue
            yield Arrival(event, Position(record.partition, record.offset))


async def _next(chunks: AsyncIterator[list[ConsumerRecord]]) -> list[ConsumerRecord]:
    return await anext(chunks)
