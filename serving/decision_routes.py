"""The routes on decisions that were taken: what was said, and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from firm.decision import Decision
from serving.access.guard import Guard
from serving.answers import evidence_answer, explanation_answer
from serving.documented import PROBLEMS, Explain
from serving.explaining import Explaining
from serving.schemas import Answer, EvidenceShown, ExplanationShown, RankedAnswer
from serving.scoring import Scoring


def decision_routes(scoring: Scoring, explaining: Explaining, guard: Guard) -> APIRouter:
    """The routes over their use cases."""
    router = APIRouter(prefix="/decisions/{decision_id}", tags=["decisions"], responses=PROBLEMS)
    read = guard.needs("decisions:read")

    async def found(decision_id: str, request: Request) -> Decision:
        one = await run_in_threadpool(scoring.decision, decision_id)
        guard.require(request, "decisions:read", one.workflow)
        return one

    @router.get(
        "",
        operation_id="decision",
        response_model=RankedAnswer | Answer,
        dependencies=[read],
    )
    async def decision(decision_id: str, request: Request, explain: Explain = False) -> Response:
        """A decision that was taken, with the snapshot it was taken on."""
        one = await found(decision_id, request)
        return _json(await explaining.answer(scoring.workflow(one.workflow), one, explain))

    @router.get(
        "/explanation",
        operation_id="explanation",
        response_model=ExplanationShown,
        dependencies=[read],
    )
    async def explanation(decision_id: str, request: Request) -> Response:
        """Why it was taken: what each feature added, by the version that took it (exact TreeSHAP)
        on the values that are on record."""
        one = await found(decision_id, request)
        workflow = scoring.workflow(one.workflow)
        why = await run_in_threadpool(explaining.explanation, workflow, one)
        return _json(explanation_answer(one, why))

    @router.get(
        "/evidence",
        operation_id="evidence",
        response_model=EvidenceShown,
        dependencies=[read],
    )
    async def evidence(decision_id: str, request: Request) -> Response:
        """How fresh it was: each value with its unit, when its newest event happened and where it
        comes from."""
        one = await found(decision_id, request)
        return _json(evidence_answer(scoring.workflow(one.workflow), one))

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
