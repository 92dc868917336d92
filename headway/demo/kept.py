"""The log of a running copy, read once however often it is replayed."""

from __future__ import annotations

from collections.abc import Iterator

from firm.react import Arrival
from stream.log import KafkaEventLog


class KeptLog:
    """Keeps the events in memory, and reads from Kafka only what is new (`firm.ports.EventLog`)."""

    def __init__(self, log: KafkaEventLog) -> None:
        self._log = log
        self._kept: list[Arrival] = []

    def read(self) -> Iterator[Arrival]:
        """Every event, from the first to the last that is there now."""
        start = self._kept[-1].position.offset + 1 if self._kept else 0
        self._kept.extend(self._log.read(start))
        return iter(self._kept)
