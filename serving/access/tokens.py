"""Login by a token of the firm's own identity provider (OpenID Connect): a signed JWT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from firm.access import ROLES, Caller
from firm.errors import Unauthenticated
from firm.time import SECOND, Micros

ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "RS256", "PS256"]
"""Asymmetric only: whoever can check a token must not be able to make one."""
REMEMBERED_FOR: Micros = 60 * SECOND
"""How long a checked token is taken as checked: a signature costs 30-80 us, a look-up none."""
MOST_REMEMBERED = 10_000


class _Checked(NamedTuple):
    caller: Caller
    token_id: str
    until: Micros


class Tokens:
    """Checks signature, issuer, audience and times; the claim `roles` names the caller's roles, and
    those that Headway does not know are passed over.

    Args:
        issuer, audience: what `iss` and `aud` have to be.
    """

    def __init__(self, issuer: str, audience: str) -> None:
        self._claims = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        self._keys = KeySet([])
        self._revoked: frozenset[str] = frozenset()
        self._checked: dict[str, _Checked] = {}

    def load(self, jwks: Mapping[str, Any]) -> None:
        """Trust these keys from now on, and no others."""
        self._keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]
        self._checked = {}

    def revoke(self, token_ids: frozenset[str]) -> None:
        """Take no token any more whose `jti` is one of these."""
        self._revoked = token_ids

    def caller(self, token: str, at: Micros) -> Caller | None:
        """Whom the token vouches for; None if it is no JWT.

        Raises:
            Unauthenticated: it does not hold.
        """
        if token.count(".") != 2:
            return None
        checked = self._checked.get(token)
        if checked is None or at >= checked.until:
            checked = self._check(token, at)
            if len(self._checked) < MOST_REMEMBERED:
                self._checked[token] = checked
        if checked.token_id in self._revoked:
            raise Unauthenticated("this token was revoked; log in again")
        return checked.caller

    def _check(self, token: str, at: Micros) -> _Checked:
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(now=at // SECOND, leeway=0, **self._claims).validate(claims)  # type: ignore[arg-type]
        except (JoseError, ValueError) as error:
            raise Unauthenticated(f"this token does not hold: {error}; log in again") from error
        roles = claims.get("roles") or []
        workflows = claims.get("workflows")
        caller = Caller(
            name=str(claims["sub"]),
            roles=frozenset(role for role in ROLES if role in roles),
            workflows=None if workflows is None else frozenset(map(str, workflows)),
        )
        until = min(int(claims["exp"]) * SECOND, at + REMEMBERED_FOR)
        return _Checked(caller, str(claims.get("jti", "")), until)
