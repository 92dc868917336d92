"""Webhooks: who is told of which decisions, and how a receiver knows that it is us.

The signature is that of Standard Webhooks (v1): HMAC-SHA256 over id, timestamp and body.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from firm.decision import as_json
from firm.errors import HeadwayError, NotAllowed
from firm.ids import derived
from firm.time import SECOND, Micros

DeliveryStatus = Literal["pending", "delivered", "dead"]
OPENS_AFTER = 5
"""So many failures of a receiver in a row, and it is left alone for a while."""
LONGEST_URL = 2_000


class UnknownWebhook(HeadwayError):
    """No webhook has this name, or no delivery this id."""

    kind = "unknown-webhook"


class Webhook(msgspec.Struct, frozen=True):
    """A subscriber.

    Attributes:
        workflows, bands: those that it is told of; an empty tuple is all.
        made_by: the person who registered it.
    """

    id: str
    name: str
    url: str
    workflows: tuple[str, ...]
    bands: tuple[str, ...]
    made_by: str
    made_at: Micros

    def wants(self, workflow: str, band: str) -> bool:
        """Whether it is told of decisions of this workflow in this band."""
        return (not self.workflows or workflow in self.workflows) and (
            not self.bands or band in self.bands
        )


class Subscription(msgspec.Struct, frozen=True):
    """A webhook and how its receiver fares.

    Attributes:
        seal: see `seal_of`.
        failures: in a row; 0 once it has taken something in.
        paused_until: it is left alone until then (0: it is not).
    """

    webhook: Webhook
    seal: str
    failures: int = 0
    paused_until: Micros = 0


class Delivery(msgspec.Struct, frozen=True):
    """One message to one subscriber.

    Attributes:
        id: the `webhook-id`; the same however often it is sent.
        key: the subject; the messages of one subject go out in the order of `seq`.
        body: the CloudEvent, the same bytes each time.
        made_at: when it was queued, the last time that it was.
        due_at: when it is tried next.
        answer: what came of the last try, in words.
    """

    seq: int
    id: str
    webhook: str
    decision: str
    key: str
    body: bytes
    status: DeliveryStatus
    tries: int
    made_at: Micros
    due_at: Micros
    answer: str | None = None
    settled_at: Micros | None = None


def checked_url(url: str) -> str:
    """The address as it is kept.

    Raises:
        NotAllowed: it is none of http or https with a host, or holds a name and password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > LONGEST_URL:
        raise NotAllowed(f"{url!r:.200} is no address of a receiver: write http(s)://host/path")
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("an address must not hold a name or password: receivers check signatures")
    return url


def delivery_id(webhook: str, decision: str) -> str:
    """The id of the one message that tells a subscriber of a decision."""
    return "msg_" + derived("delivery", webhook, decision)


def secret_of(service_key: bytes, webhook: str) -> bytes:
    """The secret that a subscriber shares with us: 32 bytes.

    It follows from the service's key, which lies outside the database, so it is kept nowhere.
    """
    return hmac.digest(service_key, as_json(("secret of webhook", webhook)), "sha256")


def shown_secret(secret: bytes) -> str:
    """The secret as libraries of Standard Webhooks take it."""
    return "whsec_" + base64.b64encode(secret).decode()


def seal_of(service_key: bytes, webhook: Webhook) -> str:
    """HMAC-SHA256 over all of it, in hex: a row that was slipped in or changed is not told."""
    return hmac.digest(service_key, as_json(("webhook", webhook)), "sha256").hex()


def is_sealed(service_key: bytes, subscription: Subscription) -> bool:
    """Whether the subscription is as it was registered."""
    return hmac.compare_digest(seal_of(service_key, subscription.webhook), subscription.seal)


def signed(secret: bytes, id_: str, body: bytes, at: Micros) -> Mapping[str, str]:
    """The headers that sign a message as sent at an instant."""
    seconds = at // SECOND
    mac = hmac.digest(secret, f"{id_}.{seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }
