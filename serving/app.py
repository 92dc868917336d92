"""The HTTP application: entry points translate and call, and hold no rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from firm.canonical import Canonicaliser
from firm.ids import SubjectId
from firm.time import Micros
from serving.access import Login
from serving.access.guard import Guard, require_policies
from serving.action_routes import WaitingActions, action_routes
from serving.batch import score_each
from serving.bodies import CLOUD_EVENT, CLOUD_EVENT_EXAMPLE
from serving.decision_routes import decision_routes
from serving.documented import DECIDED, PROBLEMS, Explain, Key, body_of
from serving.ending import until_the_end
from serving.explaining import Explaining
from serving.headers import SecurityHeaders
from serving.health import Vitals, health_routes
from serving.limits import BodyLimit, DepthLimit, Uncompressed
from serving.models import Governs, models_router
from serving.observed import Answered, Observed
from serving.outcome_routes import outcome_routes
from serving.outcomes import Judges
from serving.outcomes import Reports as Reported
from serving.problems import install
from serving.protocols import mlflow, oip
from serving.quick import QuickScore
from serving.rank_route import rank_route
from serving.ranking import Rankings
from serving.report_routes import Reports, report_routes
from serving.schemas import (
    Accepted,
    Answer,
    BatchAnswer,
    BatchAsked,
    ScoreAsked,
)
from serving.scoring import Scoring, asked_instant
from serving.trying import trying_router
from serving.webhook import Webhook, webhook_router
from serving.workflow_routes import workflow_routes

Publish = Callable[[bytes, bytes], Awaitable[None]]


def create_app(
    scoring: Scoring,
    rankings: Rankings,
    explaining: Explaining,
    canonicaliser: Canonicaliser,
    publish: Publish,
    now: Callable[[], Micros],
    login: Login,
    version: str,
    governance: Governs,
    vitals: Vitals,
    answered: Answered,
    json_depth: int,
    reports: Reports,
    actions: WaitingActions,
    judges: Judges,
    webhook: Webhook,
) -> Application:
    """The application over its use cases.

    Args:
        publish: puts (key, payload) into the log of events and returns when it is durable.
        now: the clock.
        login: who calls, and what they may do.
        version: Headway's own, as other protocols ask for it.
        governance: what people do to the versions of models.
        vitals: what the copy says of itself.
        answered: told of each answer (see `Observed`).
        json_depth: how deep the JSON of a request may be nested.
        reports: those that monitoring has kept.
        actions: those that wait for a person.
        judges: decisions, and what became of them.
        webhook: what MLflow's word that an alias moved is checked with, and wakes.
    """
    app = Application(
        title="Headway",
        summary="Scores on the work of a professional-services firm, while it happens",
        version="1",
        docs_url="/docs",
        redoc_url=None,
    )
    app.add_middleware(DepthLimit, limit=json_depth)
    app.add_middleware(BodyLimit)
    app.add_middleware(Uncompressed)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed, answered=answered)
    install(app)
    guard = Guard(login, now)
    app.include_router(_health())
    app.include_router(health_routes(vitals, guard))
    app.include_router(workflow_routes(scoring, guard), prefix="/v1")
    app.include_router(_scores(scoring, explaining, now, guard), prefix="/v1")
    app.include_router(decision_routes(scoring, explaining, guard), prefix="/v1")
    outcomes = outcome_routes(scoring, Reported(judges), publish, now, guard)
    app.include_router(outcomes, prefix="/v1")
    app.include_router(action_routes(actions, now, guard), prefix="/v1")
    app.include_router(report_routes(scoring, reports, guard), prefix="/v1")
    app.include_router(rank_route(rankings, explaining, now, guard), prefix="/v1")
    app.include_router(_events(scoring, canonicaliser, publish, now, guard), prefix="/v1")
    app.include_router(oip.routes(scoring, now, guard, version))
    app.include_router(mlflow.routes(scoring, now, guard, version))
    app.include_router(models_router(scoring, governance, guard), prefix="/v1")
    app.include_router(trying_router(scoring, governance, guard), prefix="/v1")
    app.include_router(webhook_router(webhook, now))
    require_policies(app)
    app.quick = app.front = QuickScore(app.behind, scoring, explaining, login, now, answered)
    return app


class Application(FastAPI):
    """FastAPI with somebody in front of it, who passes on what they do not answer themselves.

    Attributes:
        quick: whoever answers scores; they are in front unless somebody else was put there.
    """

    front: ASGIApp
    quick: QuickScore

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let those in front answer."""
        await until_the_end(self.front, scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI itself, with its middleware."""
        await super().__call__(scope, receive, send)


def _health() -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    return router


def _scores(
    scoring: Scoring, explaining: Explaining, now: Callable[[], Micros], guard: Guard
) -> APIRouter:
    router = APIRouter(tags=["scores"], responses=PROBLEMS)

    @router.post(
        "/workflows/{slug}/score",
        operation_id="score",
        response_model=Answer,
        responses=DECIDED,
        dependencies=[guard.needs("scores:ask")],
    )
    async def score(
        slug: str,
        asked: ScoreAsked,
        key: Key,
        explain: Explain = False,
    ) -> Response:
        """Score one subject now, or as of an earlier instant."""
        at = now()
        as_of = asked_instant(asked.as_of, at)
        decision = await scoring.score(slug, SubjectId(asked.subject), as_of, key, at)
        return _json(await explaining.answer(scoring.workflow(slug), decision, explain))

    @router.post(
        "/workflows/{slug}/score/batch",
        response_model=BatchAnswer,
        dependencies=[guard.needs("scores:ask")],
    )
    async def score_batch(
        slug: str,
        asked: BatchAsked,
        key: Key,
        explain: Explain = False,
    ) -> Response:
        """Score up to 1,000 subjects; each is a decision of its own, or a problem."""
        at = now()
        as_of = asked_instant(asked.as_of, at)
        found = await score_each(scoring, slug, asked.subjects, as_of, key, at)
        return _json(await explaining.batch_answer(scoring.workflow(slug), found, explain))

    return router


def _events(
    scoring: Scoring,
    canonicaliser: Canonicaliser,
    publish: Publish,
    now: Callable[[], Micros],
    guard: Guard,
) -> APIRouter:
    router = APIRouter(tags=["events"], responses=PROBLEMS)

    @router.post(
        "/events",
        status_code=202,
        openapi_extra=body_of(CLOUD_EVENT, CLOUD_EVENT_EXAMPLE),
        dependencies=[guard.needs("events:send")],
    )
    async def take(request: Request) -> Accepted:
        """Take in one CloudEvent (structured JSON); 202 when the log has it for good."""
        payload = await request.body()
        event = canonicaliser.event(payload, now())
        scoring.try_fold(event)
        await publish(event.subject.encode(), payload)
        return Accepted(
            event_id=event.id,
            source=event.source,
            external_id=event.external_id,
            subject=event.subject,
        )

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
