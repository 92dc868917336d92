"""The shapes of MLflow's scoring server: `/ping`, `/version` and `/invocations`.

A table with the column `subject` comes in; the workflow is named by the parameter `workflow`.
Features are read here, by id, never taken from a caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from firm.decision import as_json
from firm.errors import InvalidValue, Malformed
from firm.time import Micros
from serving.access.guard import Guard
from serving.batch import all_or_nothing, score_each
from serving.bodies import INVOCATION, INVOCATION_EXAMPLE
from serving.documented import PROBLEMS, Key, body_of
from serving.scoring import Scoring

COLUMN = "subject"


class Split(msgspec.Struct):
    """A table as pandas' orientation `split`."""

    columns: list[str]
    data: list[list[Any]]


class Invocation(msgspec.Struct):
    """One of MLflow's four ways to send a table, and the parameters."""

    params: dict[str, Any] = {}
    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[Any] | None = None
    inputs: dict[str, list[Any]] | list[Any] | None = None


def routes(scoring: Scoring, now: Callable[[], Micros], guard: Guard, version: str) -> APIRouter:
    """The routes at the root, where MLflow's client looks for them."""
    router = APIRouter(tags=["MLflow"], responses=PROBLEMS)

    @router.get("/ping", response_class=PlainTextResponse)
    def ping() -> str:
        """The process answers."""
        return "\n"

    @router.get(
        "/version",
        response_class=PlainTextResponse,
        dependencies=[guard.needs("workflows:read")],
    )
    def server_version() -> str:
        """The server's version."""
        return version

    @router.post(
        "/invocations",
        openapi_extra=body_of(INVOCATION, INVOCATION_EXAMPLE),
        dependencies=[guard.needs("scores:ask")],
    )
    async def invocations(request: Request, key: Key) -> Response:
        """One decision for each row, in their order; all of them or none."""
        slug, subjects = read_invocation(await request.body())
        guard.require(request, "scores:ask", slug)
        at = now()
        found = await score_each(scoring, slug, subjects, at, key, at)
        predictions = [
            {"probability": d.probability, "band": d.band, "decision_id": d.id, "stale": d.stale}
            for d in all_or_nothing(found)
        ]
        return Response(as_json({"predictions": predictions}), media_type="application/json")

    return router


def read_invocation(body: bytes) -> tuple[str, list[str]]:
    """The workflow and the subjects.

    Raises:
        Malformed: it is not one of MLflow's forms.
        InvalidValue: it names no workflow, or has no column of subjects.
    """
    try:
        asked = msgspec.json.decode(body, type=Invocation)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"not an MLflow invocation: {error}") from error
    slug = asked.params.get("workflow")
    if not isinstance(slug, str):
        raise InvalidValue('name the workflow: {"params": {"workflow": "..."}}')
    values = _column(asked)
    if values is None or not all(isinstance(value, str) for value in values):
        raise InvalidValue(
            "send texts in a column named 'subject', as dataframe_split, dataframe_records, "
            "instances or inputs"
        )
    return slug, values


def _column(asked: Invocation) -> list[Any] | None:
    if asked.dataframe_split is not None:
        table = asked.dataframe_split
        if COLUMN not in table.columns:
            return None
        place = table.columns.index(COLUMN)
        return [row[place] if place < len(row) else None for row in table.data]
    if isinstance(asked.inputs, dict):
        return asked.inputs.get(COLUMN)
    rows = next((r for r in (asked.dataframe_records, asked.instances, asked.inputs) if r), None)
    if not isinstance(rows, list):
        return None
    return [row.get(COLUMN) if isinstance(row, dict) else row for row in rows]
