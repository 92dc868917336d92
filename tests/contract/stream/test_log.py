"""The log of events on a real Kafka: what was sent can be read again, from any place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from firm.envelope import LARGEST_EVENT_BYTES
from headway.parts import Parts
from stream.log import KafkaEventLog, LogCut, records
from stream.topics import DECISIONS, EVENTS, ensure_topics
from tests.stage import CANONICAL, Stage, read, report


@pytest.fixture
def stage(parts: Parts) -> Iterator[Stage]:
    opened = Stage(parts)
    yield opened
    opened.close()


def test_what_was_sent_is_read_in_its_order(stage: Stage) -> None:
    payloads = [report(f"event-{n}") for n in range(50)]
    start = stage.send(payloads)
    found = read(stage.bootstrap, EVENTS, start)
    assert [record.value for record in found] == payloads
    assert [record.offset for record in found] == list(range(start, start + 50))


@pytest.mark.parametrize(("start", "end"), [(0, 3), (2, 5), (4, 5), (3, 3), (5, 5)])
def test_a_part_of_it_can_be_read(stage: Stage, start: int, end: int) -> None:
    payloads = [report(f"event-{n}") for n in range(5)]
    first = stage.send(payloads)

    async def part() -> list[bytes]:
        chunks = records(stage.bootstrap, first + start, first + end)
        return [record.value async for chunk in chunks for record in chunk]

    assert asyncio.run(part()) == payloads[start:end]


def test_a_log_whose_beginning_was_cut_off_is_told_and_not_waited_for(stage: Stage) -> None:
    """On a topic of its own: nobody else's log is cut."""
    cut = TopicPartition("cut", 0)

    async def all_(start: int) -> list[int]:
        chunks = records(stage.bootstrap, start, partition=cut)
        return [record.offset async for chunk in chunks for record in chunk]

    async def cut_off() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(cut.topic, 1, 1)])
            async with AIOKafkaProducer(bootstrap_servers=stage.bootstrap) as producer:
                for n in range(5):
                    await producer.send_and_wait(cut.topic, str(n).encode(), partition=0)
            await admin.delete_records({cut: RecordsToDelete(before_offset=3)})
        finally:
            await admin.close()

    asyncio.run(cut_off())
    assert asyncio.run(all_(3)) == [3, 4]
    with pytest.raises(LogCut, match=r"'cut' is asked for, which begins with record 3: .* restore"):
        asyncio.run(all_(0))


def test_an_empty_log_has_an_end(stage: Stage) -> None:
    """Beyond the last record there is nothing to wait for."""
    assert read(stage.bootstrap, EVENTS, stage.end) == []


def test_events_stand_where_their_records_do_and_what_is_none_is_passed_over(
    stage: Stage,
) -> None:
    start = stage.send([report("first"), b"{no json", report("last"), b""])
    arrivals = list(KafkaEventLog(stage.bootstrap, CANONICAL).read())
    ours = [a for a in arrivals if a.position.offset >= start]
    found = [(a.event.external_id, a.position.offset - start) for a in ours]
    assert found == [("first", 0), ("last", 2)]


def test_a_record_far_above_the_limit_of_an_event_can_be_read(stage: Stage) -> None:
    """Kafka keeps what is too large for an event, so that the dead letters can have it whole."""
    payload = b"x" * (10 * LARGEST_EVENT_BYTES)
    start = stage.send([b"before", payload, b"after"])
    assert [r.value for r in read(stage.bootstrap, EVENTS, start)] == [b"before", payload, b"after"]


def test_topics_are_kept_for_ever_in_one_partition_however_often_they_are_asked_for(
    stage: Stage,
) -> None:
    async def ask() -> tuple[list[int], list[str]]:
        for _ in range(2):
            await ensure_topics(stage.bootstrap)
        admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap)
        await admin.start()
        try:
            topics = await admin.describe_topics([EVENTS, DECISIONS])
            asked = [ConfigResource(ConfigResourceType.TOPIC, t) for t in (EVENTS, DECISIONS)]
            described = await admin.describe_configs(asked)
        finally:
            await admin.close()
        kept = [
            entry[1]
            for answer in described
            for resource in answer.resources
            for entry in resource[4]
            if entry[0] == "retention.ms"
        ]
        return [len(topic["partitions"]) for topic in topics], kept

    assert asyncio.run(ask()) == ([1, 1], ["-1", "-1"])


def test_the_decisions_are_a_log_of_their_own(stage: Stage) -> None:
    stage.send([report("event")])

    async def all_() -> list[object]:
        partition = TopicPartition(DECISIONS, 0)
        chunks = records(stage.bootstrap, partition=partition)
        return [record async for chunk in chunks for record in chunk if record.value == b"event"]

    assert asyncio.run(all_()) == []
