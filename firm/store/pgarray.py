"""Arrays for PostgreSQL in its binary form, one for each column of a bulk insert.

psycopg writes arrays as text and escapes each element: five times slower, and most of a batch.
The form is that of `array_send` and of the `send` function of each element's type.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, LargeBinary, Text, TypeEngine

_LENGTH = struct.Struct("!i").pack
_NULL = _LENGTH(-1)
_HEADER = struct.Struct("!iIIii").pack


class PgArray:
    """A column of values that is packed already; the subclasses name its type."""

    element: int
    array: int
    encode: Callable[[Any], bytes]

    def __init__(self, values: Sequence[Any]) -> None:
        count, first = len(values), values[0] if values else None
        header = _HEADER(1, None in values, self.element, count, 1)
        if values.count(first) == count:
            self.packed = header + self._sized(first) * count
        else:
            self.packed = header + b"".join(map(self._sized, values))

    def _sized(self, value: Any) -> bytes:
        if value is None:
            return _NULL
        data = self.encode(value)
        return _LENGTH(len(data)) + data


class Texts(PgArray):
    """text[]"""

    element, array, encode = 25, 1009, staticmethod(str.encode)


class Blobs(PgArray):
    """bytea[]"""

    element, array, encode = 17, 1001, staticmethod(bytes)


class Bigints(PgArray):
    """bigint[]"""

    element, array, encode = 20, 1016, staticmethod(struct.Struct("!q").pack)


class Integers(PgArray):
    """integer[]"""

    element, array, encode = 23, 1007, staticmethod(struct.Struct("!i").pack)


class Floats(PgArray):
    """double precision[]"""

    element, array, encode = 701, 1022, staticmethod(struct.Struct("!d").pack)


class Booleans(PgArray):
    """boolean[]"""

    element, array, encode = 16, 1000, staticmethod(struct.Struct("!?").pack)


# The most special type first: a BigInteger is an Integer to SQLAlchemy.
_KINDS: list[tuple[type[TypeEngine[Any]], type[PgArray]]] = [
    (Text, Texts),
    (LargeBinary, Blobs),
    (BigInteger, Bigints),
    (Integer, Integers),
    (Float, Floats),
    (Boolean, Booleans),
]


def pg_array(column: TypeEngine[Any], values: Sequence[Any]) -> PgArray:
    """The values of a column of this type, packed."""
    return next(packs for kind, packs in _KINDS if isinstance(column, kind))(values)


def register(connection: Any) -> None:
    """Teach a psycopg connection to send packed arrays."""
    for _, kind in _KINDS:
        dumper = type(f"{kind.__name__}Dumper", (_Dumper,), {"oid": kind.array})
        connection.adapters.register_dumper(kind, dumper)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PgArray) -> Buffer:
        return obj.packed
