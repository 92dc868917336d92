"""Post to the receivers of webhooks: to addresses that may be reached, and no further.

The name is looked up once for each message, every address that it has is checked, and the
connection goes to one of those: a name that changes its mind in between gets nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx

from firm.errors import HeadwayError

SECONDS = 10.0
MOST_BYTES = 64 << 10
"""So much of an answer is read, for the connection's sake; nothing of it is used."""
METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
"""Where clouds tell machines their secrets, besides link-local addresses."""
Address = IPv4Address | IPv6Address


class DeliveryFailed(HeadwayError):
    """The receiver did not take a message in, or may not be reached."""

    kind = "delivery-failed"
    retry = True


class Receivers:
    """Where webhooks are posted to.

    Args:
        loopback: whether this machine itself may be reached.
        link_local: whether link-local addresses may be, a cloud's metadata among them.
    """

    def __init__(self, loopback: bool = False, link_local: bool = False) -> None:
        self._loopback, self._link_local = loopback, link_local
        # No proxy of the environment: it would look the name up itself.
        self._http = httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """Send a message; returns the receiver's answer in words.

        Raises:
            DeliveryFailed: no answer in time, none of 2xx, or an address that is not allowed.
        """
        target = httpx.URL(url)
        try:
            async with asyncio.timeout(SECONDS):
                address = await self.address(target.host, target.port or _port(target))
                return await self._post(target, address, headers, body)
        except (httpx.HTTPError, OSError) as error:
            raise DeliveryFailed(f"no answer ({type(error).__name__}: {error})") from error

    async def address(self, host: str, port: int) -> Address:
        """An address of a host, all of whose addresses may be reached; raises DeliveryFailed."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [_plain(str(one[4][0])) for one in found]
        for address in addresses:
            self._check(host, address)
        return addresses[0]

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    def _check(self, host: str, address: Address) -> None:
        if address.is_loopback:
            allowed, mend = self._loopback, "only the developer mode reaches this machine"
        elif address.is_link_local or address in METADATA:
            allowed, mend = self._link_local, "HEADWAY_WEBHOOKS_LINK_LOCAL allows it"
        else:
            allowed = not (address.is_multicast or address.is_unspecified or address.is_reserved)
            mend = "no receiver has such an address"
        if not allowed:
            raise DeliveryFailed(f"{host} has the address {address}, which is refused: {mend}")

    async def _post(
        self, url: httpx.URL, address: Address, headers: Mapping[str, str], body: bytes
    ) -> str:
        request = self._http.build_request(
            "POST",
            url.copy_with(host=str(address)),
            content=body,
            headers={
                **headers,
                "host": url.netloc.decode(),
                "content-type": "application/cloudevents+json; charset=utf-8",
                "user-agent": "headway",
            },
            extensions={"sni_hostname": url.host},
        )
        answer = await self._http.send(request, stream=True)
        try:
            read = 0
            async for chunk in answer.aiter_raw():
                if (read := read + len(chunk)) > MOST_BYTES:
                    break
        finally:
            await answer.aclose()
        if not answer.is_success:
            raise DeliveryFailed(f"answered {answer.status_code}{_why(answer)}")
        return f"answered {answer.status_code}"


def _plain(address: str) -> Address:
    """Without a zone, and as IPv4 where it is one in the form of IPv6."""
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _why(answer: httpx.Response) -> str:
    return " (redirects are not followed: register the new address)" if answer.is_redirect else ""
