"""What was decoded last, kept for as long as the bytes in the store are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """The decoded values of the keys that were read last; the one read first makes room.

    The bytes are read and compared each time, so a value is never older than the store's.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, tuple[bytes, _Value]] = {}

    def get(self, key: str, data: bytes | None, decode: Callable[[bytes], _Value]) -> _Value | None:
        """The value of these bytes, decoded now if they are not those of the last time; None where
        there are none."""
        if data is None:
            return None
        kept = self._kept.get(key)
        if kept is not None and kept[0] == data:
            return kept[1]
        value = decode(data)
        self._kept[key] = (data, value)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return value
