"""A body above the limit is answered with 413, whoever reads it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from serving.limits import BodyLimit

LIMIT = 10


async def reads_all(_: Scope, receive: Receive, send: Send) -> None:
    """An application that reads the body and then answers."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def swallows(scope: Scope, receive: Receive, send: Send) -> None:
    """One that takes whatever goes wrong while it reads for an error of the caller's."""
    try:
        await reads_all(scope, receive, send)
    except Exception:
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"could not read"})


def answered(app: Any, *chunks: bytes) -> int:
    """The status with which a body in chunks is answered."""
    coming = [{"type": "http.request", "body": c, "more_body": True} for c in chunks]
    coming[-1]["more_body"] = False
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(BodyLimit(app, LIMIT)({"type": "http"}, receive, send))
    (started,) = (m for m in sent if m["type"] == "http.response.start")
    return int(started["status"])


@pytest.mark.parametrize("app", [reads_all, swallows])
@pytest.mark.parametrize(
    ("chunks", "status"),
    [([b"x" * 10], 200), ([b"x" * 11], 413), ([b"x" * 5] * 2, 200), ([b"x" * 5] * 100, 413)],
)
def test_the_bytes_that_come_in_are_counted(app: Any, chunks: list[bytes], status: int) -> None:
    assert answered(app, *chunks) == status


def test_what_is_no_request_passes() -> None:
    seen = []

    async def app(scope: Scope, *_: object) -> None:
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
