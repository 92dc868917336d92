"""The routes on versions that are tried before they decide: the challenger, and the canary."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.models import Governs, Said, Version, person_of, plain
from serving.scoring import Scoring


class Watched(Said):
    """A version that should score in the shadow of the champion."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "4", "why": "is it better on new sites?"}]}
    )

    version: Version


class Comparison(BaseModel):
    """A challenger against what was decided, on the same decisions, once their outcomes are known.

    The Brier score is the mean squared error of a score: lower is better.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "challenger": "4",
                    "scored": 1813,
                    "judged": 904,
                    "brier_decided": 0.185,
                    "brier_challenger": 0.171,
                    "difference": -0.014,
                    "low": -0.021,
                    "high": -0.006,
                    "confidence": 0.95,
                    "alarms_decided": 0.36,
                    "alarms_challenger": 0.33,
                    "verdict": "the challenger is better",
                }
            ]
        }
    )

    challenger: str
    scored: int = Field(description="decisions that it has scored in the shadow")
    judged: int = Field(description="those that are old enough, and whose outcome is known")
    brier_decided: float
    brier_challenger: float
    difference: float = Field(description="the challenger's less that of what was decided")
    low: float
    high: float
    confidence: float = Field(description="of each limit of the difference")
    alarms_decided: float = Field(ge=0, le=1, description="share of the judged that got an alert")
    alarms_challenger: float = Field(ge=0, le=1)
    verdict: str


def trying_router(scoring: Scoring, governance: Governs, guard: Guard) -> APIRouter:
    """The routes on what is tried; a canary begins as a proposal (`promotions`)."""
    router = APIRouter(prefix="/workflows/{slug}", tags=["models"], responses=PROBLEMS)
    propose = guard.needs("models:propose")

    @router.post("/challenger", status_code=201, dependencies=[propose])
    def watch(slug: str, said: Watched, request: Request) -> dict[str, Any]:
        """Let a version score what is decided; it decides nothing, and slows nothing."""
        slug = scoring.workflow(slug).slug
        return plain(governance.shadow(slug, said.version, person_of(request), said.why))

    @router.post("/challenger/end", dependencies=[propose])
    def end_challenger(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Watch the challenger no longer."""
        slug = scoring.workflow(slug).slug
        return plain(governance.take_away(slug, "challenger", person_of(request), said.why))

    @router.get("/challenger/comparison", dependencies=[guard.needs("models:read")])
    def compare(slug: str) -> Comparison:
        """Hold the challenger against what was decided, with intervals; 409 while too few outcomes
        are known."""
        return Comparison(**governance.compare(scoring.workflow(slug).slug))

    @router.post("/canary/end", dependencies=[guard.needs("models:stop")])
    def end_canary(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Take the canary back: the champion decides on all subjects again."""
        slug = scoring.workflow(slug).slug
        return plain(governance.take_away(slug, "canary", person_of(request), said.why))

    return router
