"""What can go wrong between us and the online store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from firm.errors import Fenced, HeadwayError

_UNAVAILABLE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
)


class OnlineStoreUnavailable(HeadwayError):
    """The online store does not answer, or takes no writes."""

    kind = "online-store-unavailable"
    retry = True


class OnlineStoreAhead(Fenced):
    """The online store holds states from further on in the log than those to be written."""

    kind = "online-store-ahead"


class UnreadableValue(HeadwayError):
    """Bytes in the online store that are no value of a type that we declare."""

    kind = "unreadable-value"


class NoPast(HeadwayError):
    """The offline folder holds no rows of a workflow yet."""

    kind = "no-past"


@contextmanager
def available() -> Iterator[None]:
    """Turn what the Redis client raises when Redis is away into our own error."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise OnlineStoreUnavailable(
            f"the online store does not answer ({error}); see that Redis runs at the address in "
            "the settings and has memory left, then try again"
        ) from error
