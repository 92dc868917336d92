"""Who asks too often hears 429, and nobody else does."""

from __future__ import annotations

import pytest

from firm.access import Caller
from firm.errors import TooManyRequests, Unauthenticated
from serving.access.rates import LimitedLogin


class Known:
    """A login whose tokens are the names of their callers."""

    def caller(self, authorization: str | None, at: int, address: str = "") -> Caller:
        if authorization is None:
            raise Unauthenticated("say who you are")
        return Caller(authorization, frozenset())

    def require(self, *_: object) -> None:
        """Everything is allowed."""


def answered(login: LimitedLogin, who: str | None, times: int, address: str = "a") -> list[str]:
    found = []
    for _ in range(times):
        try:
            login.caller(who, 0, address)
            found.append("in")
        except (Unauthenticated, TooManyRequests) as error:
            found.append(error.kind)
    return found


def test_a_caller_has_their_own_count() -> None:
    login = LimitedLogin(Known(), "5/hour", "100/hour")
    assert answered(login, "Ada", 7) == ["in"] * 5 + ["too-many-requests"] * 2
    assert answered(login, "Ben", 5) == ["in"] * 5


def test_an_allowance_is_taken_in_shares_and_given_whole() -> None:
    login = LimitedLogin(Known(), "1000/hour", "100/hour")
    assert answered(login, "Ada", 1_001).count("in") == 1_000


def test_failures_are_counted_by_address_and_keep_no_good_key_out() -> None:
    login = LimitedLogin(Known(), "100/hour", "3/hour")
    assert answered(login, None, 5) == ["unauthenticated"] * 3 + ["too-many-requests"] * 2
    assert answered(login, None, 1, "b") == ["unauthenticated"]
    assert answered(login, "Ada", 2) == ["in"] * 2


def test_the_refusal_says_when_to_ask_again() -> None:
    login = LimitedLogin(Known(), "1/hour", "1/hour")
    login.caller("Ada", 0)
    with pytest.raises(TooManyRequests, match="caller Ada is limited to 1 per 1 hour") as refused:
        login.caller("Ada", 0)
    assert 1 <= refused.value.seconds <= 3_600
