"""A simulated PSA that performs actions: each idempotency key once, however often it comes."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import FastAPI, Header
from pydantic import BaseModel, ConfigDict


class Asked(BaseModel):
    """What is to be done to which subject."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    subject: str
    says: str


def create_psa() -> FastAPI:
    """The application; it forgets everything when it ends."""
    app = FastAPI(title="Simulated PSA", openapi_url=None)
    done: dict[str, Asked] = {}

    @app.post("/actions")
    def perform(asked: Asked, idempotency_key: Annotated[str, Header()]) -> dict[str, str]:
        done.setdefault(idempotency_key, asked)
        return {"reference": f"psa-{idempotency_key[:8]}"}

    @app.get("/actions")
    def performed() -> dict[str, int]:
        return dict(Counter(asked.kind for asked in done.values()))

    return app
