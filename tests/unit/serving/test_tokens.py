"""Tokens of the firm's identity provider: only those that hold, and no longer than they do."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from firm.errors import Unauthenticated
from firm.time import SECOND
from serving.access import Tokens
from serving.access import tokens as module

ISSUER, AUDIENCE = "https://login.example", "headway"
NOW = 1_800_000_000
KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
OTHER = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "mira",
    "exp": NOW + 100,
    "roles": ["auditor", "emperor"],
    "jti": "t1",
}


def tokens() -> Tokens:
    made = Tokens(ISSUER, AUDIENCE)
    made.load(KeySet([KEY]).as_dict(private=False))
    return made


def token(key: Any = KEY, algorithm: str = "Ed25519", **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, algorithms=[algorithm])


def test_a_token_that_holds_gives_name_and_known_roles() -> None:
    caller = tokens().caller(token(workflows=["delivery_risk"]), NOW * SECOND)
    assert caller is not None
    assert (caller.name, caller.roles) == ("mira", {"auditor"})
    assert caller.workflows == {"delivery_risk"}


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another service"},
        {"aud": None},
        {"exp": NOW - 1},
        {"exp": None},
        {"sub": None},
        {"nbf": NOW + 50},
        {"key": OTHER},
        {"key": OctKey.import_key("a secret that anybody may know"), "algorithm": "HS256"},
    ],
    ids="-".join,
)
def test_a_token_that_does_not_hold_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="log in again"):
        tokens().caller(token(**changed), NOW * SECOND)


def test_a_secret_among_the_providers_keys_opens_nothing() -> None:
    """Whoever could check a token with it could make one."""
    secret = OctKey.import_key("a secret that is long enough to sign", parameters={"kid": "one"})
    checked = Tokens(ISSUER, AUDIENCE)
    checked.load(KeySet([secret]).as_dict(private=True))
    with pytest.raises(Unauthenticated):
        checked.caller(token(key=secret, algorithm="HS256"), NOW * SECOND)


def test_a_token_without_a_signature_is_refused() -> None:
    head, claims, _ = token().split(".")
    for forged in (f"{head}.{claims}.", f"eyJhbGciOiJub25lIn0.{claims}."):
        with pytest.raises(Unauthenticated):
            tokens().caller(forged, NOW * SECOND)


def test_a_checked_token_still_ends_when_it_says() -> None:
    checked, mine = tokens(), token(exp=NOW + 5)
    assert checked.caller(mine, NOW * SECOND)
    with pytest.raises(Unauthenticated):
        checked.caller(mine, (NOW + 5) * SECOND)


def test_a_checked_token_opens_nothing_once_it_is_revoked_or_its_key_is_gone() -> None:
    checked, mine = tokens(), token()
    assert checked.caller(mine, NOW * SECOND)
    checked.revoke(frozenset(["t1"]))
    with pytest.raises(Unauthenticated, match="revoked"):
        checked.caller(mine, NOW * SECOND)
    checked.revoke(frozenset())
    checked.load(KeySet([OTHER]).as_dict(private=False))
    with pytest.raises(Unauthenticated):
        checked.caller(mine, NOW * SECOND)


def test_what_is_no_token_is_left_to_other_ways_of_logging_in() -> None:
    assert tokens().caller("hw_id_secret", NOW * SECOND) is None


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 1)
    full = tokens()
    for name in ("ada", "ben", "ben"):
        assert full.caller(token(sub=name), NOW * SECOND)
    assert len(full._checked) == 1
