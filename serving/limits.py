"""A limit on the size of a body, counted while it comes in."""

from __future__ import annotations

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firm.envelope import LARGEST_EVENT_BYTES
from serving.problems import problem


class _TooMuch(Exception):
    """More bytes came in than the limit lets through."""


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
