"""Health: alive, ready, advancing. The three differ, and each says what is wrong in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from fastapi import APIRouter, Response

from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.schemas import Health

UNWELL: dict[int | str, dict[str, Any]] = {HTTPStatus.SERVICE_UNAVAILABLE.value: {"model": Health}}
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Vitals(Protocol):
    """What is asked about the copy."""

    async def away(self) -> Mapping[str, str]:
        """By part what does not answer, in words that give no address or secret away."""

    async def stands(self) -> Mapping[str, str]:
        """By workflow (or part) why it does not advance."""

    async def metrics(self) -> bytes:
        """All metrics in Prometheus' text format."""


def health_routes(vitals: Vitals, guard: Guard) -> APIRouter:
    """The routes; those of health are open to everybody."""
    router = APIRouter(tags=["health"])

    @router.get("/health/ready", responses=UNWELL)
    async def ready(response: Response) -> Health:
        """Whether the database, the online store and the log answer."""
        return _said("ready", await vitals.away(), response)

    @router.get("/health/advancing", responses=UNWELL)
    async def advancing(response: Response) -> Health:
        """Whether each workflow has taken in the whole log, or goes on taking it in."""
        return _said("advancing", await vitals.stands(), response)

    @router.get(
        "/metrics",
        dependencies=[guard.needs("metrics:read")],
        response_class=Response,
        responses={**PROBLEMS, 200: {"content": {TEXT: {}}}},
    )
    async def metrics() -> Response:
        """All metrics of the copy, for Prometheus."""
        return Response(await vitals.metrics(), headers={"Content-Type": TEXT})

    return router


def _said(good: str, wrong: Mapping[str, str], response: Response) -> Health:
    if wrong:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Health(status=f"not {good}" if wrong else good, wrong=dict(wrong))
