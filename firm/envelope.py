"""CloudEvents 1.0 in structured JSON: the envelope in which every payload reaches Headway."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from firm.errors import Malformed, TimeOutOfRange, TooLarge, shown
from firm.ids import EventRef
from firm.time import Micros, to_datetime, to_micros

LARGEST_EVENT_BYTES = 1 << 20
"""More than any fact needs; what is larger goes to the dead letters whole."""
LONGEST_ID = 500
"""Characters of an event's or a subject's id, or of a source: what PostgreSQL can index, in any
script."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)
"""How far ahead of our clock the sender's may run."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The attributes that Headway needs of a CloudEvent; unknown ones are let through.

    `source` and `id` together are unique: two systems may both number their events from 1.
    """

    id: str
    source: str
    type: str
    data: Any
    time: datetime | None = None
    subject: str | None = None
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_DECODER = msgspec.json.Decoder(Envelope)
_REF = msgspec.json.Decoder(EventRef)


def open_envelope(payload: bytes) -> Envelope:
    """Parse a payload.

    Raises:
        TooLarge: it has more than LARGEST_EVENT_BYTES.
        Malformed: it is no CloudEvent in structured JSON.
    """
    if len(payload) > LARGEST_EVENT_BYTES:
        raise TooLarge(
            f"the payload has {len(payload):,} bytes, an event may have {LARGEST_EVENT_BYTES:,}; "
            "send a reference to the document instead of the document"
        )
    try:
        envelope = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not a CloudEvent in structured JSON: {error}") from error
    if not (envelope.id and envelope.source and envelope.type):
        raise Malformed("a CloudEvent needs a non-empty id, source and type")
    for name in ("id", "source"):
        if len(value := getattr(envelope, name)) > LONGEST_ID:
            raise Malformed(f"{name} {shown(value)} has more than {LONGEST_ID} characters")
    if b"\\u0000" in payload and (nul := _NUL.search(payload)):
        raise Malformed(f"byte {nul.start()} of the payload is U+0000, which no text may hold")
    return envelope


def ref_of(payload: bytes) -> EventRef | None:
    """How the sender of a payload names it, whatever else is wrong with it; None if it does not."""
    try:
        return _REF.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def seal_envelope(envelope: Envelope) -> bytes:
    """The bytes of an envelope; an attribute that is not set is null."""
    return msgspec.json.encode(envelope)


def check_time(moment: datetime, received_at: Micros) -> Micros:
    """The time of an event in microseconds, if it can be true.

    Raises:
        TimeOutOfRange: it has no zone, lies before 1990, or more than a day ahead of our clock.
    """
    if moment.tzinfo is None:
        raise TimeOutOfRange(f"time {moment.isoformat()} has no zone; write it in UTC, with a Z")
    if moment < EARLIEST:
        raise TimeOutOfRange(f"time {moment.isoformat()} lies before {EARLIEST.date()}")
    if moment > to_datetime(received_at) + CLOCK_SKEW:
        raise TimeOutOfRange(
            f"time {moment.isoformat()} lies more than a day ahead of this service's clock; "
            "check the sender's clock"
        )
    return to_micros(moment)
