"""Whether the online store answers."""

from __future__ import annotations

from features.errors import available
from features.online import connect


def ping(url: str) -> None:
    """Return if Redis answers; raises OnlineStoreUnavailable."""
    with available(), connect(url) as client:
        client.ping()
