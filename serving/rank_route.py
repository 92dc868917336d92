"""The route that ranks the candidates for a request."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from firm.ids import SubjectId
from firm.time import Micros
from serving.access.guard import Guard
from serving.documented import PROBLEMS, Explain, Key
from serving.explaining import Explaining
from serving.ranking import Rankings
from serving.schemas import RankAsked, RankedAnswer
from serving.scoring import asked_instant


def rank_route(
    rankings: Rankings, explaining: Explaining, now: Callable[[], Micros], guard: Guard
) -> APIRouter:
    """The route over its use cases; `now` is the clock."""
    router = APIRouter(tags=["scores"], responses=PROBLEMS)

    @router.post(
        "/workflows/{slug}/rank",
        response_model=RankedAnswer,
        dependencies=[guard.needs("scores:ask")],
    )
    async def rank(
        slug: str,
        asked: RankAsked,
        key: Key,
        explain: Explain = False,
    ) -> Response:
        """Rank whom a subject could be given to, and tell who is left out and why.

        Nobody is given anything by this. A candidate that is proposed and left out waits for the
        approval of the role that the workflow declares.
        """
        at = now()
        as_of = asked_instant(asked.as_of, at)
        subject = SubjectId(asked.subject)
        decision = await rankings.rank(slug, subject, as_of, key, at, asked.candidates, asked.top)
        body = await explaining.answer(rankings.workflow(slug), decision, explain)
        return Response(body, media_type="application/json")

    return router
