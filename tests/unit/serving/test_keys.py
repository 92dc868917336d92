"""A key opens what it was made for, as long as it says, and a changed row opens nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from firm.access import ROLES, ApiKey, Caller, roles_of, seal_of, token_of
from firm.errors import NotAllowed, StoreUnavailable, Unauthenticated
from serving.access import KeyRing, keys

SERVICE, SECRET = b"a key that lies outside the database", "what the caller sends"
CALLER = Caller("plug-in", frozenset(["finance"]), frozenset(["delivery_risk"]))
MADE, END = 1_000, 2_000
TOKEN = token_of("one", SECRET)


def key(id_: str = "one", expires_at: int | None = END) -> ApiKey:
    seal = seal_of(SERVICE, id_, SECRET, CALLER, expires_at)
    return ApiKey(id_, CALLER, "tests", MADE, expires_at, seal)


def ring(*held: ApiKey, service_key: bytes = SERVICE) -> KeyRing:
    made = KeyRing(service_key)
    made.load(held, frozenset())
    return made


def test_a_key_opens_until_it_ends_whether_or_not_it_has_opened_before() -> None:
    used = ring(key())
    assert used.caller(TOKEN, END - 1) == CALLER
    for one in (used, ring(key())):
        with pytest.raises(Unauthenticated):
            one.caller(TOKEN, END)
    assert ring(key(expires_at=None)).caller(TOKEN, END) == CALLER


@pytest.mark.parametrize(
    "changed",
    [
        {"caller": msgspec.structs.replace(CALLER, roles=ROLES)},
        {"caller": msgspec.structs.replace(CALLER, workflows=None)},
        {"caller": msgspec.structs.replace(CALLER, name="somebody else")},
        {"expires_at": None},
        {"id": "two"},
    ],
    ids=["more roles", "more workflows", "another name", "no end", "another id"],
)
def test_a_row_that_was_changed_opens_nothing(changed: dict[str, Any]) -> None:
    forged = msgspec.structs.replace(key(), **changed)
    with pytest.raises(Unauthenticated):
        ring(forged).caller(token_of(forged.id, SECRET), MADE)


def test_a_row_that_was_sealed_without_the_services_key_opens_nothing() -> None:
    with pytest.raises(Unauthenticated):
        ring(key(), service_key=b"another").caller(TOKEN, MADE)


def test_a_key_with_another_secret_opens_nothing() -> None:
    with pytest.raises(Unauthenticated):
        ring(key()).caller(token_of("one", "guessed"), MADE)


def test_before_the_keys_could_be_read_nobody_is_called_unknown() -> None:
    with pytest.raises(StoreUnavailable, match="try again"):
        KeyRing(SERVICE).caller(TOKEN, MADE)


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "MOST_REMEMBERED", 1)
    full = ring(key(), key("two"))
    for id_ in ("one", "two", "two"):
        assert full.caller(token_of(id_, SECRET), MADE) == CALLER
    assert len(full._opened) == 1


def test_a_role_that_there_is_none_of_is_named() -> None:
    with pytest.raises(NotAllowed, match="emperor"):
        roles_of(["finance", "emperor"])
