"""Reads each record of the log once, however many workflows take it in."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from firm.canonical import Canonicaliser
from firm.errors import BadEvent
from firm.events import Event
from firm.time import Micros

KEPT = 4_000
"""So many records are kept: the agents of one process are at most some batches apart."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record of the log: where it stands, when it came, its bytes, and the W3C traceparent of its
    header, if it has one."""

    offset: int
    received_at: Micros
    payload: bytes
    traceparent: str = ""


class Reader:
    """Turns records into canonical events, and remembers the newest. Safe to share by threads."""

    def __init__(self, canonicaliser: Canonicaliser) -> None:
        self._canonicaliser = canonicaliser
        self._read: OrderedDict[int, Event | BadEvent] = OrderedDict()

    def event(self, record: Record) -> Event:
        """The event of a record; raises BadEvent as `Canonicaliser.event` does."""
        found = self._read.get(record.offset)
        if found is None:
            found = self._canonical(record)
            self._read[record.offset] = found
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        if isinstance(found, BadEvent):
            raise found
        return found

    def _canonical(self, record: Record) -> Event | BadEvent:
        try:
            return self._canonicaliser.event(record.payload, record.received_at)
        except BadEvent as error:
            return error
