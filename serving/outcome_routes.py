"""The routes by which outcomes come in, and are looked up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from firm.envelope import check_time
from firm.time import DAY, Micros, to_datetime
from serving.access.guard import Guard
from serving.documented import PROBLEMS, REPORTED, IdempotencyKey
from serving.outcomes import Reports, Status
from serving.schemas import Moment, SubjectRef
from serving.scoring import Scoring

Publish = Callable[[bytes, bytes], Awaitable[None]]
ID = "0d1c5b7e-52d1-5b6b-9df0-6f0d6f0c6a0e"


class OutcomeSent(BaseModel):
    """Whether what a decision foretold came true: of a decision by its id, or of the newest on a
    subject's events as of an instant."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"decision_id": ID, "came_true": True, "known_at": "2017-11-01T00:00:00Z"},
                {
                    "workflow": "delivery_risk",
                    "subject": "project:3",
                    "came_true": False,
                    "known_at": "2017-11-01T00:00:00Z",
                },
            ]
        },
    )

    came_true: bool
    known_at: Moment = Field(description="when it became known; later ones correct earlier")
    decision_id: str | None = Field(None, max_length=200)
    workflow: str | None = Field(None, max_length=50)
    subject: SubjectRef | None = None
    as_of: Moment | None = Field(
        None, description="With a subject: the newest decision up to then; up to `known_at`."
    )


class OutcomeAccepted(BaseModel):
    """An outcome that is in the log for good; it is joined to its decision within seconds."""

    event_id: str
    decision_id: str
    workflow: str
    subject: str
    status: Status = Field(
        description="correction: another one was known before; duplicate: this one was, and "
        "nothing was done"
    )


class OutcomeShown(BaseModel):
    """What is known to have become of a decision."""

    decision_id: str
    workflow: str
    subject: str
    question: str
    came_true: bool | None = Field(description="null while it is not known, or was taken back")
    known_at: AwareDatetime | None
    recorded_at: AwareDatetime | None
    revision: int = Field(description="how often it was corrected")
    matures_at: AwareDatetime = Field(description="from then on it is overdue, where none is known")


def outcome_routes(
    scoring: Scoring, reports: Reports, publish: Publish, now: Callable[[], Micros], guard: Guard
) -> APIRouter:
    """The routes over the use case; `publish` puts events into the log, `now` is the clock."""
    router = APIRouter(tags=["outcomes"], responses=PROBLEMS)

    @router.post(
        "/outcomes",
        status_code=202,
        operation_id="report_outcome",
        responses=REPORTED,
        dependencies=[guard.needs("outcomes:send")],
    )
    async def take(
        sent: OutcomeSent, request: Request, idempotency_key: IdempotencyKey = None
    ) -> OutcomeAccepted:
        """Report an outcome; 202 when the log has it for good. Sent again, it is not counted
        again; with another `came_true` and a later `known_at`, it corrects the earlier one."""
        at = now()
        known_at = check_time(sent.known_at, at)
        until = known_at if sent.as_of is None else check_time(sent.as_of, at)
        judged = await run_in_threadpool(
            reports.judged, sent.decision_id, sent.workflow, sent.subject, until
        )
        guard.require(request, "outcomes:send", judged.workflow)
        found = await run_in_threadpool(
            reports.report, judged, sent.came_true, known_at, idempotency_key
        )
        if found.payload is not None:
            await publish(judged.subject.encode(), found.payload)
        return OutcomeAccepted(
            event_id=found.event,
            decision_id=judged.id,
            workflow=judged.workflow,
            subject=judged.subject,
            status=found.status,
        )

    @router.get(
        "/decisions/{decision_id}/outcome",
        operation_id="outcome",
        dependencies=[guard.needs("decisions:read")],
    )
    def outcome(decision_id: str, request: Request) -> OutcomeShown:
        """What became of a decision, as far as it is known."""
        decision = scoring.decision(decision_id)
        guard.require(request, "decisions:read", decision.workflow)
        workflow, known = scoring.workflow(decision.workflow), reports.known(decision)
        value = known.value if known else None
        recorded_at = known.recorded_at if known else None
        return OutcomeShown(
            decision_id=decision.id,
            workflow=decision.workflow,
            subject=decision.subject,
            question=workflow.question,
            came_true=None if value is None else value > 0,
            known_at=to_datetime(known.known_at) if known and value is not None else None,
            recorded_at=None if recorded_at is None else to_datetime(recorded_at),
            revision=known.revision if known else 0,
            matures_at=to_datetime(decision.as_of + int(workflow.label.maturity_days * DAY)),
        )

    return router
