"""Feast's values as bytes: the few of its protobuf messages that we declare, by hand.

Feast 0.67 keeps `feast.types.Value` and `google.protobuf.Timestamp`; loading its SDK for them
would cost the serving process seconds and hundreds of megabytes. A contract test holds the two
together.
"""

from __future__ import annotations

import struct

from features.errors import UnreadableValue
from firm.time import SECOND, Micros

FeastValue = bytes | str | int | float | None

MISSING = b""
"""How Feast writes down that there is no value: a Value in which nothing is set."""
_DOUBLE = struct.Struct("<Bd")
_BYTES_TAG, _STRING_TAG, _INT64_TAG, DOUBLE_TAG = 0x0A, 0x12, 0x20, 0x29
_NULL_TAG = b"\x98\x01"
_SECONDS_TAG, _NANOS_TAG = b"\x08", b"\x10"


def double(value: float | None) -> bytes:
    """A Float64."""
    return MISSING if value is None else _DOUBLE.pack(DOUBLE_TAG, value)


def int64(value: int) -> bytes:
    """An Int64."""
    return bytes((_INT64_TAG,)) + _varint(value)


def blob(value: bytes) -> bytes:
    """A Bytes."""
    return bytes((_BYTES_TAG,)) + _varint(len(value)) + value


def string(value: str) -> bytes:
    """A String."""
    encoded = value.encode()
    return bytes((_STRING_TAG,)) + _varint(len(encoded)) + encoded


def timestamp(at: Micros) -> bytes:
    """A Timestamp; protobuf leaves out what is zero."""
    seconds, micros = divmod(at, SECOND)
    return (_SECONDS_TAG + _varint(seconds) if seconds else b"") + (
        _NANOS_TAG + _varint(micros * 1_000) if micros else b""
    )


def read_timestamp(data: bytes) -> Micros:
    """A Timestamp back, to the microsecond. Raises UnreadableValue if it is none."""
    found = {_SECONDS_TAG[0]: 0, _NANOS_TAG[0]: 0}
    place = 0
    try:
        while place < len(data):
            number, end = _read_varint(data[place:])
            if data[place] not in found:
                raise _unreadable(data)
            found[data[place]] = number - (1 << 64) if number >> 63 else number
            place += end
    except IndexError as error:
        raise _unreadable(data) from error
    return found[_SECONDS_TAG[0]] * SECOND + found[_NANOS_TAG[0]] // 1_000


def decode(data: bytes | None) -> FeastValue:
    """The value back; None where there is none. Raises UnreadableValue for other types."""
    if not data or data.startswith(_NULL_TAG):
        return None
    try:
        return _decode(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise _unreadable(data) from error


def _decode(data: bytes) -> FeastValue:
    tag = data[0]
    if tag == DOUBLE_TAG:
        return float(_DOUBLE.unpack(data)[1])
    number, start = _read_varint(data)
    if tag == _INT64_TAG:
        return number - (1 << 64) if number >> 63 else number
    if tag not in (_BYTES_TAG, _STRING_TAG) or start + number != len(data):
        raise _unreadable(data)
    return data[start:] if tag == _BYTES_TAG else data[start:].decode()


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes) -> tuple[int, int]:
    """The number that follows the tag, and where what comes after it starts."""
    number = shift = 0
    place = 1
    while data[place] & 0x80:
        number |= (data[place] & 0x7F) << shift
        shift += 7
        place += 1
    return number | data[place] << shift, place + 1


def _unreadable(data: bytes) -> UnreadableValue:
    return UnreadableValue(
        f"{data[:20]!r} ({len(data)} bytes) is no double, int64, bytes or string as Feast writes "
        "them; something else writes to the online store, or Feast's layout has changed"
    )
