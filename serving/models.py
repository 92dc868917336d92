"""The routes by which people let versions decide, and take them back; the rules are the firm's."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from firm.access import Caller
from firm.decision import Person
from firm.promotion import Proposal
from firm.standing import Promotion, Standing
from firm.time import Micros, to_micros
from serving.access.guard import Guard
from serving.documented import PROBLEMS
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


class Said(BaseModel):
    """A reason; it is kept for ever."""

    model_config = ConfigDict(extra="forbid")

    why: Reason


class Proposed(Said):
    """A version that should decide: all of the traffic, or as canary a share of the subjects."""

    version: Version
    alias: Literal["champion", "canary"] = "champion"
    share: float = Field(1.0, gt=0, le=1)


class TakenBack(Said):
    """Back to an earlier champion: the one before, without a version."""

    to: Version | None = None


def models_router(scoring: Scoring, governance: Governs, guard: Guard) -> APIRouter:
    """The routes on the versions of a workflow."""
    router = APIRouter(prefix="/workflows/{slug}", tags=["models"], responses=PROBLEMS)
    approve, stop = guard.needs("models:approve"), guard.needs("models:stop")

    @router.get("/models", dependencies=[guard.needs("models:read")])
    def models(slug: str, at: AwareDatetime | None = None) -> dict[str, Any]:
        """What is live, or was at an instant: champion, canary, challenger, and who moved them."""
        scoring.workflow(slug)
        return _plain(governance.standing(slug, None if at is None else to_micros(at)))

    @router.post("/promotions", status_code=201, dependencies=[guard.needs("models:propose")])
    def ask(slug: str, said: Proposed, request: Request) -> dict[str, Any]:
        """Propose that a version decide; another person has to agree."""
        person, slug = _person(request), scoring.workflow(slug).slug
        return _plain(
            governance.propose(slug, said.version, person, said.why, said.alias, said.share)
        )

    @router.post("/promotions/{proposal}/agree", dependencies=[approve])
    def agree(slug: str, proposal: str, said: Said, request: Request) -> dict[str, Any]:
        """Agree to what somebody else proposed; the version decides within a second."""
        return _plain(governance.agree(slug, proposal, _person(request), said.why))

    @router.post("/promotions/{proposal}/decline", status_code=204, dependencies=[approve])
    def decline(slug: str, proposal: str, said: Said, request: Request) -> None:
        """Refuse what somebody proposed."""
        governance.decline(slug, proposal, _person(request), said.why)

    @router.post("/rollback", dependencies=[stop])
    def roll_back(slug: str, said: TakenBack, request: Request) -> dict[str, Any]:
        """Go back to an earlier champion."""
        slug = scoring.workflow(slug).slug
        return _plain(governance.roll_back(slug, said.to, _person(request), said.why))

    @router.post("/kill", dependencies=[stop])
    def kill(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Let the declared rule decide; answers say why."""
        return _plain(governance.kill(scoring.workflow(slug).slug, _person(request), said.why))

    @router.post("/lift", dependencies=[stop])
    def lift(slug: str, said: Said, request: Request) -> dict[str, Any]:
        """Let the champion decide again."""
        return _plain(governance.lift(scoring.workflow(slug).slug, _person(request), said.why))

    return router


def _person(request: Request) -> Person:
    caller: Caller = request.state.caller
    return Person(caller.name, caller.roles)


def _plain(found: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(found, str_keys=True)
    return plain
