"""What several routes say of themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Query

from firm.ids import new_key
from serving.problems import MEDIA_TYPE
from serving.schemas import Problem

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200,
        description="The same key gives the same decision, byte for byte, however often it is sent",
    ),
]


async def _key(idempotency_key: IdempotencyKey = None) -> str:
    return idempotency_key or new_key()


Key = Annotated[str, Depends(_key)]
"""The caller's own idempotency key, or one that nobody has used."""
Explain = Annotated[
    bool,
    Query(
        description="Give the reasons that weigh most, also of each answer of a batch and of each "
        "candidate of a ranking: exact TreeSHAP, some milliseconds more"
    ),
]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
}


def _links(**parameters: str) -> dict[str, Any]:
    """From an answer to what can be asked next, with what the answer says."""
    return {
        operation: {"operationId": operation, "parameters": parameters}
        for operation in ("decision", "explanation", "evidence", "outcome")
    }


DECIDED: dict[int | str, dict[str, Any]] = {
    200: {
        "links": {
            **_links(decision_id="$response.body#/decision_id"),
            "report_outcome": {
                "operationId": "report_outcome",
                "requestBody": {
                    "decision_id": "$response.body#/decision_id",
                    "came_true": True,
                    "known_at": "$response.body#/as_of",
                },
            },
        }
    }
}
"""The links of an answer that names a decision."""
REPORTED: dict[int | str, dict[str, Any]] = {
    202: {"links": _links(decision_id="$response.body#/decision_id")}
}


def body_of(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    """How a route that reads the bytes itself documents them (`openapi_extra`)."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}
