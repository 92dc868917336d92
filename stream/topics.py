"""The topics, and how they are made before anything listens to them."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

EVENTS = "headway.events"
"""CloudEvents of all kinds, in order of arrival. One partition: that order is what makes the known
outcomes of a group, and so every decision, come out the same on each replay (ADR 3)."""
DECISIONS = "headway.decisions"
"""Every decision, as a CloudEvent."""
GROUP = "headway-stream"
"""The consumer group of the workers."""
LARGEST_MESSAGE_BYTES = 12 << 20
"""Kafka takes more than an event may have, so that a payload too large is kept, not lost."""
_FOREVER = {"retention.ms": "-1", "max.message.bytes": str(LARGEST_MESSAGE_BYTES)}


async def ensure_topics(bootstrap: str) -> None:
    """Make the topics that are not there yet; Faust never picks up one that comes later."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for name in (EVENTS, DECISIONS):
            answer = await admin.create_topics([NewTopic(name, 1, 1, topic_configs=_FOREVER)])
            for _, code, *_ in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"topic {name!r} could not be made")
    finally:
        await admin.close()
