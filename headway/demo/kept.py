"""The log of a running copy, read once however many replay it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from firm.react import Arrival
from stream.log import KafkaEventLog


class KeptLog:
    """Keeps the events in memory, and reads from Kafka only what is new."""

    def __init__(self, log: KafkaEventLog) -> None:
        self._log = log
        self._kept: list[Arrival] = []

    def reader(self) -> Unread:
        """Somebody who begins at the first event."""
        return Unread(self)

    def since(self, place: int) -> Iterator[Arrival]:
        """Every event but the first so many, to the last that is there now."""
        start = self._kept[-1].position.offset + 1 if self._kept else 0
        self._kept.extend(self._log.read(start))
        return islice(self._kept, place, None)


class Unread:
    """What one reader of a log has not read yet (`firm.ports.EventLog`)."""

    def __init__(self, log: KeptLog) -> None:
        self._log = log
        self._place = 0

    def read(self) -> Iterator[Arrival]:
        """Every event that has come since it was read last."""
        for arrival in self._log.since(self._place):
            self._place += 1
            yield arrival
