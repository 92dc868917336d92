"""What Redis does for us in one step: read many hashes, and write without going back in the log.

However late a writer's last words arrive, they do not replace what its successor has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from features.wire import MISSING, string
from firm.events import Position

READ = """
local values = {}
for i = 1, #KEYS do values[i] = redis.call('HGET', KEYS[i], ARGV[i]) end
return values
"""
"""One field of each of several hashes, all as of one instant; quicker than so many HGETs."""

# Feast's own guard compares event times, and drops what is not newer: a late event changes a state
# without moving its newest time. Redis compares texts, so positions are written in fixed width.
WRITE = """
local width = tonumber(ARGV[1])
local position = ARGV[2]
local refused = {}
for i = 1, #KEYS do
  local from = 1 + width * i
  local new, old = ARGV[from + 1], redis.call('HGET', KEYS[i], position)
  if new ~= '' and old and old ~= '' and new < old then
    refused[#refused + 1] = i
  else
    local row = {}
    for j = 1, width do
      row[2 * j - 1], row[2 * j] = ARGV[1 + j], ARGV[from + j]
    end
    redis.call('HSET', KEYS[i], unpack(row))
  end
end
return refused
"""


class Batch(msgspec.Struct):
    """What is to be written to one view: a hash's key, and its values, for each entity.

    `fields` are those of the hashes, the one with the position first.
    """

    fields: tuple[bytes, ...]
    names: list[str] = []
    keys: list[bytes] = []
    values: list[bytes] = []

    def add(self, name: str, key: bytes, values: Sequence[bytes]) -> None:
        """One entity's values, in the order of the fields."""
        self.names.append(name)
        self.keys.append(key)
        self.values.extend(values)

    def command(self) -> tuple[Any, ...]:
        """The arguments of the EVAL that writes it, and answers which keys (from 1) it refused."""
        return (
            WRITE,
            len(self.keys),
            *self.keys,
            len(self.fields),
            *self.fields,
            *self.values,
        )


def place(position: Position | None) -> bytes:
    """A position as the guard compares it; one that is missing is not guarded."""
    if position is None:
        return MISSING
    return string(f"{position.partition:04d}/{position.offset:019d}")
