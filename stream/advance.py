"""Whether the stream advances, as anybody can tell from outside who looks at it now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from firm.errors import HeadwayError
from stream.log import PARTITION
from stream.progress import STALL_SECONDS
from stream.topics import GROUP

SECONDS = 3.0
"""How long Kafka may take to say how far the log reaches."""


class LogAway(HeadwayError):
    """Kafka does not say how far the log reaches."""

    kind = "log-away"
    retry = True


class Lag(msgspec.Struct, frozen=True, gc=False):
    """How far a workflow is behind the log.

    Attributes:
        records: those that wait for it.
        stands_seconds: for how long it was seen to take in nothing while records waited.
    """

    records: int
    stands_seconds: float

    @property
    def stalled(self) -> bool:
        """Whether it has stood for longer than a rebalance takes."""
        return self.stands_seconds > STALL_SECONDS


class Advance:
    """Remembers where each workflow stood while records waited for it; reads no clock."""

    def __init__(self) -> None:
        self._waited: dict[str, tuple[int, float]] = {}

    def look(self, at: float, end: int, reached: Mapping[str, int]) -> dict[str, Lag]:
        """How far each workflow is behind, and for how long it has stood there.

        Args:
            at: when, in seconds of a clock that only runs forward.
            end: the offset after the log's last record.
            reached: the first offset that each workflow has not taken in.
        """
        found = {}
        for workflow, offset in reached.items():
            stood, since = self._waited.pop(workflow, (offset, at))
            if offset != stood:
                since = at
            if offset < end:
                self._waited[workflow] = (offset, since)
            found[workflow] = Lag(max(end - offset, 0), at - since if offset < end else 0.0)
        return found


class LogPlaces:
    """Asks Kafka how far the log reaches, and up to where the workers' group has gone through it.

    Within one event loop; it connects when it is asked first.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def now(self) -> tuple[int, int]:
        """The offset after the last record, and the first that the group has not gone past.

        Raises:
            LogAway: see there.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(SECONDS):
                    consumer = await self._connected()
                    ends = await consumer.end_offsets([PARTITION])
                    gone = await consumer.committed(PARTITION)
            except (KafkaError, TimeoutError) as error:
                raise LogAway(f"the log of events does not answer: {error!r}") from error
        return int(ends[PARTITION]), int(gone or 0)

    async def close(self) -> None:
        """Give the connection back."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, group_id=GROUP, enable_auto_commit=False
            )
            try:
                await consumer.start()
            except BaseException:
                with suppress(KafkaError):
                    await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
