"""What several routes say of themselves in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Query

from serving.problems import MEDIA_TYPE
from serving.schemas import Problem

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200,
        description="The same key gives the same decision, byte for byte, however often it is sent",
    ),
]
Explain = Annotated[
    bool,
    Query(description="Give the reasons that weigh most: exact TreeSHAP, some milliseconds more"),
]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}
