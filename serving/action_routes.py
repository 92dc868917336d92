"""The routes on actions that wait for a person: who may agree to them or refuse them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from firm.access import Caller
from firm.decision import Action, Verdict
from firm.declared import Slug
from firm.errors import UnknownDecision
from firm.handlers import approve
from firm.ids import ActionId
from firm.time import Micros, to_datetime
from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.models import Said, person_of

WRITER = "governance"
"""The chain of the audit log in which verdicts stand, however they come."""


class WaitingActions(Protocol):
    """The actions that wait, and what people say of them."""

    def action(self, id_: ActionId) -> Action:
        """One action; raises UnknownDecision."""

    def waiting_actions(self, workflow: Slug | None = None) -> Sequence[Action]:
        """Those that wait for a person, oldest first."""

    def give_verdict(self, given: Verdict, writer: str) -> None:
        """Keep what a person said; raises NotAllowed where nobody is waited for."""


class ActionShown(BaseModel):
    """An action that waits for a person of a role."""

    id: str
    decision_id: str
    workflow: str
    subject: str
    kind: str
    says: str
    approval: str | None = Field(description="the role that it waits for")
    asked_at: AwareDatetime


class VerdictShown(BaseModel):
    """What a person said of an action; it is kept for ever."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action": "9f1c0d1e-3c0b-5f8e-9d43-1f0f8d1f1a5b",
                    "verdict": "agreed",
                    "person": "Dana",
                    "why": "the owner confirmed the delay",
                    "at": "2026-11-02T09:30:00Z",
                }
            ]
        }
    )

    action: str
    verdict: Literal["agreed", "declined"]
    person: str
    why: str
    at: AwareDatetime


def action_routes(actions: WaitingActions, now: Callable[[], Micros], guard: Guard) -> APIRouter:
    """The routes over the store; `now` is the clock."""
    router = APIRouter(prefix="/actions", tags=["actions"], responses=PROBLEMS)
    may = guard.needs("actions:approve")

    @router.get("", dependencies=[guard.needs("decisions:read")])
    def waiting(request: Request, workflow: str | None = None) -> list[ActionShown]:
        """The actions that wait for a person, oldest first, of the workflows that the key
        reaches."""
        caller: Caller = request.state.caller
        found = actions.waiting_actions(workflow)
        return [_shown(one) for one in found if caller.may_touch(one.workflow)]

    @router.post("/{action_id}/agree", dependencies=[may])
    def agree(action_id: str, said: Said, request: Request) -> VerdictShown:
        """Agree to an action that waits for a role of yours: it goes out."""
        return verdict(action_id, True, said.why, request)

    @router.post("/{action_id}/decline", dependencies=[may])
    def decline(action_id: str, said: Said, request: Request) -> VerdictShown:
        """Refuse an action that waits for a role of yours: it is never done."""
        return verdict(action_id, False, said.why, request)

    def verdict(action_id: str, agreed: bool, why: str, request: Request) -> VerdictShown:
        if not action_id.isprintable():  # PostgreSQL takes no NUL, not even to look for it
            raise UnknownDecision(f"no action has the id {action_id!r}")
        action = actions.action(ActionId(action_id))
        guard.require(request, "actions:approve", action.workflow)
        given = approve(action, person_of(request), agreed, why, now())
        actions.give_verdict(given, WRITER)
        return VerdictShown(
            action=given.action,
            verdict="agreed" if given.agreed else "declined",
            person=given.person,
            why=given.reason,
            at=to_datetime(given.at),
        )

    return router


def _shown(action: Action) -> ActionShown:
    return ActionShown(
        id=action.id,
        decision_id=action.decision,
        workflow=action.workflow,
        subject=action.subject,
        kind=action.kind,
        says=action.says,
        approval=action.approval,
        asked_at=to_datetime(action.asked_at),
    )
