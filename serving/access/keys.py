"""Login by API key: the keys are held in memory, so a request waits for no database."""

from __future__ import annotations

from collections.abc import Iterable

from firm.access import ApiKey, Caller, split_token
from firm.errors import StoreUnavailable, Unauthenticated
from firm.time import Micros

MOST_REMEMBERED = 10_000


class KeyRing:
    """The keys that open something now; `load` brings them up to date.

    Args:
        service_key: what the keys' seals were made with.
    """

    def __init__(self, service_key: bytes) -> None:
        self._service_key = service_key
        self._keys: dict[str, ApiKey] | None = None
        self._opened: dict[str, ApiKey] = {}

    def load(self, keys: Iterable[ApiKey], revoked: frozenset[str]) -> None:
        """Hold these keys from now on, but for those that were revoked."""
        self._keys = {key.id: key for key in keys if key.id not in revoked}
        self._opened = {}

    def caller(self, token: str, at: Micros) -> Caller | None:
        """Whose key it is; None if it is no key.

        Raises:
            Unauthenticated: it is unknown, revoked, expired or wrong; which of them is not said.
            StoreUnavailable: no keys were ever loaded.
        """
        parts = split_token(token)
        if parts is None:
            return None
        opened = self._opened.get(token)
        if opened is not None and (opened.expires_at is None or at < opened.expires_at):
            return opened.caller
        if self._keys is None:
            raise StoreUnavailable("the keys of callers could not be read yet; try again")
        id_, secret = parts
        key = self._keys.get(id_)
        if key is None or not key.opens(self._service_key, secret, at):
            raise Unauthenticated("this key opens nothing: it is wrong, revoked or expired")
        if len(self._opened) < MOST_REMEMBERED:
            self._opened[token] = key
        return key.caller
