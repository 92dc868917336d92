"""Endpoints that do nothing: what is left of a server when it has no work."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

EMPTY = {"probability": 0.5}
BODY = b'{"probability":0.5}'
HEADERS = [(b"content-length", b"19"), (b"content-type", b"application/json")]


@asynccontextmanager
async def _frozen(_app: object) -> AsyncIterator[None]:
    """The collector as Headway has it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    yield


async def _answer(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse(EMPTY)


starlette = Starlette(routes=[Route("/", _answer, methods=["POST"])], lifespan=_frozen)
fastapi = FastAPI(lifespan=_frozen)


@fastapi.post("/")
async def score(subject: dict[str, str]) -> dict[str, float]:
    """As a FastAPI endpoint comes: the body is validated, the answer serialised."""
    return EMPTY


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """No framework at all."""
    if scope["type"] == "lifespan":
        await receive()
        gc.collect()
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
