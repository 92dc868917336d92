"""What a request hears that the end of the service cuts off."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.headers import ALWAYS
from serving.observed import HEADER, request_id
from serving.problems import problem

DETAIL = (
    "the service is ending, and this request was not through in time; send it again, with the same "
    "Idempotency-Key if it had one"
)


async def until_the_end(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an application answer. Whoever still waits when the server cancels what is under way is
    told to try again (503), where nothing of the answer has gone out yet."""
    started = False

    async def noted(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        await app(scope, receive, noted)
    except asyncio.CancelledError:
        if started or scope["type"] != "http":
            raise
        oip = scope["path"].startswith("/v2/")
        answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "ending", DETAIL, oip=oip)
        answer.raw_headers.extend([*ALWAYS, (HEADER, request_id(scope["headers"]))])
        await answer(scope, receive, send)
