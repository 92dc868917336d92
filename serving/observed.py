"""Each request has an id, which its answer and the lines of the log carry, and is timed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

Answered = Callable[[str, int, Sequence[float]], None]
HEADER, TRACE = b"x-request-id", b"traceparent"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_SCORE = re.compile(r"/v1/workflows/[a-z0-9_]+/score")


class Observed:
    """ASGI middleware.

    Args:
        answered: told of answers their route (as declared, never the caller's text), their status
            and the seconds that each took.
    """

    def __init__(self, app: ASGIApp, answered: Answered) -> None:
        self._app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the request's id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        id_ = request_id(scope["headers"])
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, id_)]
            await send(message)

        bind_contextvars(request=id_.decode())  # a server runs each request in a task of its own
        try:
            await self._app(scope, receive, noted)
        finally:
            self._answered(route_of(scope), status, [time.perf_counter() - began])


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's own id if it is a plain one, else that of their trace, else a new one."""
    trace = b""
    for name, value in headers:
        if name == HEADER and _ID.fullmatch(value):
            return bytes(value)
        if name == TRACE and (found := _TRACEPARENT.fullmatch(value)):
            trace = found[1]
    return trace or token_hex(16).encode()


def route_of(scope: Scope) -> str:
    """The path as it is declared, so that there are as many labels as routes."""
    route = scope.get("route")
    if route is None:
        return "/v1/workflows/{slug}/score" if _SCORE.fullmatch(scope["path"]) else "none"
    declared = str(route.path)  # without the prefix under which its router was included
    prefix = scope["path"].split("/")[: -declared.count("/")]
    return "/".join(prefix) + declared
