"""Who may do what: callers, their keys, and the permissions that roles give them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from firm.decision import as_json
from firm.declared import Role
from firm.errors import NotAllowed
from firm.time import Micros

Permission = Literal[
    "workflows:read",
    "scores:ask",
    "decisions:read",
    "events:send",
    "outcomes:send",
    "actions:approve",
    "models:read",
    "models:propose",
    "models:approve",
    "models:stop",
    "reports:read",
    "audit:read",
    "metrics:read",
    "webhooks:manage",
]
ROLES: frozenset[Role] = frozenset(get_args(Role))
PREFIX = "hw"
SECRET_BYTES = 32


class Caller(msgspec.Struct, frozen=True):
    """Somebody, or some system, whose name a key or a login vouches for.

    Attributes:
        workflows: the only ones that the caller may touch; None is all of them.
    """

    name: str
    roles: frozenset[Role]
    workflows: frozenset[str] | None = None

    def may_touch(self, workflow: str | None) -> bool:
        """Whether the caller's key or login reaches this workflow; None is what belongs to none."""
        return self.workflows is None or workflow is None or workflow in self.workflows


class ApiKey(msgspec.Struct, frozen=True):
    """A key as it is kept: no secret, only a seal that a secret opens.

    Attributes:
        id: the readable part of the token, by which it is found and revoked.
        expires_at: from then on it opens nothing; None is never.
        seal: see `seal_of`.
    """

    id: str
    caller: Caller
    made_by: str
    made_at: Micros
    expires_at: Micros | None
    seal: str

    def opens(self, service_key: bytes, secret: str, at: Micros) -> bool:
        """Whether this secret is the key's, the row is as it was made, and the key still counts."""
        expected = seal_of(service_key, self.id, secret, self.caller, self.expires_at)
        same = hmac.compare_digest(self.seal, expected)
        return same and (self.expires_at is None or at < self.expires_at)


def seal_of(
    service_key: bytes, id_: str, secret: str, caller: Caller, expires_at: Micros | None
) -> str:
    """HMAC-SHA256 of the secret with all that it opens, in hex.

    The service's key lies outside the database, so a row that is slipped in, or given more roles,
    opens nothing. The secret has 256 random bits: a slow hash would only slow down each request.
    """
    return hmac.digest(service_key, as_json((id_, secret, caller, expires_at)), "sha256").hex()


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """The roles of these names; raises NotAllowed for a name that is none."""
    wanted = frozenset(names)
    if unknown := sorted(wanted - ROLES):
        raise NotAllowed(f"no such role: {unknown}; there are {sorted(ROLES)}")
    return frozenset(role for role in ROLES if role in wanted)


def token_of(id_: str, secret: str) -> str:
    """What the caller sends: `hw_<id>_<secret>`."""
    return f"{PREFIX}_{id_}_{secret}"


def split_token(token: str) -> tuple[str, str] | None:
    """Id and secret of a key's token; None if it is something else (a login's token)."""
    prefix, _, rest = token.partition("_")
    id_, _, secret = rest.partition("_")
    return (id_, secret) if prefix == PREFIX and id_ and secret else None
