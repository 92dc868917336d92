"""Who is calling, and may they? Everything that is not granted is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol

from casbin import Enforcer

from firm.access import ROLES, Caller, Permission
from firm.declared import Role
from firm.errors import NotAllowed, Unauthenticated
from firm.time import Micros

HERE = Path(__file__).parent
SCHEME = "bearer "


class Authenticate(Protocol):
    """A way to log in."""

    def caller(self, token: str, at: Micros) -> Caller | None:
        """Whom a token vouches for; None if it is not this way's to know.

        Raises:
            Unauthenticated: it is, and it does not hold.
        """


class Login(Protocol):
    """What the routes need: from the Authorization header to a caller who may do this."""

    def caller(self, authorization: str | None, at: Micros, address: str = "") -> Caller:
        """Whoever calls, from this address; raises Unauthenticated, or TooManyRequests."""

    def require(self, caller: Caller, permission: Permission, workflow: str | None = None) -> None:
        """Let the caller through, or raise NotAllowed."""


class Authority:
    """Asks each way of logging in in turn, and the policy of roles (`policy.csv`)."""

    def __init__(self, ways: Sequence[Authenticate]) -> None:
        self._ways = ways

    def caller(self, authorization: str | None, at: Micros, _address: str = "") -> Caller:
        """Whom the header vouches for.

        Raises:
            Unauthenticated: there is none, or it does not hold.
        """
        if authorization is None or not authorization.lower().startswith(SCHEME):
            raise Unauthenticated("say who you are: send the header `Authorization: Bearer TOKEN`")
        token = authorization[len(SCHEME) :].strip()
        for way in self._ways:
            if (found := way.caller(token, at)) is not None:
                return found
        raise Unauthenticated("this token is of no kind that is accepted here")

    def require(self, caller: Caller, permission: Permission, workflow: str | None = None) -> None:
        """Let the caller through.

        Raises:
            NotAllowed: no role of theirs grants it, or their key does not reach the workflow.
        """
        if not any(grants(role, permission) for role in caller.roles):
            raise NotAllowed(
                f"{permission} needs one of the roles {sorted(holders(permission))}; "
                f"{caller.name} has {sorted(caller.roles) or 'none'}"
            )
        if not caller.may_touch(workflow):
            raise NotAllowed(f"the key of {caller.name} does not reach {workflow!r}")


@lru_cache(maxsize=1024)
def grants(role: Role, permission: Permission) -> bool:
    """Whether a role may do this."""
    return bool(_enforcer().enforce(role, permission))


@cache
def holders(permission: Permission) -> frozenset[Role]:
    """The roles that may do this."""
    return frozenset(role for role in ROLES if grants(role, permission))


@cache
def _enforcer() -> Enforcer:
    return Enforcer(str(HERE / "model.conf"), str(HERE / "policy.csv"))
