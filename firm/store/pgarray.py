"""Arrays for PostgreSQL in its binary form, one for each column of a bulk insert.

psycopg writes arrays as text and escapes each element: five times slower, and most of a batch.
The form is that of `array_send` and of the `send` function of each element's type.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, LargeBinary, Text, TypeEngine

_LENGTH = struct.Struct("!i").pack
_NULL = _LENGTH(-1)
_HEADER = struct.Struct("!iIIii").pack
_Sized = Callable[[Any], bytes]


def _measured(encode: Callable[[Any], bytes]) -> _Sized:
    """A value of a type of any length, with its length before it."""

    def sized(value: Any) -> bytes:
        data = encode(value)
        return _LENGTH(len(data)) + data

    return sized


def _fixed(code: str) -> _Sized:
    """A value of a type of one length, with it before."""
    whole = struct.Struct(f"!i{code}")
    return partial(whole.pack, whole.size - len(_NULL))


class PgArray:
    """A column of values that is packed already; the subclasses name its type."""

    element: int
    array: int
    sized: _Sized

    def __init__(self, values: Sequence[Any]) -> None:
        count, sized = len(values), self.sized
        absent = None in values
        header = _HEADER(1, absent, self.element, count, 1)
        if absent:
            parts = [_NULL if value is None else sized(value) for value in values]
        elif count and values.count(values[0]) == count:
            parts = [sized(values[0])] * count
        else:
            parts = list(map(sized, values))
        self.packed = header + b"".join(parts)


class Texts(PgArray):
    """text[]"""

    element, array, sized = 25, 1009, staticmethod(_measured(str.encode))


class Blobs(PgArray):
    """bytea[]"""

    element, array, sized = 17, 1001, staticmethod(_measured(bytes))


class Bigints(PgArray):
    """bigint[]"""

    element, array, sized = 20, 1016, staticmethod(_fixed("q"))


class Integers(PgArray):
    """integer[]"""

    element, array, sized = 23, 1007, staticmethod(_fixed("i"))


class Floats(PgArray):
    """double precision[]"""

    element, array, sized = 701, 1022, staticmethod(_fixed("d"))


class Booleans(PgArray):
    """boolean[]"""

    element, array, sized = 16, 1000, staticmethod(_fixed("?"))


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
