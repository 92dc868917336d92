"""Values as they stand in the online store, read from Feast's own layout without its SDK.

What Headway scores it computes from states, as of an instant (`features.live`). This reads the
values of views, whoever wrote them, as any user of Feast reads them: all in one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

import hiredis
import msgspec
from redis import ConnectionError as Lost
from redis import ConnectionPool

from features import names, wire
from features.errors import available
from features.layout import ViewLayout
from features.online import TIMEOUT_SECONDS
from features.wire import FeastValue
from firm.time import Micros

_SOME = 65_536


class StoredView(msgspec.Struct, frozen=True):
    """A view of Feast as it is read.

    Attributes:
        features: the names of those that are read; they may be Float64, Int64, String or Bytes.
        ttl: how old a value may be; None is for ever.
    """

    name: str
    features: tuple[str, ...]
    ttl: Micros | None = None


class Stored(msgspec.Struct, frozen=True, gc=False):
    """What is stored of one entity.

    Attributes:
        values: those of all views, one after the other; None where there is none.
        times: since when those of each view hold; None where there is nothing.
    """

    values: tuple[FeastValue, ...]
    times: tuple[Micros | None, ...]


class StoredFeatures:
    """Reads views of one kind of entity from one thread; keys and fields are resolved once.

    Args:
        join_key: the name of the column by which the entities are known.
    """

    def __init__(
        self, url: str, views: Sequence[StoredView], join_key: str, project: str = names.PROJECT
    ) -> None:
        seconds = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        # redis-py types only some of what a connection can do.
        self._connection: Any = ConnectionPool.from_url(url, **seconds).make_connection()
        self._replies = hiredis.Reader()
        self._views = views
        layouts = [ViewLayout.of(project, v.name, join_key, v.features) for v in views]
        self._key = layouts[0].key
        self._fields = [f for one in layouts for f in one.fields[:-1]]
        count, times = len(self._fields), [one.fields[-1] for one in layouts]
        self._rest = _packed(*self._fields, *times)
        self._begin = b"*%d\r\n$5\r\nHMGET\r\n" % (2 + count + len(times))
        self._count = count
        self._tags = bytes((wire.DOUBLE_TAG,)) * count
        self._doubles = Struct("<" + "xd" * count).unpack

    def read(self, entities: Sequence[str]) -> list[Stored]:
        """What is stored of each entity, in their order.

        Raises:
            OnlineStoreUnavailable: Redis is away; the next call connects again.
            UnreadableValue: a value is of another type than `StoredView` says.
        """
        commands = (b"".join((self._begin, _packed(self._key(e)), self._rest)) for e in entities)
        with available():
            found = self._answers(b"".join(commands), len(entities))
        return [self._stored(one) for one in found]

    def expired(self, stored: Stored, as_of: Micros) -> list[str]:
        """The views whose values are older than they may be. Feast's SDK (0.67) does not look."""
        return [
            view.name
            for view, at in zip(self._views, stored.times, strict=True)
            if view.ttl is not None and at is not None and as_of - at > view.ttl
        ]

    def close(self) -> None:
        """Give the connection back."""
        self._connection.disconnect()

    def _answers(self, commands: bytes, count: int) -> list[Any]:
        """Over the socket that redis-py has opened: its own way there and back costs a sixth of a
        round trip."""
        connection, found = self._connection, list[Any]()
        try:
            if connection._sock is None:
                connection.connect()
                self._replies = hiredis.Reader()
            connection._sock.sendall(commands)
            while len(found) < count:
                found.append(self._answer(connection._sock))
        except OSError as error:
            raise Lost(str(error)) from error
        finally:
            if len(found) < count:
                connection.disconnect()  # what is still to come would answer the next question
        return found

    def _answer(self, socket: Any) -> Any:
        while (reply := self._replies.gets()) is False:
            if not (came := socket.recv(_SOME)):
                raise Lost("the connection was closed")
            self._replies.feed(came)
        if isinstance(reply, hiredis.ReplyError):
            raise Lost(str(reply))
        return reply

    def _stored(self, found: Sequence[bytes | None]) -> Stored:
        count = self._count
        return Stored(self._values(found[:count]), tuple(map(_time, found[count:])))

    def _values(self, found: Sequence[bytes | None]) -> tuple[FeastValue, ...]:
        """All at once where all are doubles that are there, which is the rule; else one by one."""
        if None not in found:
            joined = b"".join(found)  # type: ignore[arg-type]  # there is none that is None
            if len(joined) == 9 * self._count and joined[::9] == self._tags:
                return self._doubles(joined)
        return tuple(map(wire.decode, found))


def _packed(*parts: bytes) -> bytes:
    """Parts of a command as they go over the wire, without the number of them before."""
    return b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@lru_cache(maxsize=4096)
def _time(value: bytes | None) -> Micros | None:
    return None if value is None else wire.read_timestamp(value)
