"""Whether a Kafka broker really serves: an open port is not yet readiness."""

import asyncio
import contextlib

# aiokafka ships no types.
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

PROBE_TOPIC = "_headway_probe"
PROBE_SECONDS = 10.0
ANSWER_MS = 5_000


def serves(bootstrap: str) -> bool:
    """Whether the broker takes a message on the probe topic, which is created if missing."""
    try:
        asyncio.run(asyncio.wait_for(_probe(bootstrap), PROBE_SECONDS))
    except (KafkaError, OSError, TimeoutError):
        return False
    return True


async def _probe(bootstrap: str) -> None:
    await _create_topic(bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
    await producer.start()
    try:
        await producer.send_and_wait(PROBE_TOPIC, b"ready?")
    finally:
        await producer.stop()


async def _create_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
    await admin.start()
    try:
        with contextlib.suppress(TopicAlreadyExistsError):
            await admin.create_topics([NewTopic(PROBE_TOPIC, 1, 1)])
    finally:
        await admin.close()
