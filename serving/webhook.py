"""MLflow says that an alias moved. Whatever it says decides nothing: it only wakes those who look
at the signed record and hold the aliases against it, as they also do by themselves all the time.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from firm.errors import Unauthenticated
from firm.time import SECOND, Micros
from serving.access.guard import SIGNED
from serving.documented import PROBLEMS

SIGNATURE, DELIVERY, TIMESTAMP = (
    "x-mlflow-signature",
    "x-mlflow-delivery-id",
    "x-mlflow-timestamp",
)
SCHEME = "v1"
TOLERANCE = 300 * SECOND
"""How far the sender's clock may be off; what is older may be a copy (Standard Webhooks)."""


@dataclass(frozen=True)
class Webhook:
    """What the route needs.

    Attributes:
        key: shared with MLflow (`secret` of its webhook).
        wake: wakes those who look.
    """

    key: str
    wake: Callable[[], None]


def signature_of(key: str, delivery: str, timestamp: str, payload: bytes) -> str:
    """As MLflow signs: HMAC-SHA256 of delivery id, time and payload, in base64."""
    signed = f"{delivery}.{timestamp}.".encode() + payload
    return f"{SCHEME},{base64.b64encode(hmac.digest(key.encode(), signed, 'sha256')).decode()}"


def require_signature(key: str, headers: Mapping[str, str], payload: bytes, now: Micros) -> None:
    """Raise Unauthenticated unless the payload was signed with this key, lately."""
    delivery, timestamp = headers.get(DELIVERY, ""), headers.get(TIMESTAMP, "")
    expected = signature_of(key, delivery, timestamp, payload).encode()
    given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    if not delivery or not hmac.compare_digest(given, expected):
        raise Unauthenticated(
            "the webhook is not signed with this copy's key: give MLflow the content of "
            "secrets/webhook.key as the webhook's secret"
        )
    sent_at = int(timestamp) * SECOND if timestamp.isascii() and timestamp.isdigit() else 0
    if abs(now - sent_at) > TOLERANCE:
        raise Unauthenticated(
            f"the webhook was signed at {timestamp!r}, more than {TOLERANCE // SECOND} s from now: "
            "set the sender's clock, or it is a copy of an old one"
        )


def webhook_router(webhook: Webhook, now: Callable[[], Micros]) -> APIRouter:
    """The route; its sender signs, instead of showing a key of the API."""
    router = APIRouter(tags=["models"], responses=PROBLEMS)

    @router.post(SIGNED, status_code=204)
    async def moved(request: Request) -> None:
        """MLflow tells that an alias moved (`model_version_alias.created`, `.deleted`), with its
        HMAC signature. It is looked into at once; nothing is live because of it."""
        require_signature(webhook.key, request.headers, await request.body(), now())
        await run_in_threadpool(webhook.wake)

    return router
