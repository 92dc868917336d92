"""Webhooks go to no address that nobody has allowed, whatever a name says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from headway.receivers import DeliveryFailed, Receivers
from tests.contract.store.receiver import Receiver, receiving

INSIDE = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
LINK_LOCAL = [
    "169.254.169.254",
    "fe80::1",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]
NOBODY = ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "240.0.0.1"]  # noqa: S104  (refused)


def ask(host: str, **allowed: bool) -> str:
    async def asked() -> str:
        receivers = Receivers(**allowed)
        try:
            return str(await receivers.address(host, 80))
        finally:
            await receivers.close()

    return asyncio.run(asked())


@pytest.mark.parametrize("host", [*INSIDE, *LINK_LOCAL, *NOBODY])
def test_an_inner_address_is_refused(host: str) -> None:
    with pytest.raises(DeliveryFailed, match="is refused"):
        ask(host)


@pytest.mark.parametrize("host", [*NOBODY, *LINK_LOCAL])
def test_the_developer_mode_reaches_this_machine_and_no_further(host: str) -> None:
    assert ask("127.0.0.1", loopback=True) == "127.0.0.1"
    with pytest.raises(DeliveryFailed, match="is refused"):
        ask(host, loopback=True)


@pytest.mark.parametrize("host", LINK_LOCAL)
def test_link_local_addresses_are_allowed_by_a_setting(host: str) -> None:
    assert ask(host, link_local=True)


def test_an_address_of_the_firms_own_network_is_a_receivers() -> None:
    assert [ask(host) for host in ("10.1.2.3", "192.0.2.1", "2001:db8::1")]


def test_a_name_with_one_inner_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def looked_up(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (host, 80)) for host in ("203.0.113.5", "169.254.169.254")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", looked_up)
    with pytest.raises(DeliveryFailed, match=r"evil.example has the address 169.254.169.254"):
        ask("evil.example")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as state:
        yield state


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once: a second answer of the name service changes nothing."""
    seen: list[str] = []

    def take(headers: Any, _body: bytes) -> int:
        seen.append(headers["host"])
        return 200

    answers = ["127.0.0.1", "169.254.169.254"]
    genuine = asyncio.BaseEventLoop.getaddrinfo

    async def looked_up(loop: Any, host: str, port: int, **said: Any) -> Any:
        if host == "receiver.example":
            return [(socket.AF_INET, 0, 0, "", (answers.pop(0), port))]
        return await genuine(loop, host, port, **said)

    monkeypatch.setattr(receiver, "take", take)
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", looked_up)
    url = receiver.url.replace("127.0.0.1", "receiver.example")

    async def post() -> str:
        receivers = Receivers(loopback=True)
        try:
            return await receivers.post(url, {}, b"{}")
        finally:
            await receivers.close()

    assert asyncio.run(post()) == "answered 200"
    assert answers == ["169.254.169.254"]
    assert seen == [url.split("/")[2]]
