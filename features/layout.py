"""Where Feast 0.67 keeps values in Redis: its private layout, pinned by a contract test.

One hash holds all views of one entity. Its key is the entity's key in serialisation version 3
with the project's name after it; its fields are hashes of `view:feature`, and `_ts:view`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import mmh3

_STRING = 2
"""Feast's ValueType.STRING."""
_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<II")
_ONE_KEY = struct.Struct("<III")


def field_hash(view: str, feature: str) -> bytes:
    """The field of a hash that holds this feature: murmur3 (32 bits), the lowest byte first."""
    return _LENGTH.pack(mmh3.hash(f"{view}:{feature}", signed=False))


@dataclass(frozen=True, slots=True)
class ViewLayout:
    """Where the values of one view are.

    Attributes:
        fields: the hash's fields in the order of the features that were given, then the time.
    """

    fields: tuple[bytes, ...]
    _before: bytes
    _after: bytes

    @classmethod
    def of(cls, project: str, view: str, join_key: str, features: Sequence[str]) -> Self:
        """The layout of a view whose one join key is a string."""
        name = join_key.encode()
        return cls(
            fields=(*(field_hash(view, f) for f in features), f"_ts:{view}".encode()),
            _before=_ONE_KEY.pack(1, _STRING, len(name)) + name,
            _after=project.encode(),
        )

    def key(self, entity: str) -> bytes:
        """The key of the hash of one entity."""
        value = entity.encode()
        return self._before + _HEAD.pack(_STRING, len(value)) + value + self._after
