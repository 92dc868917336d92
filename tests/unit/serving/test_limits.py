"""A body above the limit is answered with 413, whoever reads it; one that is too deep, with 400."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from serving.limits import BodyLimit, DepthLimit, depth

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


def test_what_is_above_the_limit_reaches_nobody_who_could_act_on_it() -> None:
    read = []

    async def acts(_: Scope, receive: Receive, _send: Send) -> None:
        read.append((await receive())["body"])

    assert answered(acts, b"x" * 11) == 413
    assert read == []


def test_what_is_no_request_passes() -> None:
    seen = []

    async def app(scope: Scope, *_: object) -> None:
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        (b"3", 0),
        (b"[]", 1),
        (b'{"a": [1, {"b": 2}], "c": [[]]}', 3),
        (b'{"a": "[[[[", "b\\"{{{{": 1}', 1),
        (b'"[[[[', 0),
        (b"[" * 5, 5),
        (b"]" * 5, -1),
    ],
)
def test_the_depth_is_that_of_lists_and_objects_and_not_of_texts(text: bytes, levels: int) -> None:
    assert depth(text) == levels


def deep(text: bytes, *headers: tuple[bytes, bytes], method: str = "POST") -> tuple[int, bytes]:
    """The status for a body that comes in two parts, and what the application read of it."""
    coming = [
        {"type": "http.request", "body": text[:3], "more_body": True},
        {"type": "http.request", "body": text[3:]},
    ]
    sent: list[dict[str, Any]] = []
    read: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        read.append((await receive())["body"])
        assert (await receive())["type"] == "http.disconnect"
        await reads_all(scope, receive, send)

    scope = {"type": "http", "method": method, "path": "/", "headers": list(headers)}
    asyncio.run(DepthLimit(app, 4)(scope, receive, send))
    return sent[0]["status"], b"".join(read)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("text", [b"[[[[[1]]]]]", b'{"a":{"a":{"a":{"a":{"a":1}}}}}'])
def test_lists_and_objects_are_too_deep_alike_whatever_the_method(method: str, text: bytes) -> None:
    assert deep(text, method=method) == (400, b"")


def test_json_that_is_too_deep_is_refused_before_anybody_reads_it() -> None:
    flat = b'{"a": [[[1]]], "b": [[[2]]]}'
    assert deep(flat) == (200, flat)
    assert deep(b"[[[[[1]]]]]") == (400, b"")


def test_binary_tensors_behind_the_json_are_not_taken_for_json() -> None:
    body = b'{"inputs": []}' + b"[" * 50
    header = (b"inference-header-content-length", b"14")
    assert deep(body, header) == (200, body)
    assert deep(body)[0] == 400
