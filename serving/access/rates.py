"""How often a caller may ask, and an address may fail to say who it is.

Each process counts for itself, in fixed windows (library `limits`).
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from firm.access import Caller, Permission
from firm.errors import TooManyRequests, Unauthenticated
from firm.time import Micros
from serving.access.authority import Login

SHARES = 100
"""A caller's allowance is taken from the count in so many shares: the look at the count costs more
than the whole check of a key. So a caller may have one share more than is declared."""


class LimitedLogin:
    """A login that refuses who asks too often.

    Whoever holds a good key is never kept out by others who fail to log in from the same address.

    Args:
        per_caller: so many requests, as "10000/second" (library `limits`).
        failed_logins: so many failures of an address, after which they are 429 and no longer 401.
    """

    def __init__(self, login: Login, per_caller: str, failed_logins: str) -> None:
        self._login = login
        self._per_caller = parse(per_caller)
        self._share = max(1, self._per_caller.amount // SHARES)
        self._failed_logins = parse(failed_logins)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._left: dict[str, int] = {}

    def caller(self, authorization: str | None, at: Micros, address: str = "") -> Caller:
        """Whoever calls.

        Raises:
            Unauthenticated: see `Authority.caller`.
            TooManyRequests: too many of theirs, or too many failures of this address.
        """
        try:
            found = self._login.caller(authorization, at, address)
        except Unauthenticated:
            self._count(self._failed_logins, "address", address, 1)
            raise
        left = self._left.get(found.name, 0)
        if not left:
            self._count(self._per_caller, "caller", found.name, self._share)
            left = self._share
        self._left[found.name] = left - 1
        return found

    def require(self, caller: Caller, permission: Permission, workflow: str | None = None) -> None:
        """See `Login.require`."""
        self._login.require(caller, permission, workflow)

    def _count(self, limit: RateLimitItem, what: str, who: str, cost: int) -> None:
        if self._limiter.hit(limit, what, who, cost=cost):
            return
        again = self._limiter.get_window_stats(limit, what, who).reset_time - time.time()
        raise TooManyRequests(
            f"{what} {who} is limited to {limit}: wait, and then ask less often, or for several "
            "subjects at once",
            max(1, math.ceil(again)),
        )
