"""The routes by which people let versions decide, and take them back; the rules are the firm's."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firm.access import Caller
from firm.decision import Person
from firm.promotion import Proposal
from firm.standing import Alias, Promotion, Standing
from firm.time import Micros, to_micros
from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.schemas import Moment
from serving.scoring import Scoring

Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]


class Governs(Protocol):
    """What people do to versions; each raises NotAllowed where they may not (`firm.promotion`)."""

    def standing(self, workflow: str, at: Micros | None = None) -> Standing:
        """What is live, or was at an instant."""

    def propose(
        self,
        workflow: str,
        version: str,
        person: Person,
        why: str,
        alias: Literal["champion", "canary"] = "champion",
        share: float = 1.0,
    ) -> Proposal:
        """Ask that a version decide."""

    def agree(self, workflow: str, proposal: str, person: Person, why: str) -> Promotion:
        """Agree to what somebody else proposed."""

    def decline(self, workflow: str, proposal: str, person: Person, why: str) -> None:
        """Refuse it."""

    def roll_back(self, workflow: str, to: str | None, person: Person, why: str) -> Promotion:
        """Go back to an earlier champion."""

    def kill(self, workflow: str, person: Person, why: str) -> Promotion:
        """Let the declared rule decide."""

    def lift(self, workflow: str, person: Person, why: str) -> Promotion:
        """Let the champion decide again."""

    def shadow(self, workflow: str, version: str, person: Person, why: str) -> Promotion:
        """Let a version score beside the champion, deciding nothing."""

    def take_away(self, workflow: str, alias: Alias, person: Person, why: str) -> Promotion:
        """End the canary or the challenger."""

    def compare(self, workflow: str) -> dict[str, Any]:
        """The challenger against what was decided, on outcomes that are known."""


class Said(BaseModel):
    """A reason; it is kept for ever."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"why": "beats version 2 since May"}]}
    )

    why: Reason


class Proposed(Said):
    """A version that should decide: all of the traffic, or as canary a share of the subjects."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"version": "3", "why": "beats version 2 since May"},
                {"version": "4", "alias": "canary", "share": 0.1, "why": "on few subjects first"},
            ]
        }
    )

    version: Version
    alias: Literal["champion", "canary"] = "champion"
    share: float = Field(1.0, gt=0, le=1)


class TakenBack(Said):
    """Back to an earlier champion: the one before, without a version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to": "2", "why": "twice the alarms since noon"}]}
    )

    to: Version | None = None


def models_router(scoring: Scoring, governance: Governs, guard: Guard) -> APIRouter:
    """The routes on the versions of a workflow."""
    router = APIRouter(prefix="/workflows/{slug}", tags=["models"], responses=PROBLEMS)
    approve, stop = guard.needs("models:approve"), guard.needs("models:stop")

    @router.get("/models", dependencies=[guard.needs("models:read")])
    def models(slug: str, at: Moment | None = None) -> dict[str, Any]:
        """What is live, or was at an instant: champion, canary, challenger, and who moved them."""
        scoring.workflow(slug)
        return plain(governance.standing(slug, None if at is None else to_micros(at)))

    @router.post("/promotions", status_code=201, dependencies=[guard.needs("models:propose")])
    def ask(slug: str, said: Proposed, request: Request) -> dict[str, Any]:
        """Propose that a version decide; another person has to agree."""
        person, slug = person_of(request), scoring.workflow(slug).slug
        return plain(
            governance.propose(slug, said.version, person, said.why, said.alias, said.share)
        )

    @router.post("/promotions/{proposal}/agree", dependencies=[approve])
    def agree(slug: str, proposal: str, said: Said, request: Request) -> dict[str, Any]:
        """Agree to what somebody else proposed; the version decides within a second."""
        return plain(governance.agree(slug, proposal, person_of(request), said.why))

    @router.post("/promotions/{proposal}/decline", status_code=204, dependencies=[approve])
    def decline(slug: str, proposal: str, said: Said, request: Request) -> None:
        """Refuse what somebody proposed."""
        governance.decline(slug, proposal, person_of(request), said.why)

    @router.post("/rollback", dependencies=[stop])
    def roll_back(slug: str, said: TakenBack, request: Request) -> dict[str, Any]:
        """Go back to an earlier champion."""
        slug = scoring.workflow(slug).slug
        return plain(governance.roll_back(slug, said.to, person_of(request), said.why))

    @router.post("/kill", dependencies=[stop])
    def kill(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Let the declared rule decide; answers say why."""
        return plain(governance.kill(scoring.workflow(slug).slug, person_of(request), said.why))

    @router.post("/lift", dependencies=[stop])
    def lift(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Let the champion decide again."""
        return plain(governance.lift(scoring.workflow(slug).slug, person_of(request), said.why))

    return router


def person_of(request: Request) -> Person:
    """Who calls, as the rules of the firm know them."""
    caller: Caller = request.state.caller
    return Person(caller.name, caller.roles)


def plain(found: msgspec.Struct) -> dict[str, Any]:
    """A struct as JSON has it."""
    plain: dict[str, Any] = msgspec.to_builtins(found, str_keys=True)
    return plain
