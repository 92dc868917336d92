"""Limits on bodies: that they are plain, their size, counted while they come in, and how deep their
JSON is."""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import accumulate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firm.envelope import LARGEST_EVENT_BYTES
from serving.problems import problem

_STRINGS = re.compile(rb'"(?:[^"\\\\]|\\\\.)*"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def depth(text: bytes) -> int:
    """How deep the lists and objects of a JSON text are nested, whether or not it is sound."""
    brackets = _STRINGS.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(accumulate(1 if one in b"[{" else -1 for one in brackets), default=0)


class DepthLimit:
    """ASGI middleware: JSON that is nested deeper than the limit is answered with 400, before
    anything reads it. It stands within a `BodyLimit`, as it takes the whole body in."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its body is flat enough."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        body, last = await _whole(receive)
        if last["type"] == "http.request" and self._is_too_deep(_json_part(scope, body)):
            detail = f"JSON may be nested {self._limit} levels deep; send it flatter"
            oip = scope["path"].startswith("/v2/")
            answer = problem(HTTPStatus.BAD_REQUEST, "too-deep", detail, oip=oip)
            await answer(scope, receive, send)
            return
        coming = [{"type": "http.request", "body": body, "more_body": False}, last]
        if last["type"] == "http.request":
            coming.pop()

        async def again() -> Message:
            return coming.pop(0) if coming else await receive()

        await self._app(scope, again, send)

    def _is_too_deep(self, text: bytes) -> bool:
        if text.count(b"[") + text.count(b"{") <= self._limit:
            return False
        return depth(text) > self._limit


async def _whole(receive: Receive) -> tuple[bytes, Message]:
    """The body, and the message that ended it: its last part, or that the caller is gone."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), message
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts), message


def _json_part(scope: Scope, body: bytes) -> bytes:
    """The JSON of a body: binary tensors may follow it."""
    for name, value in scope["headers"]:
        if name == b"inference-header-content-length" and value.isdigit():
            return body[: int(value)]
    return body


class _TooMuch(Exception):
    """More bytes came in than the limit lets through."""


class Uncompressed:
    """ASGI middleware: a compressed body is answered with 415, as the other limits are those of
    what is read, and it would be read as JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its body is what it says."""
        coding = _coding(scope) if scope["type"] == "http" else "identity"
        if coding == "identity":
            await self._app(scope, receive, send)
            return
        detail = f"a body is taken as it is, not as {coding!r}; send it without Content-Encoding"
        oip = scope["path"].startswith("/v2/")
        answer = problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed", detail, oip=oip)
        answer.headers["Accept-Encoding"] = "identity"
        await answer(scope, receive, send)


def _coding(scope: Scope) -> str:
    named = [value for name, value in scope["headers"] if name == b"content-encoding"]
    return b", ".join(named).decode("latin-1").strip().lower() or "identity"


class BodyLimit:
    """ASGI middleware: a body above the limit is answered with 413 and not read to its end."""

    def __init__(self, app: ASGIApp, limit: int = LARGEST_EVENT_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what comes in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = self._limit
        started = False

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooMuch
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            if left < 0 and not started:
                raise _TooMuch  # whoever read the body has taken ours for an error of its own
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooMuch:
            if not started:
                detail = f"a body may have {self._limit:,} bytes; send less, or a reference"
                answer = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
                await answer(scope, receive, send)
